// One blob is one KV pair. KV's listing tells neither size nor version, so both are kept in the pair's metadata.
// There is no compare-and-set: the last write wins, and others may see it a minute later.

import { toHex } from '../../core/base/bytes.js'
import type { Clock } from '../../core/base/clock.js'
import { StorageError } from '../../core/base/errors.js'
import type { BlobInfo, BlobStore, BlobTraits, ListOptions, PutOptions, StoredBlob } from '../../core/ports/blob-store.js'
import type { ByteRange, Cancellable } from '../../core/ports/options.js'
import { asStorageError, NAME } from './errors.js'
import type { KvNamespaceLike } from './namespace.js'

const MAX_KEY_BYTES = 512
const MAX_BLOB_BYTES = 25 * 2 ** 20
/** KV refuses to expire anything sooner; a little more, because its clock is not ours. */
const MIN_EXPIRY_MS = 65_000
/** A Worker has six connections at once. */
const DELETES_AT_ONCE = 6

export interface KvBlobsOptions {
  readonly namespace: KvNamespaceLike
  readonly prefix: string
  readonly clock: Clock
  readonly checkOpen: (operation: string) => void
  /** Told after every put that KV acknowledged. */
  readonly onStored: () => void
}

/** What a pair's metadata holds: the size in bytes and the version. */
interface Stamp {
  readonly b: number
  readonly v: string
}

export class KvBlobs implements BlobStore {
  readonly traits: BlobTraits
  readonly #options: KvBlobsOptions

  constructor(options: KvBlobsOptions) {
    this.#options = options
    this.traits = {
      conditionalPut: false,
      consistency: 'eventual',
      durable: 'remote',
      maxBlobBytes: MAX_BLOB_BYTES,
      maxKeyBytes: MAX_KEY_BYTES - new TextEncoder().encode(options.prefix).length,
      writesPerKeyPerSecond: 1,
    }
  }

  /** KV has no ranges: the whole value is fetched and cut. */
  async get(key: string, options: { readonly range?: ByteRange; readonly signal?: AbortSignal } = {}): Promise<StoredBlob | undefined> {
    const found = await this.#request('get', key, options, (kv, name) => kv.getWithMetadata(name, 'arrayBuffer'))
    if (found.value === null) return undefined
    const whole = new Uint8Array(found.value)
    const { start, end } = options.range ?? { start: 0, end: whole.length }
    return { key, bytes: whole.length, version: stampOf(found.metadata).v, data: whole.slice(start, Math.max(start, end)) }
  }

  put(key: string, bytes: Uint8Array, options: PutOptions = {}): Promise<BlobInfo> {
    return this.#request('put', key, options, async (kv, name) => {
      this.#checkPut(key, bytes, options)
      const stamp: Stamp = { b: bytes.length, v: toHex(crypto.getRandomValues(new Uint8Array(8))) }
      await kv.put(name, bytes, { metadata: stamp, ...this.#expiry(options.expiresAt) })
      this.#options.onStored()
      return { key, bytes: stamp.b, version: stamp.v }
    })
  }

  async delete(keys: readonly string[], options: Cancellable = {}): Promise<void> {
    for (let at = 0; at < keys.length; at += DELETES_AT_ONCE) {
      const some = keys.slice(at, at + DELETES_AT_ONCE)
      await Promise.all(some.map((key) => this.#request('delete', key, options, (kv, name) => kv.delete(name))))
    }
  }

  /** A page may be empty and not the last: only `list_complete` tells. KV cannot begin after a key, so earlier ones are passed over. */
  async *list(options: ListOptions = {}): AsyncIterable<BlobInfo> {
    const prefix = this.#options.prefix + (options.prefix ?? '')
    let cursor: string | undefined
    do {
      const page = await this.#request('list', options.prefix, options, (kv) =>
        kv.list(cursor === undefined ? { prefix } : { prefix, cursor }),
      )
      for (const { name, metadata } of page.keys) {
        options.signal?.throwIfAborted()
        this.#options.checkOpen('list')
        const key = name.slice(this.#options.prefix.length)
        const stamp = stampOf(metadata)
        if (options.after === undefined || key > options.after) yield { key, bytes: stamp.b, version: stamp.v }
      }
      cursor = page.list_complete ? undefined : page.cursor
    } while (cursor !== undefined)
  }

  async #request<T>(
    operation: string,
    key: string | undefined,
    options: Cancellable,
    run: (kv: KvNamespaceLike, name: string) => Promise<T>,
  ): Promise<T> {
    options.signal?.throwIfAborted()
    this.#options.checkOpen(operation)
    try {
      return await run(this.#options.namespace, this.#options.prefix + (key ?? ''))
    } catch (error) {
      throw asStorageError(error, operation, key)
    }
  }

  /** Core checks expiry itself, so what KV would refuse is simply not passed on. */
  #expiry(expiresAt: number | undefined): { expiration?: number } {
    if (expiresAt === undefined || expiresAt - this.#options.clock.now() < MIN_EXPIRY_MS) return {}
    return { expiration: Math.ceil(expiresAt / 1000) }
  }

  #checkPut(key: string, bytes: Uint8Array, options: PutOptions): void {
    const { maxBlobBytes, maxKeyBytes } = this.traits
    const facts = { backend: NAME, operation: 'put', key }
    if (options.when !== undefined) {
      throw new StorageError(
        'unsupported',
        'Cloudflare KV has no conditional put; use an R2 bucket, openStore(r2({ bucket: env.BUCKET })), or a Durable Object',
        facts,
      )
    }
    if (bytes.length > maxBlobBytes) {
      throw new StorageError('invalid', 'the blob is too large', { ...facts, facts: { bytes: bytes.length, maxBlobBytes } })
    }
    if (key.length > maxKeyBytes) throw new StorageError('invalid', 'the key is too long', { ...facts, facts: { maxKeyBytes } })
  }
}

/** Pairs that others wrote have no stamp; their size is known only after a get. */
function stampOf(metadata: unknown): Stamp {
  const { b, v } = (metadata ?? {}) as Partial<Stamp>
  return { b: typeof b === 'number' ? b : 0, v: typeof v === 'string' ? v : '' }
}
