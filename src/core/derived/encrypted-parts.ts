// What `encrypted` loads with the first use.

import { isStorageError } from '../base/errors.js'
import type { EncryptionSecret, PassphraseHash } from '../codec/secret.js'
import type { BlobStore } from '../ports/blob-store.js'
import type { AppendFile, FileStore, OpenFileOptions } from '../ports/file-store.js'
import { EncryptedBlobs } from './encrypted-blobs.js'
import { openEncryptedFile } from './encrypted-file.js'
import { EncryptedKeys, type EncryptedPlace } from './encrypted-keys.js'

export function encryptedParts(place: EncryptedPlace, secret: EncryptionSecret, hash: PassphraseHash) {
  const keys = new EncryptedKeys(place, secret, hash)
  const files = place.files === undefined ? undefined : new EncryptedFiles(place.files, keys)
  /** The same keys over other blobs: those of the place, with something in between. */
  const blobsOver = (blobs: BlobStore): BlobStore => new EncryptedBlobs({ ...place, blobs }, keys)
  return { keys, blobsOver, files }
}

class EncryptedFiles implements FileStore {
  readonly #below: FileStore
  readonly #keys: EncryptedKeys

  constructor(below: FileStore, keys: EncryptedKeys) {
    this.#below = below
    this.#keys = keys
  }

  bootId(): Promise<string | undefined> {
    return this.#below.bootId()
  }

  async open(path: string, options: OpenFileOptions): Promise<AppendFile> {
    const below = await this.#below.open(path, options)
    return await openEncryptedFile({ below, keys: this.#keys, path, mode: options.mode })
  }

  delete(path: string): Promise<void> {
    return this.#below.delete(path)
  }

  async *list(prefix: string): AsyncGenerator<{ readonly path: string; readonly size: number }> {
    for await (const { path, size } of this.#below.list(prefix)) {
      const plainSize = size === 0 ? 0 : await this.#sizeOf(path)
      if (plainSize !== undefined) yield { path, size: plainSize }
    }
  }

  /** undefined where it was deleted meanwhile. */
  async #sizeOf(path: string): Promise<number | undefined> {
    try {
      const file = await this.open(path, { mode: 'read' })
      await file.close()
      return file.size
    } catch (error) {
      if (isStorageError(error, 'missing')) return undefined
      throw error
    }
  }
}
