// A map of values. Every call finishes its change in one turn, so conditions and batches need no lock.

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

interface Entry {
  readonly bytes: Uint8Array
  readonly version: string
}

export interface MemoryBlobsOptions {
  readonly backend: string
  readonly maxBlobBytes: number
  readonly quotaBytes: number
  readonly checkOpen: (operation: string) => void
}

const MAX_KEY_BYTES = 65_536
const PAGE = 256

export class MemoryBlobs implements BlobStore {
  readonly traits: BlobTraits
  readonly #options: MemoryBlobsOptions
  readonly #entries = new Map<string, Entry>()
  #sorted: readonly string[] | undefined
  #version = 0
  #used = 0

  constructor(options: MemoryBlobsOptions) {
    this.#options = options
    this.traits = {
      conditionalPut: true,
      consistency: 'strong',
      durable: 'memory',
      maxBlobBytes: options.maxBlobBytes,
      maxKeyBytes: MAX_KEY_BYTES,
    }
  }

  get usedBytes(): number {
    return this.#used
  }

  async get(key: string, options: { readonly range?: ByteRange; readonly signal?: AbortSignal } = {}): Promise<StoredBlob | undefined> {
    this.#begin('get', options)
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    const { start, end } = options.range ?? { start: 0, end: entry.bytes.length }
    return { ...infoOf(key, entry), data: entry.bytes.slice(start, Math.max(start, end)) }
  }

  async put(key: string, bytes: Uint8Array, options: PutOptions = {}): Promise<BlobInfo> {
    this.#begin('put', options)
    this.#checkLimits(key, bytes)
    this.#checkCondition(key, options.when, 'put')
    this.#checkRoom(bytes.length - this.#sizeOf(key), 'put')
    return infoOf(key, this.#set(key, bytes))
  }

  async delete(keys: readonly string[], options: Cancellable = {}): Promise<void> {
    this.#begin('delete', options)
    for (const key of keys) this.#remove(key)
  }

  async *list(options: ListOptions = {}): AsyncIterable<BlobInfo> {
    this.#begin('list', options)
    const prefix = options.prefix ?? ''
    let after = options.after
    for (;;) {
      const page = this.#page(prefix, after)
      for (const info of page) {
        this.#begin('list', options)
        yield info
      }
      if (page.length < PAGE) return
      after = page[page.length - 1]?.key
    }
  }

  async batch(writes: readonly BlobWrite[], options: WriteOptions = {}): Promise<void> {
    this.#begin('batch', options)
    let growth = 0
    for (const write of writes) {
      this.#checkCondition(write.key, 'check' in write ? write.check : write.when, 'batch')
      if ('put' in write) this.#checkLimits(write.key, write.put)
      if (!('check' in write)) growth += ('put' in write ? write.put.length : 0) - this.#sizeOf(write.key)
    }
    this.#checkRoom(growth, 'batch')
    for (const write of writes) {
      if ('put' in write) this.#set(write.key, write.put)
      else if ('delete' in write) this.#remove(write.key)
    }
  }

  #page(prefix: string, after: string | undefined): readonly BlobInfo[] {
    this.#sorted ??= [...this.#entries.keys()].sort()
    const page: BlobInfo[] = []
    const from = after === undefined || after < prefix ? prefix : after
    for (let i = lowerBound(this.#sorted, from); i < this.#sorted.length && page.length < PAGE; i++) {
      const key = this.#sorted[i] as string
      if (!key.startsWith(prefix)) break
      if (key !== after) page.push(infoOf(key, this.#entries.get(key) as Entry))
    }
    return page
  }

  #begin(operation: string, options: Cancellable): void {
    options.signal?.throwIfAborted()
    this.#options.checkOpen(operation)
  }

  #checkLimits(key: string, bytes: Uint8Array): void {
    const { maxBlobBytes, maxKeyBytes } = this.traits
    const facts = { backend: this.#options.backend, operation: 'put', key }
    if (bytes.length > maxBlobBytes) {
      throw new StorageError('invalid', 'the blob is too large', { ...facts, facts: { bytes: bytes.length, maxBlobBytes } })
    }
    if (key.length > maxKeyBytes) throw new StorageError('invalid', 'the key is too long', { ...facts, facts: { maxKeyBytes } })
  }

  #checkCondition(key: string, when: PutCondition | undefined, operation: string): void {
    if (when === undefined) return
    const version = this.#entries.get(key)?.version
    const holds = when === 'absent' ? version === undefined : version === when.version
    if (holds) return
    throw new StorageError('conflict', 'the condition of a write does not hold', {
      backend: this.#options.backend,
      operation,
      key,
      facts: { version },
    })
  }

  #checkRoom(growth: number, operation: string): void {
    const { backend, quotaBytes } = this.#options
    if (growth <= 0 || this.#used + growth <= quotaBytes) return
    throw new StorageError('quota', 'no room left', { backend, operation, facts: { usedBytes: this.#used, quotaBytes, growth } })
  }

  #sizeOf(key: string): number {
    return this.#entries.get(key)?.bytes.length ?? 0
  }

  #set(key: string, bytes: Uint8Array): Entry {
    if (!this.#entries.has(key)) this.#sorted = undefined
    this.#used += bytes.length - this.#sizeOf(key)
    const entry: Entry = { bytes: bytes.slice(), version: String(++this.#version) }
    this.#entries.set(key, entry)
    return entry
  }

  #remove(key: string): void {
    this.#used -= this.#sizeOf(key)
    if (this.#entries.delete(key)) this.#sorted = undefined
  }
}

function infoOf(key: string, entry: Entry): BlobInfo {
  return { key, bytes: entry.bytes.length, version: entry.version }
}

/** Index of the first name that is not less than `from`. Keys are ASCII, so the order of strings is the order of bytes. */
function lowerBound(names: readonly string[], from: string): number {
  let low = 0
  let high = names.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((names[middle] as string) < from) low = middle + 1
    else high = middle
  }
  return low
}
