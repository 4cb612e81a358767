// Blobs under their keys, each write one script: conditions, batches and the index stand or fall together.

import { toHex, fromHex } from '../../core/base/bytes.js'
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
import type { ByteRange, Cancellable, WriteOptions } from '../../core/ports/options.js'
import { BATCH, DELETE, GET_RANGE, HEAD_BYTES, LIST, PUT, VERSION_BYTES } from './blob-scripts.js'
import { type Connection, type Reply, textOf } from './connection.js'
import { NAME } from './errors.js'
import type { Keys } from './keys.js'
import { pack } from './pack.js'

/** Redis takes 512 MB, but serves nobody else meanwhile. */
const MAX_BLOB_BYTES = 64 * 2 ** 20
/** While one is sent, nobody else is served. */
const PACK_BYTES = 512 * 1024
const MAX_KEY_BYTES = 4096
const PAGE = 256
const MAX_DELETE_KEYS = 500

export interface RedisBlobsOptions {
  readonly connection: Connection
  readonly keys: Keys
  readonly checkOpen: (operation: string) => void
  /** Told after every write that Redis acknowledged. */
  readonly onStored: () => void
}

export class RedisBlobs implements BlobStore {
  readonly traits: BlobTraits = {
    conditionalPut: true,
    consistency: 'strong',
    durable: 'remote',
    maxBlobBytes: MAX_BLOB_BYTES,
    packBytes: PACK_BYTES,
    maxKeyBytes: MAX_KEY_BYTES,
  }
  readonly #options: RedisBlobsOptions

  constructor(options: RedisBlobsOptions) {
    this.#options = options
  }

  async get(key: string, options: Cancellable & { readonly range?: ByteRange } = {}): Promise<StoredBlob | undefined> {
    const { connection, keys } = this.#begin('get', options)
    if (options.range !== undefined) return this.#getRange(key, options.range)
    const stored = (await connection.command(['GET', keys.blob(key)], 'get', key)) as Uint8Array | null
    if (stored === null) return undefined
    const version = toHex(stored.subarray(0, VERSION_BYTES))
    return { key, bytes: stored.length - HEAD_BYTES, version, data: plain(stored.subarray(HEAD_BYTES)) }
  }

  async put(key: string, bytes: Uint8Array, options: PutOptions = {}): Promise<BlobInfo> {
    const { connection, keys, onStored } = this.#begin('put', options)
    checkLimits(key, bytes, 'put')
    const version = newVersion()
    const args = [key, conditionOf(options.when), version, bytes, String(options.expiresAt ?? ''), keys.blobPrefix]
    const isPut = await connection.run(PUT, [keys.blob(key), keys.blobIndex, keys.blobExpiries], args, 'put', key)
    if (isPut !== 1) throw conflict('put', key)
    onStored()
    return { key, bytes: bytes.length, version: toHex(version) }
  }

  async delete(keys: readonly string[], options: Cancellable = {}): Promise<void> {
    for (let at = 0; at < keys.length || at === 0; at += MAX_DELETE_KEYS) {
      const { connection, keys: names } = this.#begin('delete', options)
      const some = keys.slice(at, at + MAX_DELETE_KEYS)
      if (some.length === 0) return
      await connection.run(DELETE, [names.blobIndex, names.blobExpiries, ...some.map((key) => names.blob(key))], some, 'delete')
    }
  }

  async *list(options: ListOptions = {}): AsyncIterable<BlobInfo> {
    const { prefix = '', after } = options
    let from = after === undefined || after < prefix ? `[${prefix}` : `(${after}`
    const to = prefix === '' ? '+' : Buffer.concat([Buffer.from(`(${prefix}`), Buffer.of(0xff)])
    for (;;) {
      const { connection, keys } = this.#begin('list', options)
      const page = (await connection.run(LIST, [keys.blobIndex], [from, to, PAGE, keys.blobPrefix], 'list', prefix)) as [
        Reply,
        number,
        Reply[],
      ]
      const [last, seen, found] = page
      for (let at = 0; at < found.length; at += 3) {
        this.#begin('list', options)
        yield { key: textOf(found[at]), version: toHex(found[at + 1] as Uint8Array), bytes: found[at + 2] as number }
      }
      if (seen < PAGE) return
      from = `(${textOf(last)}`
    }
  }

  async batch(writes: readonly BlobWrite[], options: WriteOptions = {}): Promise<void> {
    const { connection, keys, onStored } = this.#begin('batch', options)
    if (writes.length === 0) return
    for (const write of writes) if ('put' in write) checkLimits(write.key, write.put, 'batch')
    const version = newVersion()
    const names = [keys.blobIndex, keys.blobExpiries, keys.batch(toHex(version)), ...writes.map(({ key }) => keys.blob(key))]
    const failed = (await connection.run(BATCH, names, [version, pack(writes.map(packedWrite))], 'batch')) as number
    if (failed !== 0) throw conflict('batch', (writes[failed - 1] as BlobWrite).key)
    onStored()
  }

  async #getRange(key: string, { start, end }: ByteRange): Promise<StoredBlob | undefined> {
    const { connection, keys } = this.#options
    const lastByte = Math.max(start, Math.min(end, MAX_BLOB_BYTES))
    const found = await connection.run(GET_RANGE, [keys.blob(key)], [Math.min(start, MAX_BLOB_BYTES), lastByte], 'get', key)
    if (found === null) return undefined
    const [version, bytes, data] = found as [Uint8Array, number, Uint8Array]
    return { key, bytes, version: toHex(version), data: plain(data) }
  }

  #begin(operation: string, { signal }: Cancellable): RedisBlobsOptions {
    signal?.throwIfAborted()
    this.#options.checkOpen(operation)
    return this.#options
  }
}

function packedWrite(write: BlobWrite): readonly (string | Uint8Array)[] {
  if ('check' in write) return ['check', write.key, conditionOf(write.check)]
  if ('delete' in write) return ['delete', write.key, conditionOf(write.when)]
  return ['put', write.key, conditionOf(write.when), write.put, String(write.expiresAt ?? '')]
}

/** What scripts take: nothing, `absent`, or the version's 8 bytes; what never was a version holds for no blob. */
function conditionOf(when: PutCondition | undefined): string | Uint8Array {
  if (when === undefined || when === 'absent') return when ?? ''
  return /^[0-9a-f]{16}$/.test(when.version) ? fromHex(when.version) : 'no version'
}

/** Random, so that it serves as the write's id too. */
function newVersion(): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(VERSION_BYTES))
}

/** A view of the reply that is no Buffer. */
function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function checkLimits(key: string, bytes: Uint8Array, operation: string): void {
  const facts = { backend: NAME, operation, key }
  if (bytes.length > MAX_BLOB_BYTES) {
    throw new StorageError('invalid', 'the blob is too large', { ...facts, facts: { bytes: bytes.length, maxBlobBytes: MAX_BLOB_BYTES } })
  }
  if (key.length > MAX_KEY_BYTES)
    throw new StorageError('invalid', 'the key is too long', { ...facts, facts: { maxKeyBytes: MAX_KEY_BYTES } })
}

function conflict(operation: string, key: string): StorageError {
  return new StorageError('conflict', 'the condition of a write does not hold', { backend: NAME, operation, key })
}
