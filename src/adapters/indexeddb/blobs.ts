// Blobs as rows. A put is one readwrite transaction over both object stores, so a condition and its write cannot be torn apart.

import { StorageError } from '../../core/base/errors.js'
import type {
  BlobInfo,
  BlobStore,
  BlobTraits,
  BlobWrite,
  ListOptions,
  PutCondition,
  PutOptions,
  StoredBlob,
} from '../../core/ports/blob-store.js'
import type { ByteRange, Cancellable, WriteDurability, WriteOptions } from '../../core/ports/options.js'
import type { Connection } from './connection.js'
import { BACKEND } from './native-errors.js'
import type { BlobRow, Database, IndexRow, WriteTransaction } from './schema.js'
import { read, write } from './transact.js'
import { VersionSource } from './versions.js'

const PAGE_ROWS = 500
const MAX_BLOB_BYTES = 128 * 2 ** 20
/** A part of a record cannot be read alone. */
const PACK_BYTES = 256 * 1024
const MAX_KEY_BYTES = 4096

export interface IndexedDbBlobsOptions {
  readonly connection: Connection
  /** Of a write that does not say. */
  readonly durability: WriteDurability
  /** Awaited after each commit, before it is acknowledged. */
  readonly onCommit: () => Promise<void> | void
}

export class IndexedDbBlobs implements BlobStore {
  readonly traits: BlobTraits
  readonly #options: IndexedDbBlobsOptions
  readonly #versions = new VersionSource()

  constructor(options: IndexedDbBlobsOptions) {
    this.#options = options
    this.traits = {
      conditionalPut: true,
      consistency: 'strong',
      durable: options.durability === 'strict' ? 'disk' : 'os',
      maxBlobBytes: MAX_BLOB_BYTES,
      packBytes: PACK_BYTES,
      maxKeyBytes: MAX_KEY_BYTES,
    }
  }

  async get(key: string, options: { readonly range?: ByteRange; readonly signal?: AbortSignal } = {}): Promise<StoredBlob | undefined> {
    options.signal?.throwIfAborted()
    const row = await this.#options.connection.use('get', key, (db) =>
      read(db, ['blobs'], async (tx) => (await tx.objectStore('blobs').get(key)) as BlobRow | undefined),
    )
    if (row === undefined) return undefined
    return { key, bytes: row.data.length, version: row.version, data: cut(row.data, options.range) }
  }

  async put(key: string, bytes: Uint8Array, options: PutOptions = {}): Promise<BlobInfo> {
    checkSize('put', key, bytes)
    const version = this.#versions.next()
    await this.#commit('put', [{ key, put: bytes, when: options.when }], version, options)
    return { key, bytes: bytes.length, version }
  }

  async delete(keys: readonly string[], options: Cancellable = {}): Promise<void> {
    if (keys.length === 0) return
    const writes = keys.map((key): BlobWrite => ({ key, delete: true }))
    await this.#commit('delete', writes, '', options)
  }

  async batch(writes: readonly BlobWrite[], options: WriteOptions = {}): Promise<void> {
    for (const one of writes) if ('put' in one) checkSize('batch', one.key, one.put)
    await this.#commit('batch', writes, this.#versions.next(), options)
  }

  async *list(options: ListOptions = {}): AsyncIterable<BlobInfo> {
    const prefix = options.prefix ?? ''
    let after = options.after
    for (;;) {
      options.signal?.throwIfAborted()
      const range = rangeOf(prefix, after)
      if (range === undefined) {
        this.#options.connection.checkOpen('list')
        return
      }
      const page = await this.#options.connection.use('list', prefix, (db) => readPage(db, range))
      for (const row of page) yield { key: row.key, bytes: row.bytes, version: row.version }
      if (page.length < PAGE_ROWS) return
      after = page[page.length - 1]?.key
    }
  }

  async #commit(operation: string, writes: readonly BlobWrite[], version: string, options: WriteOptions): Promise<void> {
    options.signal?.throwIfAborted()
    const durability = options.durability ?? this.#options.durability
    await this.#options.connection.use(operation, writes[0]?.key, (db, attempt) =>
      write(db, ['blobs', 'index'], durability, async (tx) => {
        if (attempt > 0 && (await isCommitted(tx, writes, version))) return
        await checkConditions(tx, operation, writes)
        apply(tx, writes, version)
      }),
    )
    await this.#options.onCommit()
  }
}

