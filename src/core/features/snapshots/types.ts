// What users of snapshots see: an agent has sessions, a session has branches, a branch has snapshots.

import type { Trace } from '../../base/trace.js'
import type { Json } from '../../codec/codec.js'
import type { CodecOption } from '../../codec/codecs.js'
import type { Compression, CompressionName, CompressionOption } from '../../codec/compression.js'
import type { EncryptionSecret, PassphraseHash } from '../../codec/secret.js'
import type { Backend } from '../../ports/backend.js'
import type { Cancellable } from '../../ports/options.js'

export interface SnapshotsOptions {
  /** How states are written (default `json`); recorded with each snapshot, so that mixed ones stay readable. */
  readonly codec?: CodecOption
  /** Default `gzip`; small states, and those that would not shrink by a tenth, are stored as they are. */
  readonly compression?: CompressionOption
  /** Modules that this runtime lacks, to read what was written with them, and to write with when `compression` names one. */
  readonly compressions?: readonly Compression[]
  /**
   * Everything below `snapshots/` is encrypted, and names of agents and sessions are hidden in keys too. The keyring is made
   * with the first save, and only where there are no snapshots yet; from then on they open with it and not without.
   */
  readonly encryption?: EncryptionSecret
  /** How a passphrase becomes a key when the first snapshot is saved. Default `pbkdf2`. */
  readonly passphraseHash?: PassphraseHash
  /**
   * Where to keep near what was read from a store that is far away, and what is saved: packs, manifests and pages, which never
   * change. Which snapshots there are always comes from the store. Nothing fails because the cache does. With encryption it
   * holds what the store holds.
   */
  readonly cache?: Backend | SnapshotCache
  /**
   * Runs each save, fork, load and work of upkeep within a span, `snapshots.save` for example, which names backend, agent, session,
   * branch and id, with sizes and counts; nothing of states, tags, descriptions and metadata.
   */
  readonly trace?: Trace
}

export interface SnapshotCache {
  /** Best a place of its own; all its keys begin with `cached/`. It stays open when the snapshots are closed. */
  readonly backend: Backend
  /** How much is kept there, about; what was used longest ago goes first. Default 256 MiB. */
  readonly maxBytes?: number
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
  /**
   * Only in lists: why its manifest cannot be read. What stands there alone is absent: description and metadata; of one that was
   * saved in format 1 parents, content hash, sizes and compression are empty, 0 and `none`.
   */
  readonly damaged?: string
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
  /** A whole number, 0 or more; default Infinity. */
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
