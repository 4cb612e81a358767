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
  /** Of the last batches, so that loading one after the other reads them once. */
  readonly #batches = new Map<string, ManifestTexts>()

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
    const remembered = this.#batches.get(key)
    if (remembered !== undefined) return await manifestIn(remembered, id)
    const data = await this.#read(key, signal)
    if (data === undefined) return undefined
    if (!isOfBatch(id)) return await openManifest(data, id)
    const texts = await openBatch(data, key)
    this.#remember(key, texts)
    return await manifestIn(texts, id)
  }

  async #adopted(id: string, key: string, signal: AbortSignal | undefined): Promise<Manifest | undefined> {
    const data = await this.#read(key, signal)
    return data === undefined ? undefined : await openManifest(data, id)
  }

  async #read(key: string, signal: AbortSignal | undefined): Promise<Uint8Array | undefined> {
    return (await this.#blobs.get(key, signal === undefined ? {} : { signal }))?.data
  }

  #remember(key: string, texts: ManifestTexts): void {
    for (const oldest of this.#batches.keys()) if (this.#batches.size >= REMEMBERED_BATCHES) this.#batches.delete(oldest)
    this.#batches.set(key, texts)
  }
}

/** A stored snapshot whose manifest is not there. */
export function manifestGone(id: string, cause: unknown): StorageError {
  return new StorageError('corrupt', 'the manifest of a snapshot is gone', { key: id, cause })
}
