// Puts one chunk, once. The number is the compare-and-set, and so it must not be one that was merged and deleted meanwhile.
// Where the backend commits several writes at once, the manifest's version is checked with the put. Elsewhere chunks are
// deleted long after they were merged, and a writer looks into the manifest when what it knows of it is half as old.

import { backOff } from '../base/backoff.js'
import { equalBytes } from '../base/bytes.js'
import type { Clock } from '../base/clock.js'
import { isStorageError, StorageError } from '../base/errors.js'
import { newWriteId } from '../codec/envelope.js'
import type { BlobStore, BlobWrite } from '../ports/blob-store.js'
import type { WriteDurability } from '../ports/options.js'
import type { StreamGuard } from '../ports/stream-broker.js'
import { chunkWriteId, encodeChunk } from './chunk.js'
import { GRACE_MS, type ManifestCell } from './chunk-manifest.js'
import { CHUNK_EPOCH } from './chunk-segments.js'
import type { ChunkStore } from './chunk-store.js'

const MAX_ATTEMPTS = 200
const BACKOFF = { firstMs: 2, maxMs: 500 }
/** What is known of the manifest is trusted for so long where a put cannot check it. */
const TRUST_MS = GRACE_MS / 2

export interface ChunkWriterOptions {
  readonly blobs: BlobStore
  readonly clock: Clock
  readonly chunks: ChunkStore
  readonly manifest: ManifestCell
  readonly manifestKey: string
  readonly path: string
  readonly durability: WriteDurability | undefined
  readonly guard: StreamGuard | undefined
}

/** Whether too much time has passed since what was known then. A clock that was set back proves nothing. */
export function isStale(clock: Clock, knownAt: number): boolean {
  const age = clock.now() - knownAt
  return !(age >= 0 && age < TRUST_MS)
}

/** `lost`: somebody else has the number, or it was merged: nothing is stored. */
export type PutOutcome = 'stored' | 'lost'

export class ChunkWriter {
  readonly #options: ChunkWriterOptions

  constructor(options: ChunkWriterOptions) {
    this.#options = options
  }

  /** Frames as chunk `number`. After an error it is not known whether they are stored. */
  async put(number: number, frames: Uint8Array): Promise<PutOutcome> {
    const { manifest, clock } = this.#options
    if (this.#isStale(manifest.knownAt)) await manifest.read()
    const { knownAt } = manifest
    const writeId = newWriteId()
    const bytes = this.#encode(frames, writeId)
    let isUncertain = false
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const outcome = await this.#tryPut(number, bytes, writeId)
      if (outcome === 'other' || (outcome === 'merged' && !isUncertain)) return 'lost'
      if (outcome === 'merged' || (outcome === 'stored' && (await this.#isGhost(number, knownAt)))) throw this.#uncertain(number)
      if (outcome === 'stored') return 'stored'
      if (outcome === 'changed') continue
      isUncertain = true
      await backOff(clock, attempt, BACKOFF)
    }
    throw new StorageError('unavailable', 'the backend did not answer', { operation: 'append', key: this.#options.chunks.key(number) })
  }

  /** Whether the chunk may stand where one was merged and deleted, `knownAt` being when it was known that none had been. */
  async #isGhost(number: number, knownAt: number): Promise<boolean> {
    const { manifest } = this.#options
    if (!this.#isStale(knownAt)) return false
    await manifest.read()
    return number < manifest.value.merged.chunk
  }

  #isStale(knownAt: number): boolean {
    const { blobs, clock } = this.#options
    return blobs.batch === undefined && isStale(clock, knownAt)
  }

  #encode(frames: Uint8Array, writeId: Uint8Array): Uint8Array {
    const { maxBlobBytes } = this.#options.blobs.traits
    const bytes = encodeChunk(frames, CHUNK_EPOCH, writeId)
    if (bytes.length <= maxBlobBytes) return bytes
    throw new StorageError('invalid', 'an append is larger than this backend can store at once', {
      operation: 'append',
      facts: { bytes: bytes.length, maxBytes: maxBlobBytes },
    })
  }

  /** The same bytes and write id at every try, so that a put whose answer was lost is recognised. */
  async #tryPut(number: number, bytes: Uint8Array, writeId: Uint8Array): Promise<'stored' | 'other' | 'merged' | 'changed' | 'unknown'> {
    const { chunks, manifest } = this.#options
    const key = chunks.key(number)
    if (number < manifest.value.merged.chunk) return 'merged'
    try {
      await this.#putOnce(key, bytes)
      return 'stored'
    } catch (error) {
      const conflict = isStorageError(error, 'conflict')
      if (!conflict && !isStorageError(error, 'unavailable')) throw error
      const found = await this.#options.blobs.get(key).catch((failure) => {
        if (isStorageError(failure, 'unavailable')) return 'unknown' as const
        throw failure
      })
      if (found === 'unknown') return 'unknown'
      if (found !== undefined) return equalBytes(chunkWriteId(found.data), writeId) ? 'stored' : 'other'
      return conflict ? this.#explain(number) : 'unknown'
    }
  }

  /** Whether the queue is still there, as far as its guard tells. */
  async isAlive(): Promise<boolean> {
    const { blobs, guard } = this.#options
    return guard === undefined || (await blobs.get(guard.key))?.version === guard.version
  }

  /** Why the put was refused although there is no such chunk. */
  async #explain(number: number): Promise<'merged' | 'changed'> {
    const { manifest } = this.#options
    await this.checkAlive()
    await manifest.read()
    return number < manifest.value.merged.chunk ? 'merged' : 'changed'
  }

  async #putOnce(key: string, bytes: Uint8Array): Promise<void> {
    const { blobs, durability } = this.#options
    const write = durability === undefined ? {} : { durability }
    if (blobs.batch === undefined) await blobs.put(key, bytes, { ...write, when: 'absent' })
    else await blobs.batch(this.#checked(key, bytes), write)
  }

  /** With guard and manifest in the same commit: the version of the manifest by which the number is right. */
  #checked(key: string, bytes: Uint8Array): BlobWrite[] {
    const { guard, manifest, manifestKey } = this.#options
    const { version } = manifest
    const writes: BlobWrite[] = [
      { key: manifestKey, check: version === undefined ? 'absent' : { version } },
      { key, put: bytes, when: 'absent' },
    ]
    if (guard !== undefined) writes.unshift({ key: guard.key, check: { version: guard.version } })
    return writes
  }

  /** Frames as chunk `number`, to be put by somebody else together with other blobs, where the backend can do that. */
  propose(number: number, frames: Uint8Array, writeId: Uint8Array): readonly BlobWrite[] {
    return this.#checked(this.#options.chunks.key(number), this.#encode(frames, writeId))
  }

  /** Whether a proposed chunk is there; undefined when there is none, which a merge may have caused. */
  async isStored(number: number, writeId: Uint8Array): Promise<boolean | undefined> {
    const found = await this.#options.blobs.get(this.#options.chunks.key(number))
    return found === undefined ? undefined : equalBytes(chunkWriteId(found.data), writeId)
  }

  /** Throws `closed` when the queue was deleted. */
  async checkAlive(): Promise<void> {
    if (await this.isAlive()) return
    throw new StorageError('closed', 'the queue was deleted', { operation: 'append', facts: { log: this.#options.path } })
  }

  #uncertain(number: number): StorageError {
    return new StorageError('unavailable', 'the answer came so late that it is not known whether the append was stored', {
      operation: 'append',
      key: this.#options.chunks.key(number),
    })
  }
}
