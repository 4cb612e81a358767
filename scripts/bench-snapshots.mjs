// npm run bench:snapshots: snapshots next to backup tools (restic and borg, where they are installed), next to the plain way of
// a file each, and against their targets; writes bench/snapshots-report.md. A gate that is missed is code 1.
//   --only restic     the parts whose name holds this: restic, borg, memory, or a case of states (the report is written only by a
//                     run of all, at full scale)
//   --rounds 5        rounds that count
//   --scale 0.1       fewer states
//   --mib 1024        size of the files and of the streamed state; a quarter of it where there is no gate
//   --folder path     where to measure, to choose the file system; default the one for temporary files
//   --json            the results as JSON instead of a table

import { openBench } from './bench-frame.mjs'

const bench = await openBench(import.meta.url, 'snapshots', { mib: 1024 })
const { facts, options } = bench
const { tools, versionOf } = await import('../bench/snapshots/backup-tools.mjs')
const found = Object.keys(tools).filter((name) => versionOf(name) !== undefined)
for (const name of Object.keys(tools)) if (!found.includes(name)) bench.absent.set(name, 'it is not installed')
facts.peers = found.map(versionOf).join(', ')

await bench.finish(measured(), [
  'the greatest. Files are half JSON text, half bytes that do not compress; states are messages of 1 KiB and a memory. Rates are',
  'compared as ours divided by theirs; what has a target is compared with it. On both sides the data is on disk at the end. No gate:',
  'for comparison.',
])

async function* measured() {
  const { stateCases } = await import('../bench/snapshots/states.mjs')
  for (const { title, run } of stateCases) yield* part(title, () => run(options))
  const { memoryResults } = await import('../bench/snapshots/memory.mjs')
  yield* part('memory', () => memoryResults(options))
  const { backupResults } = await import('../bench/snapshots/backups.mjs')
  for (const name of found) yield* part(name, () => backupResults({ ...options, isThere: (peer) => peer === name }))
}

async function* part(title, results) {
  if (!bench.isWanted(title)) return
  yield* await bench.orReason(title, async () => {
    const all = []
    for await (const one of results()) all.push(one)
    return all
  })
}
