// A row: all its peers and we, taking turns in every round, each round from a fresh start. A ratio is one of a round, so that
// a slow moment of the machine hits both sides.

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { median, result, takeTurns, TURNS } from '../harness.mjs'
import { logRecords } from './records.mjs'
import { batches } from './rows.mjs'

const OURS = 'varve'
const DISTINCT = 1000
const LEAST = 64

/** One result for each peer of the row; `open` has how to open each, by name. A first round does not count. */
export async function measureRow(row, open, { rounds, scale, folder }) {
  const count = Math.max(LEAST, Math.round(row.records * scale))
  const names = [OURS, ...Object.keys(row.peers)].filter((name) => open.has(name))
  const times = []
  for (let round = 0; round <= rounds; round++) {
    const place = mkdtempSync(join(folder, 'varve-bench-'))
    try {
      times.push(await oneRound({ row, open, names, count, place }, round))
    } finally {
      rmSync(place, { recursive: true, force: true })
    }
  }
  const counted = times.slice(1)
  return names.filter((name) => name !== OURS).map((name) => compare({ row, name, count }, counted))
}

async function oneRound({ row, open, names, count, place }, round) {
  const records = logRecords(row.format, DISTINCT)
  const logs = new Map()
  try {
    for (const name of names) {
      const log = await openIn(join(place, name), open.get(name), row)
      logs.set(name, log)
      if (!row.refill) await batches(log, records, row.fill ? count : DISTINCT) // making files is not part of an append
    }
    const sides = Object.fromEntries([...logs].map(([name, log]) => [name, () => row.work(log, records, count)]))
    return await takeTurns(sides, round, async (name) => {
      if (row.refill) await batches(logs.get(name), records, count)
    })
  } finally {
    for (const log of logs.values()) await log.close()
  }
}

/** The shape that every file of `peers` fills; each in a folder of its own. */
export function openIn(folder, open, { format, sync, buckets = 1 }) {
  mkdirSync(folder)
  return open({ folder, format, sync, buckets })
}

function compare({ row, name, count }, times) {
  const rate = (side) => Math.round(median(times.map((time) => (count * TURNS * 1000) / time[side])))
  const ratios = times.map((time) => time[name] / time[OURS])
  return result({
    title: `${row.title}, ${row.format === 'json' ? 'JSON' : 'bytes'}`,
    peer: name,
    unit: 'records/s',
    ours: rate(OURS),
    theirs: rate(name),
    ratios,
    gate: row.peers[name] === undefined ? undefined : { atLeast: row.peers[name] },
  })
}
