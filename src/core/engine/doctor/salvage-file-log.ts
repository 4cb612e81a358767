// Brings back the records of torn tails: as new ones at the end of the log, because others have their offsets by now.

import { OWN_HEADER } from '../../base/own-headers.js'
import type { RawRecord, StreamRecord } from '../../ports/stream-broker.js'
import { FileLog } from '../file-log.js'
import { historyKey, Journal } from '../journal.js'
import { isSealed, type LogManifest } from '../log-manifest.js'
import { type FileLogPlace, withFile } from './file-log-place.js'
import { copyAside, type Quarantine } from './quarantine.js'
import { isWrittenAgain, tornRecords } from './torn-tails.js'

/** Header with the offset that a record had before it was brought back, in digits. */

/** What a writer asks of the store. */
export interface SalvageAccess {
  readonly beforeWrite: () => Promise<void>
  readonly checkFence: () => void | Promise<void>
}

/** The torn tail of one segment. */
export interface TornTail {
  readonly segment: string
  readonly frames: readonly (readonly StreamRecord[])[]
}

const SEGMENT_BYTES = 64 * 1024 * 1024

/** Before a repair, which writes segments anew without their tails. Takes memory for all these records of the log. */
export async function readTornTails(place: FileLogPlace, manifest: LogManifest): Promise<TornTail[]> {
  const tails: TornTail[] = []
  if (manifest.sealed === true) return tails
  for (const [index, entry] of manifest.segments.entries()) {
    if (!isSealed(entry) || isWrittenAgain(manifest, index)) continue
    const frames = await withFile(place.files, pathOf(place, entry.name), (source) => tornRecords(source, place.format, entry))
    if (frames !== undefined && frames.length > 0) tails.push({ segment: entry.name, frames })
  }
  return tails
}

/**
 * Appends the records, then writes their segments anew without the tails. Resolves to how many. Cut short between the two,
 * it appends them once more when it is run again.
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
    for (const { segment, frames } of tails) {
      for (const records of frames) {
        await journal.append({ records: records.map(asNew) })
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

function asNew({ offset, key, value, headers, codec, schema }: StreamRecord): RawRecord {
  const marked: RawRecord['headers'] = [...headers, [OWN_HEADER.salvaged, String(offset)]]
  return { value, headers: marked, codec, schema, ...(key === undefined ? {} : { key }) }
}

function pathOf({ path }: FileLogPlace, name: string): string {
  return `${path}/seg/${name}`
}
