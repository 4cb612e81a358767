import { isDamage } from './damage.js'
import type { SnapshotProblem } from './upkeep-types.js'

/** What is wrong with stored bytes, as a line of a report; anything else is thrown on. */
export function problemOf(
  at: { readonly id: string; readonly key?: string; readonly paths?: readonly string[] },
  error: unknown,
): SnapshotProblem {
  if (!isDamage(error)) throw error
  const { expected, actual } = error.facts
  return {
    id: at.id,
    code: error.code,
    message: error.message,
    ...(expected === undefined ? {} : { expected: String(expected) }),
    ...(actual === undefined ? {} : { actual: String(actual) }),
    ...(at.key === undefined ? {} : { key: at.key }),
    ...(at.paths === undefined ? {} : { paths: at.paths }),
  }
}
