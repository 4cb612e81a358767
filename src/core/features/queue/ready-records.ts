// The records that a task has not consumed, read from the holes between those it has.

import { fromUtf8 } from '../../base/bytes.js'
import type { RecordStream, StreamRecord } from '../../ports/stream-broker.js'
import type { ReadyRecord } from './marks-types.js'
import { holesOf, type OffsetRange, type OffsetRanges } from './offset-ranges.js'

/** A ready record, and the offset from which on nothing lies before it: with the record, the gap is consumed. */
interface FoundRecord {
  readonly record: ReadyRecord
  readonly since: number
}

export interface ReadyRecords {
  readonly found: readonly FoundRecord[]
  /** Of each bucket: what no record will ever fill. */
  readonly gaps: readonly OffsetRanges[]
}

/** Up to `want` records, the oldest of each bucket, one bucket after the other from `start` on. */
export async function readReady(
  streams: readonly RecordStream[],
  consumed: readonly OffsetRanges[],
  { want, start }: { readonly want: number; readonly start: number },
): Promise<ReadyRecords> {
  const found: FoundRecord[] = []
  const gaps: OffsetRange[][] = streams.map(() => [])
  for (let step = 0; step < streams.length && found.length < want; step++) {
    const bucket = (start + step) % streams.length
    for (const hole of holesOf(consumed[bucket] as OffsetRanges)) {
      if (found.length >= want) break
      await readHole({ bucket, stream: streams[bucket] as RecordStream, hole, want, found, gaps: gaps[bucket] as OffsetRange[] })
    }
  }
  return { found, gaps }
}

interface HoleInput {
  readonly bucket: number
  readonly stream: RecordStream
  readonly hole: OffsetRange
  readonly want: number
  readonly found: FoundRecord[]
  readonly gaps: OffsetRange[]
}

async function readHole({ bucket, stream, hole, want, found, gaps }: HoleInput): Promise<void> {
  let [at, to] = hole
  while (at < to && found.length < want) {
    const records = await stream.read({ from: at, limit: Math.min(want - found.length, to - at) })
    const inside = records.filter(({ offset }) => offset < to)
    for (const record of inside) {
      found.push({ record: readyRecord(bucket, record), since: at })
      at = record.offset + 1
    }
    if (inside.length > 0) continue
    // Only a record behind it shows that a hole is empty: this reader may not have seen what was appended elsewhere.
    if (records.length > 0) gaps.push([at, to])
    return
  }
}

function readyRecord(bucket: number, { offset, timestamp, key }: StreamRecord): ReadyRecord {
  return { bucket, offset, timestamp, ...(key === undefined ? {} : { key: fromUtf8(key) }) }
}
