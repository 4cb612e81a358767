// Manifests where they are stored: one by one, or those of one call together.

import { StorageError } from '../../base/errors.js'
import type { BlobStore } from '../../ports/blob-store.js'
import { adoptedKey, adoptedPrefix, isId, isOfBatch, manifestKey } from './layout.js'
import {
  type HashedManifest,
  type Manifest,
  manifestIn,
  type ManifestTexts,
  openBatch,
  openManifest,
  sealManifest,
  sealManifests,
} from './manifest.js'
import { missing } from './damage.js'

/** Reading one of a batch means reading them all. */
export const BATCH_MANIFESTS = 256
const REMEMBERED_BATCHES = 2

export class Manifests {
  readonly #blobs: BlobStore
  /** The last batches, so that loading one after the other, or together, reads them once. */
  readonly #batches = new Map<string, Promise<ManifestTexts | undefined>>()

  constructor(blobs: BlobStore) {
    this.#blobs = blobs
  }

  /** Proved by its hash. `missing` when it is not there. `attempt` as its summary says; else all places are tried. */
  async get(id: string, signal?: AbortSignal, attempt?: string): Promise<Manifest> {
    if (!isId(id)) throw missing({ id: String(id) })
    const found = attempt === undefined ? await this.#own(id, signal) : await this.#adopted(id, adoptedKey(id, attempt), signal)
    if (found !== undefined) return found
    if (attempt === undefined) {
      for await (const { key } of this.#blobs.list({ prefix: adoptedPrefix(id), ...(signal && { signal }) })) {
        const adopted = await this.#adopted(id, key, signal)
        if (adopted !== undefined) return adopted
      }
    }
    throw missing({ id })
  }

  async put(hashed: HashedManifest, attempt?: string): Promise<void> {
    const { id } = hashed.manifest
    await this.#blobs.put(attempt === undefined ? manifestKey(id) : adoptedKey(id, attempt), sealManifest(hashed))
  }

  /** All of one batch of ids. */
  async putBatch(batch: readonly HashedManifest[]): Promise<void> {
    const first = batch[0]
    if (first !== undefined) await this.#blobs.put(manifestKey(first.manifest.id), await sealManifests(batch))
  }

  async #own(id: string, signal: AbortSignal | undefined): Promise<Manifest | undefined> {
    const key = manifestKey(id)
    if (isOfBatch(id)) {
      const texts = await this.#batch(key)
      signal?.throwIfAborted()
      return texts === undefined ? undefined : await manifestIn(texts, id)
    }
    const data = await this.#read(key, signal)
    return data === undefined ? undefined : await openManifest(data, id)
  }

  /** Nobody's signal ends it for the others. What cannot be read is read again by the next one. */
  #batch(key: string): Promise<ManifestTexts | undefined> {
    const known = this.#batches.get(key)
    if (known !== undefined) return known
    const reading = this.#readBatch(key)
    for (const oldest of this.#batches.keys()) if (this.#batches.size >= REMEMBERED_BATCHES) this.#batches.delete(oldest)
    this.#batches.set(key, reading)
    const forget = (): void => {
      if (this.#batches.get(key) === reading) this.#batches.delete(key)
    }
    reading.then((texts) => {
      if (texts === undefined) forget()
    }, forget)
    return reading
  }

  async #readBatch(key: string): Promise<ManifestTexts | undefined> {
    const data = await this.#read(key, undefined)
    return data === undefined ? undefined : await openBatch(data, key)
  }

  async #adopted(id: string, key: string, signal: AbortSignal | undefined): Promise<Manifest | undefined> {
    const data = await this.#read(key, signal)
    return data === undefined ? undefined : await openManifest(data, id)
  }

  async #read(key: string, signal: AbortSignal | undefined): Promise<Uint8Array | undefined> {
    return (await this.#blobs.get(key, signal === undefined ? {} : { signal }))?.data
  }
}

/** A stored snapshot whose manifest is not there. */
export function manifestGone(id: string, cause: unknown): StorageError {
  return new StorageError('corrupt', 'the manifest of a snapshot is gone', { key: id, cause })
}
