// npm run torture: what takes too long for every run of the tests.
//   --seeds 50      the demo once for each seed, in a new directory each, with its comparison
//   --scale 50      the crash suite with so many times its states (VARVE_TORTURE, read by test/crash)
//   --only demo     or crash: one of the two

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { root, run, seconds, tool } from './test-run.mjs'

const HOUR = 3_600_000

const { values } = parseArgs({
  options: { seeds: { type: 'string', default: '50' }, scale: { type: 'string', default: '50' }, only: { type: 'string' } },
})
const parts = { demo: demoSeeds, crash: crashStates }
if (values.only !== undefined && parts[values.only] === undefined) {
  console.error(`no part ${values.only}; there are ${Object.keys(parts).join(', ')}`)
  process.exit(2)
}

await build()
const chosen = values.only === undefined ? Object.values(parts) : [parts[values.only]]
let passed = 0
let failed = 0
for (const part of chosen) {
  for await (const isGood of part()) {
    if (isGood) passed++
    else failed++
  }
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

async function* crashStates() {
  const command = tool('vitest/vitest.mjs', 'run', '--project', 'crash', '--testTimeout', String(4 * HOUR))
  const { code } = await run(command, { show: true, timeoutMs: 8 * HOUR, env: { VARVE_TORTURE: values.scale } })
  yield code === 0
}
