// What a log of files says about itself: its segments, how far each is valid, and where each writer session began.

import type { LogSegment } from './log.js'

/** How far a segment is valid, and what its last frame was. */
export interface SegmentEnd {
  /** Valid bytes; whatever lies behind them, but for a footer, belongs to nobody. */
  readonly length: number
  readonly next: number
  readonly chain: number
  /** Greatest in the segment, ms. */
  readonly timestamp: number
  /** Offsets between its base and its end that no record has; absent where there are none. */
  readonly skipped?: number
}

export interface SealedEnd extends SegmentEnd {
  /** When it was closed, ms: bounds the age of its records where clocks went wrong. */
  readonly sealedAt: number
  /** Bytes of the footer behind the frames; 0 where it has none, which costs time only. */
  readonly footer: number
  /** Records held; absent where none is missing between base and next. */
  readonly records?: number
}

/** One segment. `closed` is there once nobody will append to it; before that it has to be scanned. */
export interface SegmentEntry {
  /** File name inside the log's folder: sequence, epoch and salt, never used twice. */
  readonly name: string
  readonly sequence: number
  readonly base: number
  /** When it was begun, ms. */
  readonly createdAt: number
  readonly closed?: SealedEnd
}

/** A segment that is closed. */
export type SealedSegment = SegmentEntry & { readonly closed: SealedEnd }

export function isSealed(entry: SegmentEntry): entry is SealedSegment {
  return entry.closed !== undefined
}

/** As retention and compaction see it. */
export function logSegment({ name, base, closed }: SealedSegment): LogSegment {
  const { length, footer, next, timestamp, sealedAt, records = next - base } = closed
  return { name, base, next, bytes: length + footer, records, timestamp, sealedAt }
}

export interface EpochStart {
  readonly epoch: number
  /** Where the log ended when this epoch began. */
  readonly start: number
}

export interface LogManifest {
  readonly format: 1
  readonly epoch: number
  /** Newest last. */
  readonly epochs: readonly EpochStart[]
  /** Everything below is durable. */
  readonly durable: number
  /** What was trimmed lies below; absent where nothing was. */
  readonly first?: number
  /** No append follows. */
  readonly sealed?: true
  readonly segments: readonly SegmentEntry[]
}

export const EMPTY_MANIFEST: LogManifest = { format: 1, epoch: 0, epochs: [], durable: 0, segments: [] }

const KEPT_EPOCHS = 64

/** Enters a new writer session behind one that was closed well: no position of the past can lie behind its end. */
export function nextEpoch(manifest: LogManifest): LogManifest {
  return { ...manifest, epoch: manifest.epoch + 1 }
}

/** Enters a new writer session that begins at `start`, where a tail that some position had passed may have been dropped. */
export function beginEpoch(manifest: LogManifest, start: number): LogManifest {
  const next = nextEpoch(manifest)
  return { ...next, epochs: thinned([...manifest.epochs, { epoch: next.epoch, start }]) }
}

/** The two oldest become one that sends a position back too far, never not far enough. */
function thinned(epochs: readonly EpochStart[]): readonly EpochStart[] {
  const [oldest, second, ...rest] = epochs
  if (epochs.length <= KEPT_EPOCHS || oldest === undefined || second === undefined) return epochs
  return [{ epoch: second.epoch, start: Math.min(oldest.start, second.start) }, ...rest]
}

/** The place of `next`, a position of `epoch`, in the log as it is now: no further than any later epoch began. */
export function rewindTo(manifest: LogManifest, next: number, epoch: number): number {
  let limit = next
  for (const later of manifest.epochs) if (later.epoch > epoch) limit = Math.min(limit, later.start)
  return limit
}

export function closeSegment(manifest: LogManifest, name: string, closed: SealedEnd): LogManifest {
  return { ...manifest, segments: manifest.segments.map((entry) => (entry.name === name ? { ...entry, closed } : entry)) }
}

/** What any manifest with segments has. */
interface WithSegments {
  readonly first?: number
  readonly segments: readonly SegmentEntry[]
}

/** Puts another segment with the same records, or fewer, in the place of one; undefined takes it out. */
export function replaceSegment<M extends WithSegments>(manifest: M, name: string, by: SealedSegment | undefined): M {
  return { ...manifest, segments: manifest.segments.flatMap((entry) => (entry.name !== name ? [entry] : by === undefined ? [] : [by])) }
}

/** Nothing below `first` is readable; closed segments wholly below are left out, but for the last, which tells where the log ends. */
export function trimManifest<M extends WithSegments>(manifest: M, first: number): M {
  const last = manifest.segments.length - 1
  const segments = manifest.segments.filter(({ closed }, index) => index === last || closed === undefined || closed.next > first)
  return { ...manifest, first: Math.max(first, manifest.first ?? 0), segments }
}

/** Index of the first segment that ends behind `offset`, `end` being where one ends. */
export function segmentAt<E extends SegmentEntry>(
  segments: readonly E[],
  offset: number,
  end: (entry: E) => Pick<SegmentEnd, 'next'>,
): number {
  let low = 0
  let high = segments.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (end(segments[middle] as E).next > offset) high = middle
    else low = middle + 1
  }
  return low
}
