// Packs the package as it would be published and has it judged: publint for its shape, attw for its types.

import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run, tool } from './test-run.mjs'

const folder = mkdtempSync(join(tmpdir(), 'varve-pack-'))
try {
  const packed = await run(['npm', 'pack', '--ignore-scripts', '--pack-destination', folder])
  if (packed.code !== 0) throw new Error(`npm pack failed\n${packed.output}`)
  const tarball = join(folder, readdirSync(folder)[0])
  const results = await Promise.all([
    run(tool('publint/src/cli.js', tarball, '--strict')),
    run(tool('@arethetypeswrong/cli/dist/index.js', tarball, '--profile', 'esm-only', '--no-emoji', '--no-color')),
  ])
  for (const result of results.filter(({ code }) => code !== 0)) console.log(result.output)
  process.exitCode = results.every(({ code }) => code === 0) ? 0 : 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}
