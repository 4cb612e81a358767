// What is asked of an export and an import, and what they say of themselves.

import type { ArchiveSecret } from '../../codec/archive/open.js'
import type { SnapshotImportReport } from '../../features/snapshots/archive-types.js'
import type { SnapshotFilter, SnapshotsOptions } from '../../features/snapshots/types.js'
import type { Cancellable } from '../../ports/options.js'

export interface ArchiveProgress {
  /** Of the archive, so far; after sealing where it is encrypted. */
  readonly bytes: number
  readonly part: 'queue' | 'keys' | 'snapshots'
  /** Of the queue or the namespace; empty for snapshots. */
  readonly name: string
  /** So far, over all queues. */
  readonly records: number
  /** So far, over all namespaces. */
  readonly values: number
  readonly snapshots: number
}

/** Offsets `from` to `to` (exclusive) of a bucket that were trimmed or expired before they were copied. */
export interface ArchiveGap {
  readonly bucket: number
  readonly from: number
  readonly to: number
}

/** With a passphrase or a key the archive is encrypted; `encryption` and `compressions` are those of the snapshots in the store, as `openSnapshots` takes them. */
export interface ExportOptions extends Cancellable, ArchiveSecret, Pick<SnapshotsOptions, 'compressions' | 'encryption'> {
  /** Default all; names, or false for none. */
  readonly queues?: readonly string[] | false
  /** Namespaces of keys; default all. */
  readonly kv?: readonly string[] | false
  /** Default all; which ones, or false for none. */
  readonly snapshots?: Omit<SnapshotFilter, 'signal'> | boolean
  readonly onProgress?: (progress: ArchiveProgress) => void
}

/** What to do with queues and keys that are there already and are not what an earlier import of the same archive made. */
export type OnExisting = 'refuse' | 'skip' | 'replace'

/** With the passphrase or the key, where the archive is encrypted; the rest is how snapshots are stored, as `openSnapshots` takes it. */
export interface ImportOptions
  extends Cancellable,
    ArchiveSecret,
    Pick<SnapshotsOptions, 'compression' | 'compressions' | 'encryption' | 'passphraseHash'> {
  readonly onExisting?: OnExisting
  readonly onProgress?: (progress: ArchiveProgress) => void
}

export interface ImportedQueue {
  readonly queue: string
  readonly buckets: number
  /** Appended by this call. */
  readonly records: number
  /** Records of the archive that were there before, as an earlier import left them. */
  readonly present: number
  /** Put where they stood. */
  readonly groups: number
  /** Groups of a backend that keeps them by itself: what was acknowledged out of order there is delivered again. */
  readonly approximateGroups: number
  /** What the archive itself lacks. */
  readonly gaps: readonly ArchiveGap[]
  /** It was there, and was left as it is. */
  readonly skipped?: true
}

export interface ImportedNamespace {
  readonly namespace: string
  /** Stored by this call. */
  readonly values: number
  /** The same value was there. */
  readonly present: number
  /** Another value was there, and was left. */
  readonly skipped: number
  /** Had expired meanwhile. */
  readonly expired: number
}

export interface ImportReport {
  /** When the archive was made, ms since 1970. */
  readonly createdAt: number
  /** Of the archive, as it was read. */
  readonly bytes: number
  readonly encrypted: boolean
  readonly queues: readonly ImportedQueue[]
  readonly namespaces: readonly ImportedNamespace[]
  /** A snapshot that is there already, under its id, is left as it is. */
  readonly snapshots: SnapshotImportReport
}

export interface CheckArchiveOptions extends Cancellable, ArchiveSecret {
  readonly onProgress?: (progress: Pick<ArchiveProgress, 'bytes'>) => void
}

export interface ArchiveBucket {
  readonly bucket: number
  /** Oldest offset held, and the one behind the last. */
  readonly first: number
  readonly next: number
  readonly gaps: readonly ArchiveGap[]
  readonly sealed?: true
}

export interface ArchivedQueueSummary {
  readonly queue: string
  readonly buckets: readonly ArchiveBucket[]
  readonly records: number
  /** Names. */
  readonly groups: readonly string[]
}

export interface ArchiveReport {
  /** When it was made, ms since 1970. */
  readonly createdAt: number
  readonly encrypted: boolean
  readonly bytes: number
  /** Name of the backend that it comes from. */
  readonly backend: string
  readonly queues: readonly ArchivedQueueSummary[]
  readonly namespaces: readonly { readonly namespace: string; readonly values: number }[]
  readonly sessions: readonly { readonly agent: string; readonly session: string; readonly snapshots: number }[]
}
