// What taking snapshots out of a store as one file, and putting them into another, take and tell.

import type { ArchiveSecret } from '../../codec/archive/open.js'
import type { Cancellable } from '../../ports/options.js'
import type { ProgressListener } from './save-types.js'
import type { SnapshotFilter } from './types.js'

export type { ArchiveSecret } from '../../codec/archive/open.js'

/** With a passphrase or a key the archive is encrypted. */
export interface SnapshotExportOptions extends Cancellable, ArchiveSecret {
  /** Default all. */
  readonly filter?: Omit<SnapshotFilter, 'signal'>
  readonly onProgress?: ProgressListener
}

/** With the passphrase or the key, where the archive is encrypted. */
export interface SnapshotImportOptions extends Cancellable, ArchiveSecret {
  readonly onProgress?: ProgressListener
}

export interface SnapshotImportReport {
  readonly imported: number
  /** Those that were there already. */
  readonly skipped: number
  /** Bytes of chunks that were stored. */
  readonly storedBytes: number
}
