// What must not grow with the log: the time to open one that was closed, and the memory that reading all of it takes.

import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openQueue, openStore } from '../../dist/index.js'
import { median, result, takeTurns, TURNS } from '../harness.mjs'
import { peakBytes } from '../memory.mjs'
import { logRecords } from './records.mjs'

const MIB = 2 ** 20
const SMALL_MIB = 10
const BATCH = 1000
/** In each turn. */
const OPENINGS = 10
const GATE = { opening: 1.5, memoryMib: 64 }

/** Two results. */
export async function sizeResults({ folder, rounds, mib }) {
  const place = mkdtempSync(join(folder, 'varve-bench-'))
  try {
    const small = await fill(join(place, 'small'), SMALL_MIB * MIB)
    const large = await fill(join(place, 'large'), mib * MIB)
    return [await opening({ small, large, mib, rounds }), await memory({ small, large, mib, rounds, place })]
  } finally {
    rmSync(place, { recursive: true, force: true })
  }
}

async function fill(directory, bytes) {
  const store = await openStore('bench', { directory })
  const queue = await openQueue(store, 'log', { sync: 'never' })
  const records = logRecords('json', BATCH)
  while ((await queue.stats()).buckets[0].bytes < bytes) await queue.appendRecords(records)
  await store.close()
  return directory
}

async function opening({ small, large, mib, rounds }) {
  const times = []
  const sides = { ours: () => openTimes(large), peer: () => openTimes(small) }
  for (let round = 0; round <= rounds; round++) times.push(await takeTurns(sides, round))
  const counted = times.slice(1)
  const each = (side) => median(counted.map((time) => time[side] / TURNS / OPENINGS))
  return result({
    title: `opening a log of ${mib} MiB`,
    peer: `the same of ${SMALL_MIB} MiB`,
    unit: 'ms',
    ours: each('ours'),
    theirs: each('peer'),
    ratios: counted.map(({ ours, peer }) => ours / peer),
    gate: { atMost: GATE.opening },
  })
}

async function openTimes(directory) {
  for (let i = 0; i < OPENINGS; i++) {
    const store = await openStore('bench', { directory })
    const queue = await openQueue(store, 'log')
    await queue.stats()
    await store.close()
  }
}

async function memory({ small, large, mib, rounds, place }) {
  const reader = fileURLToPath(new URL('read-all.mjs', import.meta.url))
  const peaks = []
  for (let round = 0; round < rounds; round++) {
    const peakOf = async (directory) => (await peakBytes([process.execPath, reader, directory], place)) / MIB
    peaks.push({ small: await peakOf(small), large: await peakOf(large) })
  }
  return result({
    title: `peak memory, reading ${mib} MiB`,
    peer: `the same of ${SMALL_MIB} MiB`,
    unit: 'MiB',
    ours: Math.round(median(peaks.map((peak) => peak.large))),
    theirs: Math.round(median(peaks.map((peak) => peak.small))),
    ratios: peaks.map((peak) => peak.large - peak.small),
    gate: { atMost: GATE.memoryMib },
  })
}
