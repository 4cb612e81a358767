// npm run torture: what takes too long for every run of the tests. What passed goes into docs/reliability.md.
//   --only kill     one row alone: demo, or one of the names in ROWS below
//   --scale 50      so many times the cases of an ordinary run, instead of the row's own factor
//   --seed 7        other cases, where chance draws them
//   --case 17       that drawn case alone, of a row of histories, to look at it again; no figures are taken up
//   --seeds 50      the demo once for each seed, in a new directory each, with its comparison

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { recordRun } from './reliability.mjs'
import { readOptions } from './read-options.mjs'
import { root, run, seconds, tool } from './test-run.mjs'

const HOUR = 3_600_000

/** Test files, and how many times their ordinary cases; `isBrowser` where Playwright runs them. */
const ROWS = {
  states: { files: ['test/crash/crash-states', 'test/crash/relaxed-chunks', 'test/crash/snapshot-states'], scale: 50 },
  operations: { files: ['test/crash/fail-operation', 'test/crash/faults', 'test/crash/snapshot-failures'], scale: 5 },
  exhaustive: { files: ['test/crash/exhaustive', 'test/crash/snapshot-exhaustive'], scale: 3 },
  kill: { files: ['test/crash/kill', 'test/crash/replicate-kill'], scale: 40 },
  browser: { files: ['kill.spec'], scale: 12.5, isBrowser: true },
  flips: { files: ['test/crash/damage', 'test/crash/swaps', 'test/crash/snapshot-damage'], scale: 1 },
  disk: { files: ['test/crash/disk-full'], scale: 25 },
  quota: { files: ['quota.spec'], scale: 10, isBrowser: true },
  edges: { files: ['test/histories/edges'], scale: 50 },
  writers: { files: ['test/histories/shared-log', 'test/histories/owned-log'], scale: 100 },
  redis: { files: ['test/conformance/redis-restarts'], scale: 20 },
  linearizability: { files: ['test/histories/kv-histories'], scale: 100 },
  fuzz: { files: ['test/fuzz/'], scale: 200 },
  mutants: { files: ['test/mutants/'], scale: 2 },
}

const values = readOptions(import.meta.url, {
  only: { type: 'string' },
  scale: { type: 'string' },
  seed: { type: 'string', default: '1' },
  case: { type: 'string' },
  seeds: { type: 'string', default: '50' },
})
const names = ['demo', ...Object.keys(ROWS)]
if (values.only !== undefined && !names.includes(values.only)) {
  console.error(`no row ${values.only}; there are ${names.join(', ')}`)
  process.exit(2)
}

const folder = mkdtempSync(join(tmpdir(), 'varve-torture-'))
let passed = 0
let failed = 0
try {
  await build()
  for (const name of values.only === undefined ? names : [values.only]) {
    for await (const isGood of name === 'demo' ? demoSeeds() : [await tortureRow(name, ROWS[name])]) {
      if (isGood) passed++
      else failed++
    }
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
process.exitCode = failed > 0 || passed === 0 ? 1 : 0
console.log(`${passed} passed, ${failed} failed`)

async function build() {
  const { code, output } = await run(tool('typescript/bin/tsc', '-b'))
  if (code === 0) return
  console.log(output)
  process.exit(1)
}

/** The demo ends with 0 only when nothing was lost and nothing counted twice. A failing run's directory stays for a look. */
async function* demoSeeds() {
  for (let seed = 1; seed <= Number(values.seeds); seed++) {
    const directory = mkdtempSync(join(tmpdir(), `varve-demo-${seed}-`))
    const command = [process.execPath, join(root, 'scripts/demo.mjs'), '--seed', String(seed), '--directory', directory]
    const { code, output, ms } = await run(command, { timeoutMs: 300_000 })
    console.log(`demo, seed ${seed}: ${code === 0 ? 'equal' : `FAILED, see ${directory}`} in ${seconds(ms)}`)
    if (code === 0) rmSync(directory, { recursive: true, force: true })
    else console.log(output)
    yield code === 0
  }
}

/** Its figures are taken up at once, so that a long run that is stopped has told of what it did. */
async function tortureRow(name, { files, scale, isBrowser = false }) {
  const tallyFile = join(folder, `${name}.jsonl`)
  const drawn = values.case === undefined ? {} : { VARVE_CASE: values.case }
  const env = { VARVE_TORTURE: values.scale ?? String(scale), VARVE_SEED: values.seed, VARVE_TALLY: tallyFile, ...drawn }
  const command = isBrowser
    ? tool('@playwright/test/cli.js', 'test', '--reporter=line', ...files)
    : tool('vitest/vitest.mjs', 'run', '--testTimeout', String(4 * HOUR), ...files)
  const { code } = await run(command, { show: true, timeoutMs: 8 * HOUR, env })
  if (code === 0 && values.case === undefined) recordRun('torture', tallyFile)
  return code === 0
}
