// Manifests where they are stored: one by one, or those of one call together.

import { StorageError } from '../../base/errors.js'
import { type CachedReads, readProved } from '../../engine/cached-reads.js'
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
  readonly #cache: CachedReads | undefined
  /** The last batches, so that loading one after the other, or together, reads them once. */
  readonly #batches = new Map<string, Promise<ManifestTexts | undefined>>()

  /** `cache` where the blobs are read through one. */
  constructor(blobs: BlobStore, cache?: CachedReads) {
    this.#blobs = blobs
    this.#cache = cache
  }

  /** Proved by its hash. `missing` when it is not there. `attempt` as its summary says; else all places are tried. */
  async get(id: string, signal?: AbortSignal, attempt?: string): Promise<Manifest> {
    if (!isId(id)) throw missing({ id: String(id) })
    const found = attempt === undefined ? await this.#own(id, signal) : await this.#single(id, adoptedKey(id, attempt), signal)
    if (found !== undefined) return found
    if (attempt === undefined) {
      for await (const { key } of this.#blobs.list({ prefix: adoptedPrefix(id), ...(signal && { signal }) })) {
        const adopted = await this.#single(id, key, signal)
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
    if (!isOfBatch(id)) return await this.#single(id, key, signal)
    const cache = this.#cache && { distrust: (damaged: string) => this.#distrust(damaged) }
    const found = await readProved(cache, key, async () => {
      const texts = await this.#batch(key)
      return texts === undefined ? undefined : await manifestIn(texts, id)
    })
    signal?.throwIfAborted()
    return found
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
    const data = await readFrom(this.#blobs, key)
    return data === undefined ? undefined : await openBatch(data, key)
  }

  async #single(id: string, key: string, signal: AbortSignal | undefined): Promise<Manifest | undefined> {
    const found = await readProved(this.#cache, key, () => this.#open(this.#blobs, id, key, signal))
    // A repair puts one of today in the place of one of format 1: only the store knows.
    return this.#cache !== undefined && found?.format === 1 ? await this.#open(this.#cache.past, id, key, signal) : found
  }

  async #open(blobs: BlobStore, id: string, key: string, signal: AbortSignal | undefined): Promise<Manifest | undefined> {
    const data = await readFrom(blobs, key, signal)
    return data === undefined ? undefined : await openManifest(data, id)
  }

  async #distrust(key: string): Promise<void> {
    const dropped = this.#cache?.distrust(key)
    this.#batches.delete(key) // also one that others began to read before
    await dropped
  }
}

async function readFrom(blobs: BlobStore, key: string, signal?: AbortSignal): Promise<Uint8Array | undefined> {
  return (await blobs.get(key, signal === undefined ? {} : { signal }))?.data
}

/** A stored snapshot whose manifest is not there. */
export function manifestGone(id: string, cause: unknown): StorageError {
  return new StorageError('corrupt', 'the manifest of a snapshot is gone', { key: id, cause })
}
