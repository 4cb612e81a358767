// What is asked of a replication, and what it says of itself.

import type { StorageError } from '../base/errors.js'
import type { Cancellable } from '../ports/options.js'
import type { CopyFormat } from './replica-queue.js'

export interface ReplicateOptions extends Cancellable, CopyFormat {
  /** Default all, where it is live also those that come later. */
  readonly queues?: readonly string[]
  /** Goes on with what is appended later, until the signal aborts. Default false: ends with what was there when it began. */
  readonly live?: boolean
  /** Whether groups are made at the target and moved forward to where they are at the source. Default true. */
  readonly groups?: boolean
  /** Called after each step of a bucket. */
  readonly onProgress?: (progress: ReplicationProgress) => void
}

/** Offsets `from` to `to` (exclusive) that the source no longer had when they were to be copied: a gap at the target. */
export interface SkippedOffsets {
  readonly from: number
  readonly to: number
}

export interface BucketReplication {
  readonly bucket: number
  /** Copied by this call. */
  readonly records: number
  /** All that the source has below is in the target. */
  readonly next: number
  /** Offsets from there to the end of the source, as last seen. */
  readonly lag: number
  readonly skipped: readonly SkippedOffsets[]
  /** The source was sealed, and the target is. */
  readonly sealed?: true
}

export interface ReplicationProgress extends BucketReplication {
  readonly queue: string
  /** What failed; it is tried again. */
  readonly error?: StorageError
}

export interface QueueReplication {
  readonly queue: string
  /** Copied by this call, over its buckets. */
  readonly records: number
  readonly buckets: readonly BucketReplication[]
  /** It was deleted at the source meanwhile; the target keeps what it has. */
  readonly deleted?: true
}

export interface ReplicationReport {
  /** Copied by this call, in all. */
  readonly records: number
  readonly queues: readonly QueueReplication[]
}
