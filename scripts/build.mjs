// Compiles the package into dist/. Quick when nothing changed.

import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** Ends this process when the package does not compile. */
export function build() {
  const compiler = fileURLToPath(new URL('../node_modules/typescript/bin/tsc', import.meta.url))
  const { status, error } = spawnSync(process.execPath, [compiler, '-b'], { cwd: ROOT, stdio: 'inherit' })
  if (status === 0) return
  console.error(error === undefined ? 'the package does not compile' : `the compiler cannot be run (npm ci first?): ${error.message}`)
  process.exit(1)
}
