// A blob store over another one, whose blobs are sealed under their keys. What is there, when it was put and how long it is
// stays visible to whoever reads the store below; what it says does not.

import { StorageError } from '../base/errors.js'
import { SEGMENT_BYTES } from '../codec/sealed-sizes.js'
import {
  allSegments,
  openSegments,
  readSealedHeader,
  type SealedHeader,
  sealBlob,
  type SegmentRange,
  segmentsFor,
  storedEnd,
  storedRange,
} from '../codec/sealed-blob.js'
import { plainBytesOfSealed, SEALED_HEADER_BYTES, sealedBytes } from '../codec/sealed-sizes.js'
import type { BlobInfo, BlobStore, BlobTraits, BlobWrite, ListOptions, PutOptions, StoredBlob } from '../ports/blob-store.js'
import type { ByteRange, Cancellable, WriteOptions } from '../ports/options.js'
import { type EncryptedKeys, type EncryptedPlace, keyringKey } from './encrypted-keys.js'
import { setStoredBlobs, storedBlobs } from './stored-blobs.js'

/** No part ends later. */
const MOST_BYTES = 2 ** 31

export class EncryptedBlobs implements BlobStore {
  readonly traits: BlobTraits
  readonly #below: BlobStore
  readonly #keys: EncryptedKeys
  readonly #keyring: string

  constructor(place: EncryptedPlace, keys: EncryptedKeys) {
    this.#below = place.blobs
    this.#keys = keys
    this.#keyring = keyringKey(place)
    const { traits } = place.blobs
    this.traits = { ...traits, maxBlobBytes: plainBytesOfSealed(traits.maxBlobBytes) }
    setStoredBlobs(this, storedBlobs(place.blobs))
  }

  async get(key: string, options: { readonly range?: ByteRange; readonly signal?: AbortSignal } = {}): Promise<StoredBlob | undefined> {
    if (key === this.#keyring) return undefined
    await this.#keys.opened() // a wrong secret is told at once, also where there is nothing
    const { range, signal } = options
    return range === undefined ? await this.#whole(key, signal) : await this.#part(key, range, signal)
  }

  async put(key: string, bytes: Uint8Array, options: PutOptions = {}): Promise<BlobInfo> {
    options.signal?.throwIfAborted()
    this.#checkRoom(key, bytes)
    const { version } = await this.#below.put(key, await this.#seal(key, bytes), options)
    return { key, bytes: bytes.length, version }
  }

  async delete(keys: readonly string[], options?: Cancellable): Promise<void> {
    for (const key of keys) this.#checkKey(key)
    await this.#below.delete(keys, options)
  }

  async *list(options: ListOptions = {}): AsyncGenerator<BlobInfo> {
    let isKnown = false
    for await (const info of this.#below.list(options)) {
      if (info.key === this.#keyring) continue
      if (!isKnown && (await this.#keys.opened()) === undefined) await this.#keys.checkUnused()
      isKnown = true
      yield { ...info, bytes: Math.max(0, plainBytesOfSealed(info.bytes)) }
    }
  }

  async batch(writes: readonly BlobWrite[], options?: WriteOptions): Promise<void> {
    options?.signal?.throwIfAborted()
    const sealed = await Promise.all(
      writes.map(async (write) => {
        this.#checkKey(write.key)
        if (!('put' in write)) return write
        this.#checkRoom(write.key, write.put)
        return { ...write, put: await this.#seal(write.key, write.put) }
      }),
    )
    await this.#below.batch?.(sealed, options)
  }

  async #seal(key: string, bytes: Uint8Array): Promise<Uint8Array> {
    return await sealBlob(await this.#keys.sealing(), key, bytes)
  }

  async #whole(key: string, signal: AbortSignal | undefined): Promise<StoredBlob | undefined> {
    const blob = await this.#below.get(key, signal === undefined ? {} : { signal })
    if (blob === undefined) return undefined
    const header = await this.#header(blob)
    const data = await this.#open(key, header, allSegments(header), blob.data.subarray(SEALED_HEADER_BYTES))
    return { key, bytes: header.plainBytes, version: blob.version, data }
  }

  /** In one request where the part is in the first segment, else in two, which must have seen the same blob. */
  async #part(key: string, { start, end }: ByteRange, signal: AbortSignal | undefined): Promise<StoredBlob | undefined> {
    const read = (range: ByteRange) => this.#below.get(key, signal === undefined ? { range } : { range, signal })
    const isBeginning = start < SEGMENT_BYTES
    const first = await read({ start: 0, end: isBeginning ? Math.min(MOST_BYTES, storedEnd(end)) : SEALED_HEADER_BYTES })
    if (first === undefined) return undefined
    const header = await this.#header(first)
    const range = segmentsFor(header, start, end)
    const stored = storedRange(header, range)
    const isNear = first.data.length >= stored.end
    const second = isNear ? undefined : await read(stored)
    if (!isNear && second?.version !== first.version) return await this.#again(key, { start, end }, signal)
    const segments = second === undefined ? first.data.subarray(stored.start, stored.end) : second.data
    const plain = await this.#open(key, header, range, segments)
    const skipped = range.first * SEGMENT_BYTES
    const data = plain.subarray(Math.max(0, start - skipped), Math.max(0, end - skipped))
    return { key, bytes: header.plainBytes, version: first.version, data: start < end ? data : plain.subarray(0, 0) }
  }

  /** It was replaced between two requests: all of it in one. */
  async #again(key: string, { start, end }: ByteRange, signal: AbortSignal | undefined): Promise<StoredBlob | undefined> {
    const blob = await this.#whole(key, signal)
    return blob === undefined ? undefined : { ...blob, data: blob.data.subarray(start, Math.max(start, end)) }
  }

  /** The header of a blob that is as long as it says. */
  async #header(blob: StoredBlob): Promise<SealedHeader> {
    if ((await this.#keys.opened()) === undefined) await this.#keys.checkUnused()
    const header = readSealedHeader(blob.data, blob.key)
    if (sealedBytes(header.plainBytes) === blob.bytes) return header
    throw new StorageError('corrupt', 'an encrypted blob was cut off or made longer', {
      key: blob.key,
      facts: { bytes: blob.bytes, expected: sealedBytes(header.plainBytes) },
    })
  }

  async #open(key: string, header: SealedHeader, range: SegmentRange, sealed: Uint8Array): Promise<Uint8Array> {
    const by = await this.#keys.ofGeneration(header.generation, key)
    return await openSegments(by, key, header, { range, sealed })
  }

  #checkRoom(key: string, bytes: Uint8Array): void {
    this.#checkKey(key)
    if (bytes.length <= this.traits.maxBlobBytes) return
    throw new StorageError('invalid', 'the blob is too large for an encrypted store', {
      operation: 'put',
      key,
      facts: { bytes: bytes.length, maxBlobBytes: this.traits.maxBlobBytes },
    })
  }

  #checkKey(key: string): void {
    if (key === this.#keyring) throw new StorageError('invalid', 'this key is taken by the keyring of the encrypted store', { key })
  }
}
