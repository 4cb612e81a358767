// One blob is one object, its version the etag. Every call is one request to R2 (a listing one for each page): no retry,
// no cache, nothing that outlives the call.

import { StorageError } from '../../core/base/errors.js'
import type { BlobInfo, BlobStore, BlobTraits, ListOptions, PutCondition, PutOptions, StoredBlob } from '../../core/ports/blob-store.js'
import type { ByteRange, Cancellable } from '../../core/ports/options.js'
import type { R2BucketLike, R2ObjectLike } from './bucket.js'
import { asStorageError, mayBePastTheEnd, NAME } from './errors.js'

const MAX_KEY_BYTES = 1024
const MAX_DELETE_KEYS = 1000
/** A Worker has 128 MB in all, and bytes to be stored are held at least once. */
const MAX_BLOB_BYTES = 100 * 2 ** 20
/** Each request is paid for. */
const PACK_BYTES = 8 * 2 ** 20

export interface R2BlobsOptions {
  readonly bucket: R2BucketLike
  readonly prefix: string
  readonly checkOpen: (operation: string) => void
  /** Told after every put that R2 acknowledged. */
  readonly onStored: () => void
}

interface GetOptions extends Cancellable {
  readonly range?: ByteRange
}

export class R2Blobs implements BlobStore {
  readonly traits: BlobTraits
  readonly #options: R2BlobsOptions

  constructor(options: R2BlobsOptions) {
    this.#options = options
    this.traits = {
      conditionalPut: true,
      consistency: 'strong',
      durable: 'remote',
      maxBlobBytes: MAX_BLOB_BYTES,
      packBytes: PACK_BYTES,
      maxKeyBytes: MAX_KEY_BYTES - new TextEncoder().encode(options.prefix).length,
      writesPerKeyPerSecond: 1,
    }
  }

  get(key: string, options: GetOptions = {}): Promise<StoredBlob | undefined> {
    const { range } = options
    return this.#request('get', key, options, (bucket, name) => {
      return range === undefined ? this.#getAll(bucket, key, name) : this.#getRange(bucket, key, name, range)
    })
  }

  async #getAll(bucket: R2BucketLike, key: string, name: string): Promise<StoredBlob | undefined> {
    const object = await bucket.get(name)
    if (object === null) return undefined
    return { ...infoOf(key, object), data: new Uint8Array(await object.arrayBuffer()) }
  }

  async #getRange(bucket: R2BucketLike, key: string, name: string, { start, end }: ByteRange): Promise<StoredBlob | undefined> {
    if (end <= start) return this.#getNothing(bucket, key, name)
    try {
      const object = await bucket.get(name, { range: { offset: start, length: end - start } })
      if (object === null) return undefined
      if (start >= object.size) return { ...infoOf(key, object), data: new Uint8Array(0) }
      return { ...infoOf(key, object), data: new Uint8Array(await object.arrayBuffer()) }
    } catch (error) {
      if (!mayBePastTheEnd(error)) throw error
      const nothing = await this.#getNothing(bucket, key, name)
      if (nothing !== undefined && start < nothing.bytes) throw error
      return nothing
    }
  }

  /** R2 has no empty ranges. */
  async #getNothing(bucket: R2BucketLike, key: string, name: string): Promise<StoredBlob | undefined> {
    const object = await bucket.head(name)
    return object === null ? undefined : { ...infoOf(key, object), data: new Uint8Array(0) }
  }

  put(key: string, bytes: Uint8Array, options: PutOptions = {}): Promise<BlobInfo> {
    return this.#request('put', key, options, async (bucket, name) => {
      this.#checkLimits(key, bytes)
      const object = await bucket.put(name, bytes, options.when === undefined ? {} : { onlyIf: conditionOf(options.when) })
      if (object === null)
        throw new StorageError('conflict', 'the condition of a write does not hold', { backend: NAME, operation: 'put', key })
      this.#options.onStored()
      return { key, bytes: bytes.length, version: object.etag }
    })
  }

  async delete(keys: readonly string[], options: Cancellable = {}): Promise<void> {
    for (let at = 0; at < keys.length; at += MAX_DELETE_KEYS) {
      const names = keys.slice(at, at + MAX_DELETE_KEYS).map((key) => this.#options.prefix + key)
      await this.#request('delete', undefined, options, (bucket) => bucket.delete(names))
    }
  }

  /** A page may be short, even empty, and not the last: only `truncated` tells. */
  async *list(options: ListOptions = {}): AsyncIterable<BlobInfo> {
    const { prefix } = this.#options
    const query = {
      prefix: prefix + (options.prefix ?? ''),
      ...(options.after === undefined ? {} : { startAfter: prefix + options.after }),
    }
    let cursor: string | undefined
    do {
      const page = await this.#request('list', options.prefix, options, (bucket) =>
        bucket.list(cursor === undefined ? query : { ...query, cursor }),
      )
      for (const object of page.objects) {
        options.signal?.throwIfAborted()
        this.#options.checkOpen('list')
        yield infoOf(object.key.slice(prefix.length), object)
      }
      cursor = page.truncated ? page.cursor : undefined
    } while (cursor !== undefined)
  }

  /** A request that has begun is not given up on abort: its answer says what is stored. */
  async #request<T>(
    operation: string,
    key: string | undefined,
    options: Cancellable,
    run: (bucket: R2BucketLike, name: string) => Promise<T>,
  ): Promise<T> {
    options.signal?.throwIfAborted()
    this.#options.checkOpen(operation)
    try {
      return await run(this.#options.bucket, this.#options.prefix + (key ?? ''))
    } catch (error) {
      throw asStorageError(error, operation, key)
    }
  }

  #checkLimits(key: string, bytes: Uint8Array): void {
    const { maxBlobBytes, maxKeyBytes } = this.traits
    const facts = { backend: NAME, operation: 'put', key }
    if (bytes.length > maxBlobBytes) {
      throw new StorageError('invalid', 'the blob is too large', { ...facts, facts: { bytes: bytes.length, maxBlobBytes } })
    }
    if (key.length > maxKeyBytes) throw new StorageError('invalid', 'the key is too long', { ...facts, facts: { maxKeyBytes } })
  }
}

function conditionOf(when: PutCondition): { etagMatches: string } | { etagDoesNotMatch: string } {
  return when === 'absent' ? { etagDoesNotMatch: '*' } : { etagMatches: when.version }
}

function infoOf(key: string, object: R2ObjectLike): BlobInfo {
  return { key, bytes: object.size, version: object.etag }
}
