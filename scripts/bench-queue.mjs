// npm run bench:queue: consumer groups next to brokers, to commands written by hand, and to themselves under load; writes
// bench/queue-report.md. Installs the peers on its first run. A gate that is missed is code 1.
//   --only pending    the cases whose title holds this (the report is written only by a run of all, at full scale)
//   --rounds 5        rounds that count
//   --scale 0.1       fewer records in each turn of the rows with brokers
//   --folder path     where to measure, to choose the file system; default the one for temporary files
//   --json            the results as JSON instead of a table

import { openBench } from './bench-frame.mjs'

const bench = await openBench(import.meta.url, 'queue')
const { facts, options } = bench
const { installPeers, loadPeers, peerNames, serverVersions, versions } = await import('../bench/log/install.mjs')
const { groupRows } = await import('../bench/log/rows.mjs')
const { measureRow } = await import('../bench/log/measure.mjs')
const { measure } = await import('../bench/harness.mjs')

const notInstalled = await installPeers()
if (notInstalled !== undefined) console.error(`the peers could not be installed:\n${notInstalled}`)
const { open, absent } = await loadPeers(wantedPeers(), options.folder)
for (const [name, why] of absent) bench.absent.set(name, why)
facts.peers = [...versions(), ...(await serverVersions())].join(', ')

await bench.finish(measured(), [
  'the greatest. A record is a key, a JSON value of 1 KiB and one header. The result is our rate divided by the other one; a gate',
  'below 1 is what the row may cost: 0.5 is twice the time. No gate: for comparison.',
])

async function* measured() {
  for (const row of groupRows) {
    if (bench.isWanted(row.title)) yield* await bench.orReason(row.title, () => measureRow(row, open, options))
  }
  const { queueCases } = await import('../bench/queue/cases.mjs')
  for (const one of queueCases(options.folder)) {
    if (bench.isWanted(one.title)) yield* await bench.orReason(one.title, async () => [await measure(one, options.rounds)])
  }
}

/** We, and those that some row names. */
function wantedPeers() {
  const named = new Set(groupRows.filter(({ title }) => bench.isWanted(title)).flatMap(({ peers }) => Object.keys(peers)))
  return peerNames().filter((name) => name === 'varve' || named.has(name))
}
