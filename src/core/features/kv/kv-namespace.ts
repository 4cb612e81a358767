// Keys and values over blobs. What has expired is treated as absent everywhere, by this store's clock, also where the
// backend removes it by itself.

import { asyncDispose } from '../../base/async-dispose.js'
import { checkLimit } from '../../base/check-limit.js'
import { StorageError } from '../../base/errors.js'
import { mapOrdered } from '../../base/map-ordered.js'
import type { Codec } from '../../codec/codec.js'
import { type EncodedValue, encodeValue } from '../../codec/codecs.js'
import { ENVELOPE_BYTES } from '../../codec/envelope.js'
import type { StoreContext } from '../../derived/resolve.js'
import type { PutCondition } from '../../ports/blob-store.js'
import type { Cancellable } from '../../ports/options.js'
import { putWhen, type PutTarget, updateValue } from './compare-and-set.js'
import { KeySpace, type PlacedKey } from './key-space.js'
import { isLive, openValue, peekExpiry, type SealedValue, sealedLength, sealValue, type StoredValue, decodeStored } from './stored-value.js'
import type { Kv, KvEntry, KvItem, KvKey, KvListOptions, KvPutOptions, KvUpdateOptions } from './types.js'

const READ_AHEAD = 16
const DELETE_AT_ONCE = 256

/** A change of a key that is ready to be stored. */
export interface PreparedChange {
  readonly context: StoreContext
  readonly target: PutTarget
  /** undefined: the key is to be deleted. */
  readonly sealed: SealedValue | undefined
  readonly expiresAt: number | undefined
  readonly when: PutCondition | undefined
}

export class KvNamespace<Shape> implements Kv<Shape> {
  readonly #context: StoreContext
  readonly #keys: KeySpace
  readonly #codec: Codec
  readonly #forget: () => void
  #closed = false

  constructor(context: StoreContext, namespace: string, codec: Codec) {
    this.#context = context
    this.#codec = codec
    this.#keys = new KeySpace(context.backend.blobs, namespace)
    this.#forget = context.onClose(this)
  }

