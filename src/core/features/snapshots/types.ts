// What users of snapshots see: an agent has sessions, a session has branches, a branch has snapshots.

import type { Json } from '../../codec/codec.js'
import type { CodecOption } from '../../codec/codecs.js'
import type { CompressionName } from '../../codec/compression.js'
import type { Cancellable, Handle } from '../../ports/options.js'
import type { SaveState } from './save-types.js'
import type { SnapshotReport } from './upkeep-types.js'

export interface SnapshotsOptions {
  /** How states are written (default `json`); recorded with each snapshot, so that mixed ones stay readable. */
  readonly codec?: CodecOption
  /** Default `gzip`; small states, and those that would not shrink by a tenth, are stored as they are. */
  readonly compression?: CompressionName
}

export interface SnapshotInfo {
  /** A UUID. */
  readonly id: string
  readonly agent: string
  readonly session: string
  readonly branch: string
  /** Rises by one in its session from 0; an index is never used again. */
  readonly index: number
  /** Milliseconds since 1970; never lower than that of the snapshot before it in the session. */
  readonly timestamp: number
  /** What it was made from: the head of its branch at the time, unless `parent` said otherwise. May have been deleted since. */
  readonly parents: readonly string[]
  /** SHA-256 of the encoded state, lower-case hexadecimal. */
  readonly contentHash: string
  readonly tags: readonly string[]
  /** Never removed by `prune`. */
  readonly pinned?: true
  readonly description?: string
  readonly metadata?: Json
  /** Length of the encoded state. */
  readonly bytes: number
  /** What storing the state added to the store, with headers, without manifest and index: less than its size where parts of it were there already. */
  readonly storedBytes: number
  /** What was really used. */
  readonly compression: CompressionName
}

export interface SessionRef {
  readonly agent: string
  readonly session: string
}

export interface BranchRef extends SessionRef {
  /** Default `main`. */
  readonly branch?: string
}

export interface ForkTarget extends Cancellable {
  /** Default: that of the snapshot. */
  readonly agent?: string
  /** Default: that of the snapshot. */
  readonly session?: string
  /** Must not exist yet. Default: `main` in another session, `fork-<index>` in the same. */
  readonly branch?: string
}

export interface SnapshotFilter extends Cancellable {
  readonly agent?: string
  readonly session?: string
  readonly branch?: string
  /** Only those with this tag. */
  readonly tag?: string
  /** Only those whose metadata is an object with these entries, equal in every part. */
  readonly metadata?: { readonly [name: string]: Json }
  /** Only those with an earlier timestamp (ms, or a Date). */
  readonly before?: number | Date
  /** Only those with a later timestamp (ms, or a Date). */
  readonly after?: number | Date
  /** Goes on behind this snapshot, as an earlier list gave it. `missing` when it is not there any more. */
  readonly startAfter?: string
  readonly limit?: number
}

/** Which snapshots a subscription is about; default all. */
export interface SubscribeOptions extends Cancellable {
  readonly agent?: string
  readonly session?: string
  readonly branch?: string
  /** Begins with all that were saved later than this one, in the order they were saved. Default: only those saved from now on. */
  readonly after?: string
}

export interface SnapshotChange {
  readonly type: 'saved' | 'deleted'
  readonly id: string
  readonly agent: string
  readonly session: string
  readonly branch: string
  readonly index: number
}

/** Calls after `close()` are `closed`; an aborted signal rejects with its reason. */
export interface Snapshots<State> extends Handle {
  /**
   * Stores the state as it is at the time of the call; it can be seen by others only once it is complete. `invalid` for
   * a state or metadata that would not come back equal, `missing` for a parent that is not there, `unavailable` when too
   * many others saved to the session at once.
   */
  save(options: SaveState<State>): Promise<SnapshotInfo>
  /** The state of a snapshot, or of the newest of a branch. `missing` when there is none, `corrupt` with `expected` and `actual` hash when damaged. */
  load(which: string | BranchRef, options?: Cancellable): Promise<State>
  /** All about it but its state. `missing` when there is none. */
  info(id: string, options?: Cancellable): Promise<SnapshotInfo>
  /** The newest of a branch; undefined when there is none. */
  latest(branch: BranchRef, options?: Cancellable): Promise<SnapshotInfo | undefined>
  /** Newest first. */
  list(filter?: SnapshotFilter): AsyncIterable<SnapshotInfo>
  /** Reads one snapshot or all of them and compares the hashes. Damage is reported, never thrown. */
  verify(id?: string, options?: Cancellable): Promise<SnapshotReport>
  /** Deletes one, or a whole session. What is not there is no error. Indexes are not used again. */
  delete(which: string | SessionRef, options?: Cancellable): Promise<void>
  /**
   * Calls back for each snapshot saved or deleted from now on, here or elsewhere: at once through this object, within
   * about a second otherwise (only through this object where nothing may run between requests). Returns how to stop.
   */
  watch(listener: (change: SnapshotChange) => void): () => void
}
