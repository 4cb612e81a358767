// npm run bench:log: the queue next to other logs, databases and brokers, in one run on the same records; writes
// bench/log-report.md. Installs the peers on its first run. A gate that is missed is code 1.
//   --only lmdb       one peer, or the rows whose title holds this (the report is written only by a run of all, at full scale)
//   --rounds 5        rounds that count
//   --scale 0.1       fewer records in each turn
//   --mib 1024        size of the large log that is opened and read
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
  mib: { type: 'string', default: '1024' },
  folder: { type: 'string', default: tmpdir() },
  json: { type: 'boolean', default: false },
})
const options = { ...values, rounds: positive(values, 'rounds'), scale: positive(values, 'scale'), mib: positive(values, 'mib') }
const facts = describeMachine(options.folder)
options.folder = mkdtempSync(join(options.folder, 'varve-bench-log-'))
process.once('exit', () => rmSync(options.folder, { recursive: true, force: true }))
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1)) // servers are stopped on exit
await build()
const { installPeers, loadPeers, peerNames, reason, serverVersions, versions } = await import('../bench/log/install.mjs')
const { rows } = await import('../bench/log/rows.mjs')
const { measureRow } = await import('../bench/log/measure.mjs')

const notInstalled = await installPeers()
if (notInstalled !== undefined) console.error(`the peers could not be installed:\n${notInstalled}`)
const isPeer = peerNames().includes(options.only)
const { open, absent } = await loadPeers(isPeer ? ['varve', options.only] : peerNames(), options.folder)
for (const [name, why] of absent) console.error(`not measured: ${name}: ${why}`)
facts.peers = [...versions(), ...(await serverVersions())].join(', ')

const results = []
for await (const result of measured()) {
  results.push(result)
  console.error(`${result.title}, ${result.peer}: ${result.value.toFixed(2)}`)
}
if (results.length === 0 && absent.size === 0) fail(`no peer and no row is called ${options.only}`)
if (options.only === '' && options.scale === 1) writeFileSync(join(root, 'bench/log-report.md'), report())
print()
process.exitCode = results.every(({ passed }) => passed !== false) ? 0 : 1

async function* measured() {
  for (const row of rows) {
    const title = `${row.title}, ${row.format}`
    if (isPeer ? options.only in row.peers : isWanted(title)) yield* await orReason(title, () => measureRow(row, open, options))
  }
  if (isPeer) return
  const { recoveryResult } = await import('../bench/log/recovery.mjs')
  const { sizeResults } = await import('../bench/log/size.mjs')
  if (isWanted('recovery scan')) {
    for (const recordsPerFrame of [64, 1]) yield await recoveryResult({ ...options, mib: Math.max(1, 64 * options.scale), recordsPerFrame })
  }
  if (isWanted('opening a log, peak memory')) yield* await sizeResults(options)
}

/** A peer that fails in the middle costs its row, not the run. */
async function orReason(title, measure) {
  try {
    return await measure()
  } catch (error) {
    console.error(error)
    absent.set(title, reason(error))
    return []
  }
}

function isWanted(title) {
  return title.toLowerCase().includes(options.only.toLowerCase())
}

async function build() {
  const { code, output } = await run(tool('typescript/bin/tsc', '-b'))
  if (code !== 0) fail(output)
}

function report() {
  const intro = [
    `By \`npm run bench:log\` on ${new Date().toISOString().slice(0, 10)}; median of ${options.rounds} rounds in which all take turns, and the least and`,
    'the greatest. A record is a key, a value of 1 KiB and one header. JSON: everybody encodes the value within the measured time;',
    'bytes: the value is bytes already. On a row all promise the same. The gate is for the result: for rates ours divided by the',
    "peer's, for opening the large log's time divided by the small one's, for memory the difference. No gate: for comparison.",
  ]
  const notes = absent.size === 0 ? [] : ['Not measured:', '', ...[...absent].map(([name, why]) => `- ${name}: ${why}`), '']
  return markdown({ intro, facts, results, notes })
}

function print() {
  if (options.json)
    return console.log(JSON.stringify({ facts, absent: Object.fromEntries(absent), rounds: options.rounds, results }, undefined, 2))
  const notes = [...absent].map(([name, why]) => `not measured: ${name}: ${why}`)
  console.log(printed({ facts, results, notes }))
}
