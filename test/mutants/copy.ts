// A copy of the project without its history and dependencies, which are linked, so that built code can be broken there and
// tested while the project stays as it is.

import { execFile } from 'node:child_process'
import { access, cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from '../package/project.js'
import type { Patch } from './mutants.js'

const COPIED = ['package.json', 'tsconfig.base.json', 'vitest.config.ts', 'dist', 'test', 'scripts']
/** For all tests of a copy. */
export const LIMIT_MS = 240_000
/** A share of the cases is enough: what is broken shows early. */
const SCALE = '0.1'

export interface Outcome {
  readonly passed: readonly string[]
  /** Full names of the tests that failed; a file that could not be loaded is none. */
  readonly failed: readonly string[]
  readonly code: number
  readonly output: string
}

/** Runs the test files (below test/), or the tests of these full names in them, in a copy with the patches applied. Throws when a patch does not fit exactly once, or a test is not there. */
export async function testCopy(patches: readonly Patch[], tests: readonly string[], names?: readonly string[]): Promise<Outcome> {
  const folder = await mkdtemp(join(tmpdir(), 'varve-mutant-'))
  try {
    for (const test of tests) await access(join(root, 'test', test))
    for (const name of COPIED) await cp(join(root, name), join(folder, name), { recursive: true })
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
    for (const patch of patches) await apply(folder, patch)
    return await runTests(folder, tests, names)
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  }
}

async function apply(folder: string, { file, find, replace }: Patch): Promise<void> {
  const path = join(folder, 'dist', file)
  const text = await readFile(path, 'utf8')
  const parts = text.split(find)
  if (parts.length !== 2) throw new Error(`the mutant fits ${parts.length - 1} times in dist/${file}: ${find}`)
  await writeFile(path, parts.join(replace))
}

async function runTests(folder: string, tests: readonly string[], names: readonly string[] | undefined): Promise<Outcome> {
  const report = join(folder, 'report.json')
  const vitest = join(root, 'node_modules/vitest/vitest.mjs')
  const files = tests.map((test) => join('test', test))
  const chosen = names === undefined ? [] : ['--testNamePattern', names.map((name) => `^${escaped(name)}$`).join('|')]
  const args = [vitest, 'run', '--root', folder, '--bail=1', '--reporter=json', `--outputFile.json=${report}`, ...chosen, ...files]
  const { code, output } = await new Promise<{ code: number; output: string }>((resolve) => {
    const options = {
      cwd: folder,
      timeout: LIMIT_MS,
      killSignal: 'SIGKILL' as const,
      maxBuffer: 1 << 26,
      env: { ...process.env, VARVE_TALLY: '', VARVE_TORTURE: SCALE },
    }
    const child = execFile(process.execPath, args, options, (_error, stdout, stderr) =>
      resolve({ code: child.exitCode ?? 1, output: stdout + stderr }),
    )
  })
  return { ...counted(await readFile(report, 'utf8').catch(() => '{"testResults":[]}')), code, output }
}

interface Report {
  readonly testResults: readonly { readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[] }[]
}

function counted(text: string): Pick<Outcome, 'passed' | 'failed'> {
  const results = (JSON.parse(text) as Report).testResults.flatMap(({ assertionResults }) => assertionResults)
  const failed = results.filter(({ status }) => status === 'failed').map(({ fullName }) => fullName)
  return { passed: results.filter(({ status }) => status === 'passed').map(({ fullName }) => fullName), failed }
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}
