// npm run bench:log: the queue next to other logs, databases and brokers, in one run on the same records; writes
// bench/log-report.md. Installs the peers on its first run. A gate that is missed is code 1.
//   --only lmdb       one peer, or the rows whose title holds this (the report is written only by a run of all, at full scale)
//   --rounds 5        rounds that count
//   --scale 0.1       fewer records in each turn
//   --mib 1024        size of the large log that is opened and read
//   --folder path     where to measure, to choose the file system; default the one for temporary files
//   --json            the results as JSON instead of a table

import { openBench } from './bench-frame.mjs'

const bench = await openBench(import.meta.url, 'log', { mib: 1024 })
const { facts, options } = bench
const { installPeers, loadPeers, peerNames, serverVersions, versions } = await import('../bench/log/install.mjs')
const { rows } = await import('../bench/log/rows.mjs')
const { measureRow } = await import('../bench/log/measure.mjs')

const notInstalled = await installPeers()
if (notInstalled !== undefined) console.error(`the peers could not be installed:\n${notInstalled}`)
const isPeer = peerNames().includes(options.only)
const { open, absent } = await loadPeers(isPeer ? ['varve', options.only] : peerNames(), options.folder)
for (const [name, why] of absent) bench.absent.set(name, why)
facts.peers = [...versions(), ...(await serverVersions())].join(', ')

await bench.finish(measured(), [
  'the greatest. A record is a key, a value of 1 KiB and one header. JSON: everybody encodes the value within the measured time;',
  'bytes: the value is bytes already. On a row all promise the same. The gate is for the result: for rates ours divided by the',
  "peer's, for opening the large log's time divided by the small one's, for memory the difference. No gate: for comparison.",
])

async function* measured() {
  for (const row of rows) {
    const title = `${row.title}, ${row.format}`
    if (isPeer ? options.only in row.peers : bench.isWanted(title)) yield* await bench.orReason(title, () => measureRow(row, open, options))
  }
  if (isPeer) return
  const { recoveryResult } = await import('../bench/log/recovery.mjs')
  const { sizeResults } = await import('../bench/log/size.mjs')
  if (bench.isWanted('recovery scan')) {
    for (const recordsPerFrame of [64, 1]) yield await recoveryResult({ ...options, mib: Math.max(1, 64 * options.scale), recordsPerFrame })
  }
  if (bench.isWanted('opening a log, peak memory')) yield* await sizeResults(options)
}
