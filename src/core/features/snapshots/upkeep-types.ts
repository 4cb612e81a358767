// What verifying, collecting, repairing and copying take and tell.

import type { StorageErrorCode } from '../../base/errors.js'
import type { EncryptionSecret } from '../../codec/secret.js'
import type { Cancellable } from '../../ports/options.js'
import type { ProgressListener } from './save-types.js'
import type { SnapshotFilter } from './types.js'

export type { CollectReport } from '../../engine/content/collect.js'

/**
 * How deep: `chain` heads and the chain of manifests; `manifests` all of them, pages and the index; `packs` that each pack is
 * there; `hashes` that each has the bytes its name says, before any encryption; `chunks` that each chunk inflates to what its
 * id says; `restore` that each state gives its content hash. Each includes those before it.
 */
export type VerifyLevel = 'chain' | 'manifests' | 'packs' | 'hashes' | 'chunks' | 'restore'

export interface VerifyOptions extends Cancellable {
  /** Default `restore`. */
  readonly level?: VerifyLevel
  /** Stops after so many bytes of pages, manifests, chunks and packs were read; `cursor` of the report goes on from there. Default: all. */
  readonly budgetBytes?: number
  /** Of an earlier report: what was looked at then is not looked at again. */
  readonly cursor?: string
  readonly onProgress?: ProgressListener
}

export interface SnapshotProblem {
  /** The snapshot, or `agent/session` where the list of a session's snapshots itself is damaged, or the key of a blob that no snapshot is known to need. */
  readonly id: string
  readonly code: StorageErrorCode
  readonly message: string
  readonly expected?: string
  readonly actual?: string
  /** The stored blob that is damaged, where one is. */
  readonly key?: string
  /** JSON Pointers (RFC 6901) of the parts of the state that are lost; absent where it is all or nothing. */
  readonly paths?: readonly string[]
}

export interface SnapshotReport {
  readonly ok: boolean
  /** How many snapshots were looked at. */
  readonly checked: number
  readonly problems: readonly SnapshotProblem[]
  /** Where to go on; absent when all was looked at. */
  readonly cursor?: string
}

export interface CollectOptions extends Cancellable {
  /** Says what would be done, and does nothing. Default false. */
  readonly dryRun?: boolean
  /** Copies at most so many bytes of live chunks out of packs that hold waste; the rest is left to the next run. Default 256 MiB. */
  readonly maxBytes?: number
  readonly onProgress?: ProgressListener
}

export interface RepairOptions<Source> extends Cancellable {
  /** Another store that has the same snapshots. */
  readonly from?: Source
  /** Of the snapshots in `from`, where they are encrypted. */
  readonly encryption?: EncryptionSecret
  readonly onProgress?: ProgressListener
}

export interface RepairReport {
  /** Nothing is damaged any more. */
  readonly ok: boolean
  readonly repaired: readonly SnapshotProblem[]
  /** What could not be repaired, with the exact paths lost. */
  readonly lost: readonly SnapshotProblem[]
  /** Keys of damaged blobs that were copied aside, to `snapshots/quarantine/`. Nothing is deleted. */
  readonly quarantined: readonly string[]
}

export interface CopyOptions extends Cancellable {
  /** Of the snapshots of the target, where they are encrypted, or shall be. */
  readonly encryption?: EncryptionSecret
  /** Default all. */
  readonly filter?: Omit<SnapshotFilter, 'signal'>
  /** Says what would be copied, and writes nothing. Default false. */
  readonly dryRun?: boolean
  readonly onProgress?: ProgressListener
}

export interface CopyReport {
  readonly dryRun: boolean
  readonly copied: number
  /** Those that were there already. */
  readonly skipped: number
  /** Bytes of chunks that were stored in the target; of a dry run those that it lacks, as the source has them compressed. */
  readonly storedBytes: number
}
