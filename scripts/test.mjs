// npm test: every stage in order, then one line with the sum. A stage that fails does not stop the next.
//   --only check,unit   runs these stages alone
// When all stages ran and passed, docs/reliability.md gets their figures.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { recordRun } from './reliability.mjs'
import { root, run, seconds, tool } from './test-run.mjs'
import { stages } from './test-stages.mjs'

/** Some 24 minutes on two cores that do nothing else; whatever hangs ends well within an hour. */
const TOTAL_MS = 40 * 60_000

const begun = performance.now()
const { values } = parseArgs({ options: { only: { type: 'string' } } })
const chosen = choose(values.only)
const folder = mkdtempSync(join(tmpdir(), 'varve-test-'))
const tallyFile = process.env.VARVE_TALLY ?? join(folder, 'tally.jsonl')
process.env.VARVE_TALLY = tallyFile
process.chdir(root)

try {
  if (!chosen.some(({ name }) => name === 'check')) await buildAlone()
  const results = []
  for (const stage of chosen) results.push(await runStage(stage))
  summarize(results)
  if (chosen === stages && process.exitCode === 0) recordRun('ci', tallyFile, { isWhole: true })
} finally {
  rmSync(folder, { recursive: true, force: true })
}

function choose(only) {
  if (only === undefined) return stages
  const names = only.split(',')
  const unknown = names.filter((name) => !stages.some((stage) => stage.name === name))
  if (unknown.length > 0) {
    console.error(`no stage ${unknown.join(', ')}; there are ${stages.map(({ name }) => name).join(', ')}`)
    process.exit(2)
  }
  return stages.filter(({ name }) => names.includes(name))
}

/** The tests run against the build. */
async function buildAlone() {
  const { code, output } = await run(tool('typescript/bin/tsc', '-b'))
  if (code !== 0) console.log(output)
}

async function runStage(stage) {
  const from = performance.now()
  console.log(`\n== ${stage.name}: ${stage.title} ==`)
  const timeoutMs = Math.max(1000, Math.min(stage.limitMs, TOTAL_MS - (from - begun)))
  const result = await attempt(stage, timeoutMs)
  if (result.problem !== undefined) result.failed.push(`the stage ${result.problem}`)
  const ms = performance.now() - from
  console.log(`== ${stage.name}: ${line(result.passed.length, result.failed.length, result.skipped.length)} in ${seconds(ms)} ==`)
  return { ...result, name: stage.name, ms }
}

async function attempt(stage, timeoutMs) {
  try {
    return await stage.run({ folder, timeoutMs })
  } catch (error) {
    return { passed: [], failed: [], skipped: [], problem: `could not be run: ${error.stack}` }
  }
}

function summarize(results) {
  const total = (list) => results.reduce((sum, result) => sum + result[list].length, 0)
  console.log('')
  for (const { name, ms, passed, failed, skipped } of results) {
    console.log(`${name.padEnd(12)} ${seconds(ms).padStart(8)}   ${line(passed.length, failed.length, skipped.length)}`)
  }
  printNames('skipped', results)
  printNames('failed', results)
  console.log(`\ntook ${seconds(performance.now() - begun)}`)
  process.exitCode = total('failed') > 0 || total('passed') === 0 ? 1 : 0
  console.log(line(total('passed'), total('failed'), total('skipped')))
}

function printNames(list, results) {
  if (results.every((result) => result[list].length === 0)) return
  console.log(`\n${list}:`)
  for (const result of results) for (const name of result[list]) console.log(`  ${result.name}: ${name.split('\n')[0]}`)
}

function line(passed, failed, skipped) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
}