/** After a lost connection: an earlier attempt reached the database when one of its puts is there, since they go together. */
async function isCommitted(tx: WriteTransaction, writes: readonly BlobWrite[], version: string): Promise<boolean> {
  const first = writes.find((one) => 'put' in one)
  if (first === undefined) return false
  const row = await tx.objectStore('index').get(first.key)
  return row?.version === version
}

async function checkConditions(tx: WriteTransaction, operation: string, writes: readonly BlobWrite[]): Promise<void> {
  const conditions = writes.map((one) => ({ key: one.key, when: 'check' in one ? one.check : one.when }))
  const asked = conditions.filter((one) => one.when !== undefined)
  const rows = await Promise.all(asked.map((one) => tx.objectStore('index').get(one.key)))
  for (const [i, { key, when }] of asked.entries()) checkCondition(operation, key, when as PutCondition, rows[i])
}

function checkCondition(operation: string, key: string, when: PutCondition, row: IndexRow | undefined): void {
  const holds = when === 'absent' ? row === undefined : row?.version === when.version
  if (holds) return
  const message = when === 'absent' ? 'the key exists already' : 'the key has another version'
  throw new StorageError('conflict', message, { backend: BACKEND, operation, key, facts: { version: row?.version } })
}

/** Asks for everything at once and for the commit: failures arrive as the abort of the transaction. */
function apply(tx: WriteTransaction, writes: readonly BlobWrite[], version: string): void {
  const blobs = tx.objectStore('blobs')
  const index = tx.objectStore('index')
  const ignore = (): void => {}
  for (const one of writes) {
    if ('put' in one) {
      blobs.put({ data: compact(one.put), version }, one.key).catch(ignore)
      index.put({ key: one.key, version, bytes: one.put.length }).catch(ignore)
    } else if ('delete' in one) {
      blobs.delete(one.key).catch(ignore)
      index.delete(one.key).catch(ignore)
    }
  }
  tx.commit?.()
}

function readPage(db: Database, range: IDBKeyRange | null): Promise<readonly IndexRow[]> {
  return read(db, ['index'], (tx) => tx.objectStore('index').getAll(range, PAGE_ROWS))
}

/** Undefined when no key can be in it. Keys are ASCII, so the last character of all bounds a prefix. */
function rangeOf(prefix: string, after: string | undefined): IDBKeyRange | undefined {
  const last = `${prefix}\uffff`
  if (after === undefined || after < prefix) return IDBKeyRange.bound(prefix, last)
  return after < last ? IDBKeyRange.bound(after, last, true) : undefined
}

/** A view is stored with the whole buffer behind it: only exact ones are handed over as they are. */
function compact(bytes: Uint8Array): Uint8Array {
  const exact = bytes.byteLength === bytes.buffer.byteLength && bytes.buffer instanceof ArrayBuffer
  return exact ? bytes : new Uint8Array(bytes)
}

function cut(data: Uint8Array, range: ByteRange | undefined): Uint8Array {
  return range === undefined ? data : data.slice(range.start, Math.max(range.start, range.end))
}

function checkSize(operation: string, key: string, bytes: Uint8Array): void {
  const fits = bytes.length <= MAX_BLOB_BYTES && key.length <= MAX_KEY_BYTES
  if (fits) return
  const facts = { bytes: bytes.length, maxBlobBytes: MAX_BLOB_BYTES, keyBytes: key.length, maxKeyBytes: MAX_KEY_BYTES }
  throw new StorageError('invalid', 'the blob or its key is too large', { backend: BACKEND, operation, facts })
}
