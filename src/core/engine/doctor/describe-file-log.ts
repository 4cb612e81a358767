// What a log of files is made of, for people who look into it: read without a lock, beside a running owner, also where the
// log is damaged.

import type { ByteSource } from '../../ports/file-store.js'
import type { CompressionName } from '../../codec/compression.js'
import { compressionOf } from '../../codec/frame-compression.js'
import type { FrameFormat } from '../frame-format.js'
import { EMPTY_MANIFEST, type LogManifest, type SegmentEntry } from '../log-manifest.js'
import { readFooter } from '../segment-index.js'
import { listed, readManifest } from './examine-file-log.js'
import { readHeader, saltOf } from './examine-segment.js'
import { type FileLogPlace, withFile } from './file-log-place.js'
import { rebuildManifest } from './rebuild-manifest.js'
import { walkFrames, type WalkStep } from './walk-frames.js'

export interface SegmentDescription {
  readonly name: string
  readonly sequence: number
  readonly base: number
  /** Offset behind its last record. */
  readonly next: number
  /** Fewer than between base and next where some were compacted or lost. */
  readonly records: number
  /** Of the file; 0 where it is gone. */
  readonly bytes: number
  /** Of the first and the last record, ms; absent where there is none. */
  readonly firstTimestamp?: number
  readonly lastTimestamp?: number
  /** Nobody appends to it any more. */
  readonly isClosed: boolean
  readonly isMissing: boolean
  /** Places its index knows; absent where it has none. */
  readonly indexEntries?: number
}

export interface LogDescription {
  readonly path: string
  readonly epoch: number
  /** Oldest offset that may be read. */
  readonly first: number
  readonly next: number
  /** As far as the manifest knows. */
  readonly durable: number
  readonly isSealed: boolean
  readonly segments: readonly SegmentDescription[]
}

export async function describeFileLog(place: FileLogPlace): Promise<LogDescription> {
  const manifest = await usableManifest(place)
  const { epoch, durable, first = 0, sealed } = manifest
  const segments: SegmentDescription[] = []
  for (const entry of manifest.segments) segments.push(await describeSegment(place, entry))
  const next = segments[segments.length - 1]?.next ?? first
  return { path: place.path, epoch, first, next, durable: Math.min(durable, next), isSealed: sealed === true, segments }
}

/** One frame, or what lies where one should. */
export type FrameDescription =
  | {
      readonly kind: 'frame'
      readonly position: number
      readonly firstOffset: number
      /** Offset behind its last record. */
      readonly next: number
      readonly records: number
      /** ms */
      readonly timestamp: number
      readonly bytes: number
      readonly compression: CompressionName
      readonly epoch: number
      readonly flags: readonly ('control' | 'compacted' | 'tombstones')[]
    }
  | { readonly kind: 'damage'; readonly position: number; readonly bytes: number; readonly fault: string }

/** All of a segment, in order; none where its file is gone. */
export async function describeFrames(place: FileLogPlace, name: string): Promise<readonly FrameDescription[]> {
  const entry = (await usableManifest(place)).segments.find((segment) => segment.name === name)
  if (entry === undefined) return []
  const frames = await withFile(place.files, pathOf(place, entry), async (source) => {
    const described: FrameDescription[] = []
    for await (const step of await stepsOf(source, place.format, entry)) described.push(describeStep(step))
    return described
  })
  return frames ?? []
}

function describeStep(step: WalkStep): FrameDescription {
  const { position } = step
  if (step.kind === 'damage') return { kind: 'damage', position, bytes: step.end - position, fault: step.fault }
  const { header } = step.frame
  const { baseOffset, next, count, timestamp, length, epoch, isControl, isCompacted, hasTombstones } = header
  const flags = [
    ...(isControl ? ['control' as const] : []),
    ...(isCompacted ? ['compacted' as const] : []),
    ...(hasTombstones ? ['tombstones' as const] : []),
  ]
  const compression = compressionOf(header)
  return { kind: 'frame', position, firstOffset: baseOffset, next, records: count, timestamp, bytes: length, compression, epoch, flags }
}

async function usableManifest(place: FileLogPlace): Promise<LogManifest> {
  const known = await readManifest(place)
  return known === 'damaged' ? rebuildManifest(place, await listed(place)) : (known ?? EMPTY_MANIFEST)
}

async function describeSegment(place: FileLogPlace, entry: SegmentEntry): Promise<SegmentDescription> {
  const described = await withFile(place.files, pathOf(place, entry), (source) => describeOpened(source, place.format, entry))
  if (described !== undefined) return described
  const { name, sequence, base, closed } = entry
  return { name, sequence, base, next: closed?.next ?? base, records: 0, bytes: 0, isClosed: closed !== undefined, isMissing: true }
}

async function describeOpened(source: ByteSource, format: FrameFormat, entry: SegmentEntry): Promise<SegmentDescription> {
  const { name, sequence, base, closed } = entry
  const footer = closed?.footer ? await readFooter(source, format.decodeFooter).catch(() => undefined) : undefined
  const held =
    closed === undefined ? await recordsIn(source, format, entry) : { ...closed, first: await firstTimestamp(source, format, entry) }
  const { next, records = next - base, timestamp, first } = held
  return {
    name,
    sequence,
    base,
    next,
    records,
    bytes: source.size,
    ...(first === undefined ? {} : { firstTimestamp: first, lastTimestamp: timestamp }),
    isClosed: closed !== undefined,
    isMissing: false,
    ...(footer === undefined ? {} : { indexEntries: footer.entries.length + 1 }),
  }
}

interface HeldRecords {
  readonly next: number
  readonly records?: number
  readonly timestamp: number
  readonly first: number | undefined
}

async function recordsIn(source: ByteSource, format: FrameFormat, entry: SegmentEntry): Promise<HeldRecords> {
  let held: Required<HeldRecords> = { next: entry.base, records: 0, timestamp: 0, first: undefined }
  for await (const step of await stepsOf(source, format, entry)) {
    if (step.kind === 'damage' || step.frame.header.isControl) continue
    const { next, count, timestamp } = step.frame.header
    held = { next, records: held.records + count, timestamp: Math.max(held.timestamp, timestamp), first: held.first ?? timestamp }
  }
  return held
}

async function firstTimestamp(source: ByteSource, format: FrameFormat, entry: SegmentEntry): Promise<number | undefined> {
  for await (const step of await stepsOf(source, format, entry)) {
    if (step.kind === 'frame' && !step.frame.header.isControl) return step.frame.header.timestamp
  }
  return undefined
}

async function stepsOf(source: ByteSource, format: FrameFormat, { name, base, closed }: SegmentEntry): Promise<AsyncIterable<WalkStep>> {
  const header = await readHeader(source, format).catch(() => undefined)
  const salt = header?.salt ?? saltOf(name) ?? new Uint8Array(0)
  return walkFrames(source, { format, salt, base, end: Math.min(closed?.length ?? source.size, source.size) })
}

function pathOf({ path }: FileLogPlace, { name }: SegmentEntry): string {
  return `${path}/seg/${name}`
}
