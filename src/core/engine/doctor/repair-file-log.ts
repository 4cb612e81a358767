// Makes a damaged log of files whole again with what can still be read. A segment is written anew beside the old one, then
// the manifest names it: cut short at any step, a repair can be run again.

import { utf8 } from '../../base/bytes.js'
import { murmur3 } from '../../codec/murmur3.js'
import { Cell } from '../cell.js'
import { FileSegments } from '../file-segments.js'
import type { WholeFrame } from '../log.js'
import { beginEpoch, isSealed, type LogManifest, type SealedSegment, type SegmentEntry } from '../log-manifest.js'
import type { ExaminedSegment, LogExamination } from './examine-file-log.js'
import { type FileLogPlace, withFile } from './file-log-place.js'
import { copyAside, copyBlobAside, type Quarantine } from './quarantine.js'
import { wholeFrames } from './walk-frames.js'

/** What was lost stays a gap: offsets are never given out twice. Positions past a lost end go back to it. */
export async function repairFileLog(place: FileLogPlace, found: LogExamination, quarantine?: Quarantine): Promise<void> {
  const { files, format, blobs, clock, path } = place
  const damaged = new Set(found.anomalies.map((anomaly) => anomaly.path))
  const segments = new FileSegments({ files, format, path, place: murmur3(utf8(path)) })
  const kept: SegmentEntry[] = []
  const replaced: string[] = []
  for (const examined of found.segments) {
    const at = segments.path(examined.entry.name)
    if (damaged.has(at)) {
      if (quarantine !== undefined) await copyAside(files, at, quarantine)
      kept.push(await writeAnew(place, segments, examined, found.manifest))
      replaced.push(at)
    } else {
      kept.push(examined.entry)
    }
  }
  if (damaged.size > 0 && quarantine !== undefined) await copyBlobAside(blobs, `${path}/manifest`, quarantine)
  if (damaged.size > 0) await saveManifest(place, { ...found.manifest, segments: kept }, endOf(kept, found.segments))
  for (const leftover of found.leftovers) {
    if (quarantine !== undefined) await copyAside(files, leftover, quarantine)
    await files.delete(leftover)
  }
  for (const old of replaced) await files.delete(old)
  await segments.close()
  await new Cell<LogManifest>({ blobs, clock, key: `${path}/manifest` }).read() // what was stored can be read
}

/** A segment with the whole frames of the old one, or without any where it is gone. */
async function writeAnew(
  place: FileLogPlace,
  segments: FileSegments,
  { entry, found }: ExaminedSegment,
  manifest: LogManifest,
): Promise<SealedSegment> {
  const old = asClosed(place, entry, found, manifest)
  const walk = found?.walk
  const write = (frames: AsyncIterable<WholeFrame>): Promise<SealedSegment> => segments.rewrite(old, frames, manifest.epoch + 1)
  if (walk === undefined) return write(none())
  const written = await withFile(place.files, segments.path(entry.name), (source) => write(wholeFrames(source, walk)))
  return written ?? write(none())
}

/** An open segment ends where its last whole frame does, or where something durable is known to have been. */
function asClosed(place: FileLogPlace, entry: SegmentEntry, found: ExaminedSegment['found'], manifest: LogManifest): SealedSegment {
  if (isSealed(entry)) return entry
  const next = Math.max(found?.end.next ?? entry.base, found?.durable ?? 0, manifest.durable)
  const end = found?.end ?? { length: 0, chain: 0, timestamp: 0 }
  return { ...entry, closed: { ...end, next, sealedAt: place.clock.now(), footer: 0 } }
}

/** A damaged cell cannot be compared and set: it is replaced. The lock of the store keeps others away. */
async function saveManifest({ blobs, clock, path }: FileLogPlace, manifest: LogManifest, next: number): Promise<void> {
  const key = `${path}/manifest`
  const cell = new Cell<LogManifest>({ blobs, clock, key })
  const repaired = beginEpoch(manifest, next)
  await cell.read().catch(() => blobs.delete([key]))
  await cell.update(() => repaired)
}

/** Offset behind the last record, of segments as they are now. */
export function endOf(kept: readonly SegmentEntry[], found: readonly ExaminedSegment[]): number {
  return kept.reduce((end, entry, index) => Math.max(end, entry.closed?.next ?? found[index]?.found?.end.next ?? 0), 0)
}

async function* none(): AsyncGenerator<WholeFrame> {}
