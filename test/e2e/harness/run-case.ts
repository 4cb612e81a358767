import { browserBackends } from './backends.js'
import { casesOf, suites } from './suites.js'

export interface CaseName {
  readonly backend: string
  readonly suite: string
  readonly name: string
}

/** Runs one case in this page or worker; gives what went wrong as text, since errors do not survive every crossing. */
export async function runCase(wanted: CaseName): Promise<string | undefined> {
  const suite = suites.find((one) => one.name === wanted.suite && (one.backends?.includes(wanted.backend) ?? true))
  const backend = browserBackends.find((one) => one.name === wanted.backend)
  if (suite === undefined || backend === undefined) return `no such suite or backend: ${wanted.suite}, ${wanted.backend}`
  const { cases, cleanUp } = casesOf(suite, backend)
  const found = cases.find((one) => one.name === wanted.name)
  if (found === undefined) return `no such case: ${wanted.name}`
  try {
    await found.run()
    await cleanUp()
    return undefined
  } catch (error) {
    await cleanUp().catch(() => {})
    return describe(error)
  }
}

export function describe(error: unknown): string {
  if (!(error instanceof Error)) return `threw ${String(error)}`
  const cause = error.cause === undefined ? '' : `\ncaused by ${describe(error.cause)}`
  return `${error.stack ?? error.message}${cause}`
}
