// Where a log of files lies, for those who look at it from outside.

import type { Clock } from '../../base/clock.js'
import { isStorageError } from '../../base/errors.js'
import type { BlobStore } from '../../ports/blob-store.js'
import type { ByteSource, FileStore } from '../../ports/file-store.js'
import type { FrameFormat } from '../frame-format.js'

export interface FileLogPlace {
  readonly format: FrameFormat
  readonly files: FileStore
  readonly blobs: BlobStore
  readonly clock: Clock
  /** Prefix of the log: incarnation and bucket. */
  readonly path: string
  /** Somebody may be writing right now. */
  readonly isLive: boolean
  /** Called after each segment. */
  readonly progress?: (bytes: number) => void
}

/** undefined where the file is not there. */
export async function withFile<T>(files: FileStore, path: string, use: (source: ByteSource) => Promise<T>): Promise<T | undefined> {
  const file = await files.open(path, { mode: 'read' }).catch((error) => {
    if (isStorageError(error, 'missing')) return undefined
    throw error
  })
  try {
    return file === undefined ? undefined : await use(file)
  } finally {
    await file?.close()
  }
}
