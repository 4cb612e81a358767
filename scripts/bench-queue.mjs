// npm run bench:queue: consumer groups next to brokers, to commands written by hand, and to themselves under load; writes
// bench/queue-report.md. Installs the peers on its first run. A gate that is missed is code 1.
//   --only pending    the cases whose title holds this (the report is written only by a run of all, at full scale)
//   --rounds 5        rounds that count
//   --scale 0.1       fewer records in each turn of the rows with brokers
//   --folder path     where to measure, to choose the file system; default the one for temporary files
//   --json            the results as JSON instead of a table

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describeMachine } from '../bench/machine.mjs'
import { markdown, printed } from '../bench/report.mjs'
import { fail, positive, readOptions } from './read-options.mjs'
import { root, run, tool } from './test-run.mjs'

const values = readOptions(import.meta.url, {
  only: { type: 'string', default: '' },
  rounds: { type: 'string', default: '5' },
  scale: { type: 'string', default: '1' },
  folder: { type: 'string', default: tmpdir() },
  json: { type: 'boolean', default: false },
})
const options = { ...values, rounds: positive(values, 'rounds'), scale: positive(values, 'scale') }
const facts = describeMachine(options.folder)
options.folder = mkdtempSync(join(options.folder, 'varve-bench-queue-'))
process.once('exit', () => rmSync(options.folder, { recursive: true, force: true }))
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1)) // servers are stopped on exit
const { code, output } = await run(tool('typescript/bin/tsc', '-b'))
if (code !== 0) fail(output)
const { installPeers, loadPeers, peerNames, reason, serverVersions, versions } = await import('../bench/log/install.mjs')
const { groupRows } = await import('../bench/log/rows.mjs')
const { measureRow } = await import('../bench/log/measure.mjs')
const { measure } = await import('../bench/harness.mjs')

const notInstalled = await installPeers()
if (notInstalled !== undefined) console.error(`the peers could not be installed:\n${notInstalled}`)
const { open, absent } = await loadPeers(wantedPeers(), options.folder)
facts.peers = [...versions(), ...(await serverVersions())].join(', ')

const results = []
for await (const result of measured()) {
  results.push(result)
  console.error(`${result.title}, ${result.peer}: ${result.value.toFixed(2)}`)
}
for (const [name, why] of absent) console.error(`not measured: ${name}: ${why}`)
if (results.length === 0 && absent.size === 0) fail(`no case has ${options.only} in its title`)
if (options.only === '' && options.scale === 1) writeFileSync(join(root, 'bench/queue-report.md'), report())
print()
process.exitCode = results.every(({ passed }) => passed !== false) ? 0 : 1

async function* measured() {
  for (const row of groupRows) if (isWanted(row.title)) yield* await orReason(row.title, () => measureRow(row, open, options))
  const { queueCases } = await import('../bench/queue/cases.mjs')
  for (const one of queueCases(options.folder)) {
    if (isWanted(one.title)) yield* await orReason(one.title, async () => [await measure(one, options.rounds)])
  }
}

/** A case that fails in the middle costs its row, not the run. */
async function orReason(title, work) {
  try {
    return await work()
  } catch (error) {
    console.error(error)
    absent.set(title, reason(error))
    return []
  }
}

function isWanted(title) {
  return title.toLowerCase().includes(options.only.toLowerCase())
}

/** We, and those that some row names. */
function wantedPeers() {
  const named = new Set(groupRows.filter(({ title }) => isWanted(title)).flatMap(({ peers }) => Object.keys(peers)))
  return peerNames().filter((name) => name === 'varve' || named.has(name))
}

function report() {
  const intro = [
    `By \`npm run bench:queue\` on ${new Date().toISOString().slice(0, 10)}; median of ${options.rounds} rounds in which all take turns, and the least and`,
    'the greatest. A record is a key, a JSON value of 1 KiB and one header. The result is our rate divided by the other one; a gate',
    'below 1 is what the row may cost: 0.5 is twice the time. No gate: for comparison.',
  ]
  const notes = absent.size === 0 ? [] : ['Not measured:', '', ...[...absent].map(([name, why]) => `- ${name}: ${why}`), '']
  return markdown({ intro, facts, results, notes })
}

function print() {
  if (options.json)
    return console.log(JSON.stringify({ facts, absent: Object.fromEntries(absent), rounds: options.rounds, results }, undefined, 2))
  console.log(printed({ facts, results, notes: [...absent].map(([name, why]) => `not measured: ${name}: ${why}`) }))
}
