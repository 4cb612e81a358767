// What a log of files says about itself: its segments, how far each is valid, and where each writer session began.

/** One segment file. `next` and `length` are there once it is closed; before that the file has to be scanned. */
export interface SegmentEntry {
  /** File name inside the log's folder: sequence, epoch and salt, never used twice. */
  readonly name: string
  readonly sequence: number
  readonly base: number
  readonly closed?: {
    readonly next: number
    /** Valid bytes; whatever lies behind them belongs to nobody. */
    readonly length: number
    readonly chain: number
    readonly timestamp: number
  }
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
  readonly segments: readonly SegmentEntry[]
}

export const EMPTY_MANIFEST: LogManifest = { format: 1, epoch: 0, epochs: [], durable: 0, segments: [] }

const KEPT_EPOCHS = 64

/** Enters a new writer session that begins at `start`. */
export function beginEpoch(manifest: LogManifest, start: number): LogManifest {
  const epoch = manifest.epoch + 1
  return { ...manifest, epoch, epochs: [...manifest.epochs, { epoch, start }].slice(-KEPT_EPOCHS) }
}

/** The place of `next`, a position of `epoch`, in the log as it is now: no further than any later epoch began. */
export function rewindTo(manifest: LogManifest, next: number, epoch: number): number {
  let limit = next
  for (const later of manifest.epochs) if (later.epoch > epoch) limit = Math.min(limit, later.start)
  return limit
}

export function closeSegment(manifest: LogManifest, name: string, closed: SegmentEntry['closed']): LogManifest {
  return { ...manifest, segments: manifest.segments.map((entry) => (entry.name === name ? { ...entry, closed } : entry)) }
}