  async get<Key extends KvKey<Shape>>(key: Key, options: Cancellable = {}): Promise<Shape[Key] | undefined> {
    return (await this.#entry<Shape[Key]>(key, 'get', options))?.value
  }

  async entry<Key extends KvKey<Shape>>(key: Key, options: Cancellable = {}): Promise<KvEntry<Shape[Key]> | undefined> {
    return await this.#entry<Shape[Key]>(key, 'entry', options)
  }

  async put<Key extends KvKey<Shape>>(key: Key, value: Shape[Key], options: KvPutOptions = {}): Promise<{ readonly version: string }> {
    this.#checkOpen('put')
    const target = this.#target(key, 'put', options)
    const expiresAt = this.#expiry(options.ttlMs)
    const encoded = this.#encode(key, value)
    checkCondition(options.when)
    if (options.when !== undefined) this.#requireConditions('put with when')
    await this.#context.writable('put')
    const sealed = sealValue(encoded, expiresAt)
    if (options.when !== undefined) return await putWhen(target, sealed, options.when, expiresAt)
    return { version: (await this.#context.backend.blobs.put(target.blobKey, sealed.bytes, withSignal({ expiresAt }, options))).version }
  }

  /** The change as `put`, or `delete` where there is no value, would make it, for a commit together with other things. */
  prepare(key: KvKey<Shape>, put: { readonly value: unknown } | undefined, options: KvPutOptions): PreparedChange {
    this.#checkOpen('transaction')
    checkCondition(options.when)
    const target = this.#target(key, 'transaction', {})
    const expiresAt = this.#expiry(options.ttlMs)
    const sealed = put === undefined ? undefined : sealValue(this.#encode(key, put.value), expiresAt)
    return { context: this.#context, target, sealed, expiresAt, when: options.when }
  }

  async update<Key extends KvKey<Shape>>(
    key: Key,
    change: (value: Shape[Key] | undefined) => Shape[Key] | undefined | Promise<Shape[Key] | undefined>,
    options: KvUpdateOptions = {},
  ): Promise<Shape[Key] | undefined> {
    this.#checkOpen('update')
    const target = this.#target(key, 'update', options)
    this.#expiry(options.ttlMs)
    this.#requireConditions('update')
    await this.#context.writable('update')
    return await updateValue<Shape[Key]>(target, change, {
      decode: (stored) => decodeStored(stored, key, this.#codec) as Promise<Shape[Key]>,
      encode: (value) => this.#encode(key, value),
      expiresAt: (live) => (options.ttlMs === undefined ? live?.expiresAt : this.#expiry(options.ttlMs)),
    })
  }

  async delete(key: KvKey<Shape>, options: Cancellable = {}): Promise<void> {
    this.#checkOpen('delete')
    const blobKey = this.#keys.place(key)
    await this.#context.writable('delete')
    await this.#context.backend.blobs.delete([blobKey], withSignal({}, options))
  }

  async *list(options: KvListOptions = {}): AsyncGenerator<KvItem<Shape>> {
    const load = async ({ key, blobKey }: PlacedKey): Promise<KvItem<Shape> | undefined> => {
      const stored = await this.#read(key, blobKey, options.signal)
      return stored === undefined ? undefined : ({ key, ...(await this.#entryOf(stored, key)) } as unknown as KvItem<Shape>)
    }
    yield* this.#scan('list', options, load)
  }

  async *keys(options: KvListOptions = {}): AsyncGenerator<KvKey<Shape>> {
    const { blobs } = this.#context.backend
    const load = async ({ key, blobKey }: PlacedKey): Promise<KvKey<Shape> | undefined> => {
      const head = await blobs.get(blobKey, withSignal({ range: { start: 0, end: ENVELOPE_BYTES } }, options))
      if (head === undefined || !isLive(peekExpiry(head.data), this.#context.clock.now())) return undefined
      return key as KvKey<Shape>
    }
    yield* this.#scan('keys', options, load)
  }

  async clear(options: { readonly prefix?: string } & Cancellable = {}): Promise<void> {
    this.#checkOpen('clear')
    await this.#context.writable('clear')
    let batch: string[] = []
    const remove = (): Promise<void> => this.#context.backend.blobs.delete(batch, withSignal({}, options))
    for await (const { blobKey } of this.#keys.list(options)) {
      batch.push(blobKey)
      if (batch.length < DELETE_AT_ONCE) continue
      await remove()
      batch = []
    }
    if (batch.length > 0) await remove()
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#forget()
  }

  [asyncDispose](): Promise<void> {
    return this.close()
  }

  async #entry<Value>(key: string, operation: string, options: Cancellable): Promise<KvEntry<Value> | undefined> {
    this.#checkOpen(operation)
    const stored = await this.#read(key, this.#keys.place(key), options.signal)
    return stored === undefined ? undefined : await this.#entryOf<Value>(stored, key)
  }

  /** What is stored and has not expired. */
  async #read(key: string, blobKey: string, signal: AbortSignal | undefined): Promise<StoredValue | undefined> {
    const blob = await this.#context.backend.blobs.get(blobKey, signal === undefined ? {} : { signal })
    if (blob === undefined) return undefined
    const stored = openValue(blob, key)
    return isLive(stored.expiresAt, this.#context.clock.now()) ? stored : undefined
  }

  async #entryOf<Value>(stored: StoredValue, key: string): Promise<KvEntry<Value>> {
    const value = (await decodeStored(stored, key, this.#codec)) as Value
    const { version, expiresAt } = stored
    return expiresAt === undefined ? { value, version } : { value, version, expiresAt }
  }

  async *#scan<Item>(
    operation: string,
    options: KvListOptions,
    load: (placed: PlacedKey) => Promise<Item | undefined>,
  ): AsyncGenerator<Item> {
    this.#checkOpen(operation)
    let left = checkLimit(options.limit ?? Number.POSITIVE_INFINITY, { operation })
    if (left === 0) return
    for await (const item of mapOrdered(this.#keys.list(options), Math.min(READ_AHEAD, left), load)) {
      this.#checkOpen(operation)
      if (item === undefined) continue
      yield item
      if (--left === 0) return
    }
  }

  #encode(key: string, value: unknown): EncodedValue {
    const encoded = encodeValue(this.#codec, value)
    const { maxBlobBytes } = this.#context.backend.blobs.traits
    if (sealedLength(encoded) <= maxBlobBytes) return encoded
    const facts = { bytes: sealedLength(encoded), maxBlobBytes }
    throw new StorageError('invalid', 'the value is larger than this backend takes', { backend: this.#context.backend.name, key, facts })
  }

  #expiry(ttlMs: number | undefined): number | undefined {
    if (ttlMs === undefined) return undefined
    if (Number.isFinite(ttlMs) && ttlMs > 0) return Math.min(Number.MAX_SAFE_INTEGER, Math.ceil(this.#context.clock.now() + ttlMs))
    throw new StorageError('invalid', 'ttlMs is a number of milliseconds above 0', { facts: { ttlMs: String(ttlMs) } })
  }

  #target(key: string, operation: string, options: Cancellable): PutTarget {
    const { backend, clock } = this.#context
    return { backend, clock, operation, key, blobKey: this.#keys.place(key), signal: options.signal }
  }

  #requireConditions(operation: string): void {
    const { name, blobs } = this.#context.backend
    if (blobs.traits.conditionalPut) return
    const message = `${name} cannot compare and set: here the last write wins; put without \`when\`, or use a backend with conditional puts (R2, a Durable Object, IndexedDB, files)`
    throw new StorageError('unsupported', message, { backend: name, operation, facts: { feature: operation, missing: 'conditionalPut' } })
  }

  #checkOpen(operation: string): void {
    this.#context.checkOpen(operation)
    if (this.#closed) throw new StorageError('closed', 'the namespace is closed', { backend: this.#context.backend.name, operation })
  }
}

function checkCondition(when: PutCondition | undefined): void {
  if (when === undefined || when === 'absent' || typeof when?.version === 'string') return
  throw new StorageError('invalid', "when is 'absent' or { version }", { operation: 'put', facts: { when } })
}

/** Absent options stay absent, so that adapters may spread what they get. */
function withSignal<Options extends object>(options: Options, { signal }: Cancellable): Options & Cancellable {
  const entries = Object.entries({ ...options, signal }).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as Options & Cancellable
}
