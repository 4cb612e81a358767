// Looks at everything that belongs to one log of chunks, and changes nothing. Anybody may be appending or merging meanwhile:
// what is found wrong is looked at again until two looks agree.

import { isStorageError } from '../../base/errors.js'
import type { ChunkManifest } from '../chunk-manifest.js'
import type { SealedSegment } from '../log-manifest.js'
import { type Anomaly, damagedManifest } from './anomaly.js'
import { type ChunkLogPlace, examineBlob, type ListedLog, listLog, manifestCell, segmentKey } from './chunk-log-place.js'
import { type ChunksExamination, examineChunks } from './examine-chunks.js'
import type { SegmentExamination } from './examine-segment.js'
import { rebuildChunkManifest } from './rebuild-chunk-manifest.js'

export interface ExaminedBlob {
  readonly entry: SealedSegment
  /** undefined where it is gone. */
  readonly found: SegmentExamination | undefined
  readonly size: number | undefined
}

export interface ChunkLogExamination {
  readonly anomalies: readonly Anomaly[]
  /** As stored, or as it can be made again. */
  readonly manifest: ChunkManifest
  readonly isManifestDamaged: boolean
  /** Of the stored one; undefined where there is none. */
  readonly version: string | undefined
  readonly segments: readonly ExaminedBlob[]
  readonly chunks: ChunksExamination
  /** Keys that nothing points to. */
  readonly leftovers: readonly string[]
  readonly records: number
  readonly bytes: number
}

const MOST_LOOKS = 6

export async function examineChunkLog(place: ChunkLogPlace): Promise<ChunkLogExamination> {
  let before: string | undefined
  for (let look = 1; ; look++) {
    const examination = await lookAt(look === 1 ? place : { ...place, progress: () => {} })
    const said = JSON.stringify([examination.version, examination.anomalies])
    if (examination.anomalies.length === 0 || said === before || look === MOST_LOOKS) return examination
    before = said
  }
}

async function lookAt(place: ChunkLogPlace): Promise<ChunkLogExamination> {
  const known = await readManifest(place)
  const listed = await listLog(place)
  const anomalies: Anomaly[] = []
  let { manifest } = known
  const isManifestDamaged = manifest === undefined || (known.version === undefined && mustHaveManifest(listed))
  if (manifest === undefined || isManifestDamaged) {
    anomalies.push(damagedManifest(place.path, manifest === undefined ? 'cannot be read' : 'is missing'))
    manifest = await rebuildChunkManifest(place, listed)
  }
  const segments = await examineSegments(place, manifest, listed)
  anomalies.push(...segments.flatMap(anomaliesOf(place)))
  const { merged, durable = 0 } = manifest
  const chunks = await examineChunks(place, merged, listed.chunks, durable)
  const orphans = orphansOf(place, manifest, listed)
  anomalies.push(...chunks.anomalies, ...orphans.map(orphan), ...listed.unexpected.map(unexpected))
  const leftovers = [...orphans, ...listed.unexpected]
  const records = segments.reduce((sum, { found }) => sum + (found?.records ?? 0), chunks.records)
  const bytes = segments.reduce((sum, { size = 0 }) => sum + size, chunks.bytes)
  return { anomalies, manifest, isManifestDamaged, version: known.version, segments, chunks, leftovers, records, bytes }
}

/** The manifest is undefined where it cannot be read; the version is older than that, so that a repair replaces nothing else. */
async function readManifest(place: ChunkLogPlace): Promise<{ manifest: ChunkManifest | undefined; version: string | undefined }> {
  const cell = manifestCell(place)
  const blob = await place.blobs.get(`${place.path}/manifest`)
  try {
    await cell.read()
    return { manifest: cell.value, version: cell.version }
  } catch (error) {
    if (!isStorageError(error, 'corrupt')) throw error
    return { manifest: undefined, version: blob?.version }
  }
}

/** A log that was never merged needs none: all its chunks are there. */
function mustHaveManifest({ segments, chunks }: ListedLog): boolean {
  return segments.size > 0 && (chunks.length === 0 || chunks.some((chunk, at) => chunk !== at))
}

async function examineSegments(place: ChunkLogPlace, manifest: ChunkManifest, listed: ListedLog): Promise<ExaminedBlob[]> {
  const examined: ExaminedBlob[] = []
  for (const entry of manifest.segments) {
    const size = listed.segments.get(entry.name)
    const found = await examineBlob(place, entry, size)
    place.progress?.(size ?? 0)
    examined.push({ entry, found, size })
  }
  return examined
}

function anomaliesOf(place: ChunkLogPlace): (examined: ExaminedBlob) => readonly Anomaly[] {
  return ({ entry, found }) => {
    if (found !== undefined) return found.anomalies
    const { base, closed } = entry
    const path = segmentKey(place, entry.name)
    return [{ kind: 'missing_segment', path, firstOffset: base, lastOffset: closed.next - 1, detail: 'the blob of a segment is gone' }]
  }
}

/** One with a later number may be about to be entered by somebody who merges; the next merge takes that number. */
function orphansOf(place: ChunkLogPlace, { segments, sequence }: ChunkManifest, listed: ListedLog): string[] {
  const known = new Set(segments.map(({ name }) => name))
  const names = [...listed.segments.keys()].filter((name) => !known.has(name) && Number.parseInt(name, 10) <= sequence)
  return names.map((name) => segmentKey(place, name))
}

function orphan(path: string): Anomaly {
  return { kind: 'orphaned_file', path, detail: 'a segment that nothing points to, left by a crash' }
}

function unexpected(path: string): Anomaly {
  return { kind: 'unexpected_file', path, detail: 'not a blob of this log' }
}
