// A blob, read like a file. Where reading a part of it costs as much as reading all (a row of a database), or nearly so (a
// small object), it is fetched once and kept until somebody else's turn comes.

import { StorageError } from '../base/errors.js'
import type { BlobStore } from '../ports/blob-store.js'
import type { ByteSource } from '../ports/file-store.js'
import type { ByteRange } from '../ports/options.js'

export interface BlobSourceOptions {
  readonly blobs: BlobStore
  readonly key: string
  readonly size: number
  /** Fetch it whole. */
  readonly isWhole: boolean
  /** Told whenever it begins to keep bytes. */
  readonly onKeep: () => void
}

export class BlobSource implements ByteSource {
  readonly #options: BlobSourceOptions
  #kept: Promise<Uint8Array> | undefined

  constructor(options: BlobSourceOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#options.size
  }

  /** `missing` when the blob is gone: it was dropped, or another took its place. */
  async read(range: ByteRange): Promise<Uint8Array> {
    if (!this.#options.isWhole) return this.#get(range)
    this.#kept ??= this.#keep()
    return (await this.#kept).subarray(range.start, Math.max(range.start, range.end))
  }

  /** Lets go of what it keeps. */
  release(): void {
    this.#kept = undefined
  }

  async close(): Promise<void> {
    this.release()
  }

  #keep(): Promise<Uint8Array> {
    this.#options.onKeep()
    return this.#get().catch((error) => {
      this.release()
      throw error
    })
  }

  async #get(range?: ByteRange): Promise<Uint8Array> {
    const { blobs, key } = this.#options
    const blob = await blobs.get(key, range === undefined ? {} : { range })
    if (blob === undefined) throw new StorageError('missing', 'a segment of the log is not there', { key })
    return blob.data
  }
}
