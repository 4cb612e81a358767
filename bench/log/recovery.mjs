// What opening after a crash costs: a log that nobody closed is scanned, header and body of every frame, next to a loop that
// reads and checks the same bytes.

import { closeSync, cpSync, mkdtempSync, openSync, readdirSync, readSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { crc32c } from '../../dist/core/codec/crc32c.js'
import { openQueue, openStore } from '../../dist/index.js'
import { median, result, takeTurns, TURNS } from '../harness.mjs'
import { logRecords } from './records.mjs'

const MIB = 2 ** 20
const PIECE = MIB
const GATE = 0.8
/** One segment. */
const SEGMENT_BYTES = 2 ** 30

export async function recoveryResult({ folder, rounds, mib, recordsPerFrame }) {
  const place = mkdtempSync(join(folder, 'varve-bench-'))
  try {
    const directory = await leftBehind(place, mib * MIB, recordsPerFrame)
    const file = largestFile(directory)
    const sides = { ours: () => scan(directory), peer: async () => readAndCheck(file) }
    const times = []
    for (let round = 0; round <= rounds; round++) times.push(await takeTurns(sides, round))
    const counted = times.slice(1)
    const speed = (side) => Math.round(median(counted.map((time) => (statSync(file).size / MIB) * TURNS * (1000 / time[side]))))
    return result({
      title: `recovery scan, frames of ${recordsPerFrame === 1 ? '1 record' : `${recordsPerFrame} records`}`,
      peer: 'a loop that reads and CRCs the file',
      unit: 'MiB/s',
      ours: speed('ours'),
      theirs: speed('peer'),
      ratios: counted.map(({ ours, peer }) => peer / ours),
      gate: { atLeast: GATE },
    })
  } finally {
    rmSync(place, { recursive: true, force: true })
  }
}

/** A store as a killed process leaves it: copied while its owner is still at work. */
async function leftBehind(place, bytes, recordsPerFrame) {
  const directory = join(place, 'alive')
  const store = await openStore('bench', { directory })
  const queue = await openQueue(store, 'log', { sync: 'never', segmentBytes: SEGMENT_BYTES })
  const records = logRecords('bytes', recordsPerFrame)
  const frameBytes = records.reduce((sum, { packed }) => sum + packed.length, 0)
  for (let written = 0; written < bytes; written += frameBytes) await queue.appendRecords(records)
  const copy = join(place, 'left')
  cpSync(directory, copy, { recursive: true })
  await store.close()
  return copy
}

/** Without taking the store over, so that the next turn finds the same. */
async function scan(directory) {
  const store = await openStore('bench', { directory, mode: 'read' })
  const queue = await openQueue(store, 'log')
  const { buckets } = await queue.stats()
  if (buckets[0].next === 0) throw new Error('the scan found nothing')
  await store.close()
}

function readAndCheck(file) {
  const fd = openSync(file, 'r')
  const piece = new Uint8Array(PIECE)
  let crc = 0
  for (let read = readSync(fd, piece); read > 0; read = readSync(fd, piece)) crc = crc32c(piece, 0, read, crc)
  closeSync(fd)
  return crc
}

function largestFile(directory) {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const paths = files.map((entry) => join(entry.parentPath ?? entry.path, entry.name))
  return paths.reduce((largest, path) => (statSync(path).size > statSync(largest).size ? path : largest))
}
