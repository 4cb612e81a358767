// Brings back the records of torn tails: as new ones at the end of the log, because others have their offsets by now.

import { equalBytes, fromUtf8 } from '../../base/bytes.js'
import { OWN_HEADER } from '../../base/own-headers.js'
import type { RawRecord, StreamRecord } from '../../ports/stream-broker.js'
import { FileLog } from '../file-log.js'
import { historyKey, Journal } from '../journal.js'
import { isSealed, type LogManifest } from '../log-manifest.js'
import { type FileLogPlace, withFile } from './file-log-place.js'
import { copyAside, type Quarantine } from './quarantine.js'
import { isWrittenAgain, tornRecords } from './torn-tails.js'

/** What a writer asks of the store. */
export interface SalvageAccess {
  readonly beforeWrite: () => Promise<void>
  readonly checkFence: () => void | Promise<void>
}

/** The torn tail of one segment. */
export interface TornTail {
  readonly segment: string
  /** Where later sessions went on: what was brought back lies there. */
  readonly next: number
  readonly frames: readonly (readonly StreamRecord[])[]
}

const SEGMENT_BYTES = 64 * 1024 * 1024
const READ_AT_ONCE = 1_000

/** Before a repair, which writes segments anew without their tails. Takes memory for all these records of the log. */
export async function readTornTails(place: FileLogPlace, manifest: LogManifest): Promise<TornTail[]> {
  const tails: TornTail[] = []
  if (manifest.sealed === true) return tails
  for (const [index, entry] of manifest.segments.entries()) {
    if (!isSealed(entry) || isWrittenAgain(manifest, index)) continue
    const frames = await withFile(place.files, pathOf(place, entry.name), (source) => tornRecords(source, place.format, entry))
    if (frames !== undefined && frames.length > 0) tails.push({ segment: entry.name, next: entry.closed.next, frames })
  }
  return tails
}

/**
 * Appends the records, then writes their segments anew without the tails. Resolves to how many were appended: those that an
 * earlier call brought back before it was cut short are not appended again.
 */
export async function bringBack(
  place: FileLogPlace,
  tails: readonly TornTail[],
  options: SalvageAccess & { readonly quarantine?: Quarantine | undefined },
): Promise<number> {
  const { files, blobs, clock, path, format } = place
  const { beforeWrite, checkFence, quarantine } = options
  const log = new FileLog({ files, blobs, clock, path, format, segmentBytes: SEGMENT_BYTES, writable: true, beforeWrite })
  const history = { blobs, key: historyKey(path) }
  const access = { checkFence, committedOf: async () => 0 }
  const journal = new Journal({ log, clock, history, ...access, sync: 'always', topic: path, background: false })
  let count = 0
  try {
    for (const { segment, next, frames } of tails) {
      const back = await broughtBack(journal, next)
      for (const frame of frames) {
        const records = frame.filter((record) => !takeOut(back, record))
        if (records.length > 0) await journal.append({ records: records.map(asNew) })
        count += records.length
      }
      const isThere = (await log.segments()).some(({ name }) => name === segment)
      if (!isThere) continue // a repair has written it anew
      if (quarantine !== undefined) await copyAside(files, pathOf(place, segment), quarantine)
      await log.replace(segment, log.frames(segment))
    }
  } finally {
    await journal.close()
  }
  return count
}

/** Records from an offset on that were brought back, by the offsets that they had. */
async function broughtBack(journal: Journal, from: number): Promise<Map<string, StreamRecord[]>> {
  const found = new Map<string, StreamRecord[]>()
  for (let at = from; ; ) {
    const records = await journal.read({ from: at, limit: READ_AT_ONCE })
    const last = records[records.length - 1]
    if (last === undefined) return found
    for (const record of records) {
      const before = offsetBefore(record)
      if (before !== undefined) found.set(before, [...(found.get(before) ?? []), record])
    }
    at = last.offset + 1
  }
}

/** Two sessions may have lost records of the same offset: each stands for one that has the same value. */
function takeOut(back: Map<string, StreamRecord[]>, { offset, value }: StreamRecord): boolean {
  const candidates = back.get(String(offset)) ?? []
  const index = candidates.findIndex((one) => {
    return one.value === undefined || value === undefined ? one.value === value : equalBytes(one.value, value)
  })
  if (index !== -1) candidates.splice(index, 1)
  return index !== -1
}

/** The last such header: one that is brought back again has an older one. */
function offsetBefore({ headers }: StreamRecord): string | undefined {
  const said = headers.filter(([name]) => name === OWN_HEADER.salvaged)
  const text = said[said.length - 1]?.[1]
  return text === undefined || typeof text === 'string' ? text : fromUtf8(text)
}

function asNew({ offset, key, value, headers, codec, schema }: StreamRecord): RawRecord {
  const marked: RawRecord['headers'] = [...headers, [OWN_HEADER.salvaged, String(offset)]]
  return { value, headers: marked, codec, schema, ...(key === undefined ? {} : { key }) }
}

function pathOf({ path }: FileLogPlace, name: string): string {
  return `${path}/seg/${name}`
}
