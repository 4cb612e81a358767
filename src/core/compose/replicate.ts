// Queues kept the same somewhere else: every record at its offset, once.

import type { StorageError } from '../base/errors.js'
import { loadPart } from '../base/load-part.js'
import type { Store } from '../derived/store-context.js'
import type { Backend } from '../ports/backend.js'
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

/**
 * Copies queues to another store, on the same or another backend: each record once, with its offset, timestamp, key, headers
 * (those of ids and producers, too) and schema version; what was trimmed or compacted away stays a gap, and a sealed source seals
 * its target. Missing queues are made with the same buckets. It begins where the target ends, so it may be stopped or killed at
 * any point and called again. The source is only read, and may be open with `mode: 'read'`. The target takes no other appends.
 *
 * Live it copies what is appended until the signal aborts, and resolves then; what fails for a time is tried again for ever.
 * Else an abort rejects with the signal's reason.
 *
 * Errors: `conflict` (the target is no copy of the source, or not any more: somebody appended to it, or the source lost records in
 * a recovery; facts say from which offset on they differ, and the message what to do; nothing is overwritten), `missing` (a queue),
 * `denied`, `quota`, `invalid`, `unsupported`, `corrupt`, and not live `unavailable`.
 */
export async function replicate(
  source: Store | Backend,
  target: Store | Backend,
  options: ReplicateOptions = {},
): Promise<ReplicationReport> {
  const { Replication } = await loadPart('replication', () => import('./replication.js'))
  return await new Replication(source, target, options).run()
}
