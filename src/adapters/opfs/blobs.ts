// Blobs as files that are never rewritten in place; how, is in slots.ts. Conditions are checked in memory: only the worker
// that owns the store changes it.

import { StorageError } from '../../core/base/errors.js'
import type { BlobInfo, BlobStore, BlobTraits, ListOptions, PutCondition, PutOptions, StoredBlob } from '../../core/ports/blob-store.js'
import type { ByteRange, Cancellable } from '../../core/ports/options.js'
import { HEADER_BYTES, isIntact } from './blob-format.js'
import type { OpfsContext } from './files.js'
import { BACKEND, guarded } from './native-errors.js'
import { type CurrentBlob, damaged, leafOfSlot, Slots } from './slots.js'

const MAX_BLOB_BYTES = 256 * 2 ** 20
const MAX_KEY_BYTES = 4096
/** How many files a listing looks at side by side. */
const PAGE = 64

export class OpfsBlobs implements BlobStore {
  readonly traits: BlobTraits = {
    conditionalPut: true,
    consistency: 'strong',
    durable: 'disk',
    maxBlobBytes: MAX_BLOB_BYTES,
    maxKeyBytes: MAX_KEY_BYTES,
  }
  readonly #context: OpfsContext
  readonly #slots: Slots

  constructor(context: OpfsContext) {
    this.#context = context
    this.#slots = new Slots(() => context.owner().blobs)
  }

  async get(key: string, options: { readonly range?: ByteRange; readonly signal?: AbortSignal } = {}): Promise<StoredBlob | undefined> {
    this.#begin('get', options)
    return this.#alone('get', key, () => this.#slots.withCurrent(key, (current) => load(key, current, options.range)))
  }

  async put(key: string, bytes: Uint8Array, options: PutOptions = {}): Promise<BlobInfo> {
    this.#begin('put', options)
    checkSize(key, bytes)
    await this.#context.owner().own('put')
    const version = await this.#alone('put', key, () => this.#replace(key, bytes, options.when))
    this.#context.onWrite()
    return { key, bytes: bytes.length, version }
  }

  async delete(keys: readonly string[], options: Cancellable = {}): Promise<void> {
    this.#begin('delete', options)
    await this.#context.owner().own('delete')
    for (const key of keys) {
      this.#begin('delete', options)
      await this.#alone('delete', key, () => this.#slots.remove(key))
    }
  }

  async *list(options: ListOptions = {}): AsyncIterable<BlobInfo> {
    this.#begin('list', options)
    const prefix = options.prefix ?? ''
    const keys = await guarded('list', prefix, () => this.#keysAfter(prefix, options.after ?? ''))
    for (let at = 0; at < keys.length; at += PAGE) {
      this.#begin('list', options)
      const page = await Promise.all(keys.slice(at, at + PAGE).map((key) => this.#alone('list', key, () => this.#info(key))))
      for (const info of page) if (info !== undefined) yield info
    }
  }

  #begin(operation: string, options: Cancellable): void {
    options.signal?.throwIfAborted()
    this.#context.check(operation)
  }

  /** One call a key at a time in this worker: two files cannot be looked at in one moment. */
  #alone<T>(operation: string, key: string, run: () => Promise<T>): Promise<T> {
    return this.#context.owner().keys.run(`blob/${key}`, () => guarded(operation, key, run))
  }

  /** Folders are in no order, so the names are gathered first; the files are looked at page by page. */
  async #keysAfter(prefix: string, after: string): Promise<readonly string[]> {
    const keys = new Set<string>()
    for await (const { base, name } of this.#context.owner().blobs.files(prefix)) {
      const leaf = leafOfSlot(name)
      if (leaf !== undefined && (base + leaf).startsWith(prefix) && base + leaf > after) keys.add(base + leaf)
    }
    return [...keys].sort()
  }

  #info(key: string): Promise<BlobInfo | undefined> {
    return this.#slots.withCurrent(key, ({ bytes, version }) => ({ key, bytes, version }))
  }

  async #replace(key: string, bytes: Uint8Array, when: PutCondition | undefined): Promise<string> {
    const current = await this.#slots.current(key)
    checkCondition(key, when, current?.version)
    return (await this.#slots.replace(key, bytes, current)).version
  }
}

/** A range is not checked against the checksum, which covers the whole; what lies above checks its own. */
async function load(key: string, current: CurrentBlob, range: ByteRange | undefined): Promise<StoredBlob> {
  const { file, bytes, version } = current
  if (range !== undefined) {
    const part = file.slice(HEADER_BYTES + range.start, HEADER_BYTES + Math.max(range.start, range.end))
    return { key, bytes, version, data: new Uint8Array(await part.arrayBuffer()) }
  }
  const whole = new Uint8Array(await file.arrayBuffer())
  if (!isIntact(whole)) throw damaged(key)
  return { key, bytes, version, data: whole.slice(HEADER_BYTES) }
}

function checkCondition(key: string, when: PutCondition | undefined, version: string | undefined): void {
  if (when === undefined) return
  const holds = when === 'absent' ? version === undefined : version === when.version
  if (holds) return
  const message = when === 'absent' ? 'the key exists already' : 'the key has another version'
  throw new StorageError('conflict', message, { backend: BACKEND, operation: 'put', key, facts: { version } })
}

function checkSize(key: string, bytes: Uint8Array): void {
  if (bytes.length <= MAX_BLOB_BYTES && key.length <= MAX_KEY_BYTES) return
  const facts = { bytes: bytes.length, maxBlobBytes: MAX_BLOB_BYTES, keyBytes: key.length, maxKeyBytes: MAX_KEY_BYTES }
  throw new StorageError('invalid', 'the blob or its key is too large', { backend: BACKEND, operation: 'put', facts })
}
