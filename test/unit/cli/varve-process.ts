// The command as a process of its own.

import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export const MAIN = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url))

export interface Ended {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
  /** What it printed, a JSON text a line. */
  // biome-ignore lint/suspicious/noExplicitAny: each test knows what it asked for
  json(): any[]
}

export interface Surroundings {
  readonly input?: string | Uint8Array
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
}

export function runVarve(words: readonly string[], { input = '', cwd, env = {} }: Surroundings = {}): Ended {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...words], {
    encoding: 'utf8',
    input,
    cwd,
    env: { ...process.env, ...env },
    maxBuffer: 1 << 28,
  })
  const lines = (): string[] => stdout.split('\n').filter((line) => line !== '')
  return { status, stdout, stderr, json: () => lines().map((line) => JSON.parse(line)) }
}
