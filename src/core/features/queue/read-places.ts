// The records of given places: neighbours are read together.

import type { RecordStream, StreamRecord } from '../../ports/stream-broker.js'
import type { RecordPlace } from './marks-types.js'
import type { StoredRecord } from './record-types.js'

/** What lies so close to the next is read with it. */
const NEIGHBOURS = 16

export interface PlacesInput<T> {
  readonly streams: readonly RecordStream[]
  readonly decode: (bucket: number, records: readonly StreamRecord[]) => Promise<readonly StoredRecord<T>[]>
  readonly signal: AbortSignal | undefined
}

/** In the order of the places; without those that are not held any more. Throws what the first that cannot be read says. */
export async function readPlaces<T>(places: readonly RecordPlace[], input: PlacesInput<T>): Promise<readonly StoredRecord<T>[]> {
  const byPlace = new Map<string, StoredRecord<T>>()
  for (const bucket of new Set(places.map((place) => place.bucket))) {
    const offsets = places.filter((place) => place.bucket === bucket).map(({ offset }) => offset)
    const records = await readOffsets(input.streams[bucket] as RecordStream, offsets, input.signal)
    for (const record of await decodeAll(bucket, records, input.decode)) byPlace.set(placeKey(record), record)
  }
  return places.map((place) => byPlace.get(placeKey(place))).filter((record) => record !== undefined)
}

async function readOffsets(stream: RecordStream, offsets: readonly number[], signal: AbortSignal | undefined): Promise<StreamRecord[]> {
  const wanted = new Set(offsets)
  const records: StreamRecord[] = []
  for (let [at, to] of runsOf([...wanted].sort((a, b) => a - b))) {
    while (at < to) {
      signal?.throwIfAborted()
      const read = await stream.read({ from: at, limit: to - at })
      records.push(...read.filter(({ offset }) => wanted.has(offset) && offset < to))
      at = (read.at(-1)?.offset ?? to) + 1
    }
  }
  return records
}

function runsOf(ascending: readonly number[]): readonly (readonly [from: number, to: number])[] {
  const runs: [from: number, to: number][] = []
  for (const offset of ascending) {
    const last = runs.at(-1)
    if (last !== undefined && offset - last[1] < NEIGHBOURS) last[1] = offset + 1
    else runs.push([offset, offset + 1])
  }
  return runs
}

/** `decode` stops in front of what it cannot read: asked for that alone, it says why. */
async function decodeAll<T>(
  bucket: number,
  records: readonly StreamRecord[],
  decode: PlacesInput<T>['decode'],
): Promise<readonly StoredRecord<T>[]> {
  const decoded = await decode(bucket, records)
  return decoded.length === records.length ? decoded : decode(bucket, records.slice(decoded.length))
}

function placeKey({ bucket, offset }: RecordPlace): string {
  return `${bucket}/${offset}`
}
