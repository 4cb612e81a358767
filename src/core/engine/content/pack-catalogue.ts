// Which packs there are, and what is in them. The listing of packs is the truth; merged tables (index blobs) only save
// reading the end of each. A merged table may be merged away under a reader: it lists them again.

import { toHex } from '../../base/bytes.js'
import { isStorageError, type StorageError } from '../../base/errors.js'
import { inParallel } from '../../base/in-parallel.js'
import { Mutex } from '../../base/mutex.js'
import { newSalt } from '../../codec/envelope.js'
import type { BlobStore } from '../../ports/blob-store.js'
import { type CachedReads, readProved } from '../cached-reads.js'
import { indexedBytes, openIndex, type PackTable, sealIndex } from './index-blob.js'
import { openTail, scanPack } from './pack-format.js'
import { entriesOf, PackIndex, withoutDead } from './pack-index.js'

/** So many packs without a merged table get one; so many tables of a tier become one of the next. */
const FAN_IN = 16
const READS = 8
/** The most of a pack's end that is read before it is known how long its table is. */
const TAIL_BYTES = 64 * 1024
const MAX_LISTINGS = 8
const PACK_NAME = /^[0-9a-f]{64}$/
const INDEX_NAME = /^(\d{2})-[0-9a-f]{32}$/

export interface PackCatalogueOptions {
  readonly blobs: BlobStore
  readonly path: string
  /** Of one index blob. */
  readonly maxIndexBytes: number
  /** Where `blobs` are read through one. */
  readonly cache?: CachedReads | undefined
}

interface IndexBlob {
  readonly key: string
  readonly tier: number
  readonly bytes: number
}

export class PackCatalogue {
  readonly #options: PackCatalogueOptions
  readonly #turns = new Mutex()
  #index = new PackIndex()
  #queued: Promise<void> | undefined
  #seen = new Set<string>()
  /** Packs that some index blob has. */
  #indexed = new Set<string>()
  #damaged = new Map<string, StorageError>()

  constructor(options: PackCatalogueOptions) {
    this.#options = options
  }

  get index(): PackIndex {
    return this.#index
  }

  /** Packs whose table could not be read: what is whole in them was found by its headers. */
  get damaged(): ReadonlyMap<string, StorageError> {
    return this.#damaged
  }

  keyOf(pack: string): string {
    return packKey(this.#options.path, pack)
  }

  /** Lists after it was called, together with all others who are waiting for that. */
  refresh(): Promise<void> {
    this.#queued ??= this.#turns.run(async () => {
      this.#queued = undefined
      await this.#load()
    })
    return this.#queued
  }

  /** A pack that was just put. */
  add(name: string, bytes: number, entries: Uint8Array): void {
    this.#index.add(name, bytes, entries)
  }

  /** Packs that are being deleted: nobody is sent there again. */
  remove(names: Iterable<string>): void {
    for (const name of names) {
      this.#index.remove(name)
      this.#indexed.delete(name)
      this.#damaged.delete(name)
    }
    if (this.#index.isMostlyDead) this.#index = withoutDead(this.#index)
  }

  /** Merges tables where there are enough of them. */
  compact(): Promise<void> {
    return this.#turns.run(async () => {
      const without = [...this.#index.packs()].filter(({ name }) => !this.#indexed.has(name))
      if (without.length < FAN_IN) return
      await this.#putTables(
        0,
        without.map((pack) => ({ ...pack, entries: entriesOf(this.#index, pack) })),
      )
      for (let tier = 0; await this.#mergeTier(tier); tier++);
    })
  }

  /** One table of all packs there are, in as many blobs as it takes, in the place of all others. */
  rebuild(): Promise<number> {
    return this.#turns.run(async () => {
      const old = await this.#listIndex()
      const packs = [...this.#index.packs()]
      this.#indexed = new Set()
      if (packs.length >= FAN_IN)
        await this.#putTables(
          1,
          packs.map((pack) => ({ ...pack, entries: entriesOf(this.#index, pack) })),
        )
      await this.#options.blobs.delete(old.map(({ key }) => key))
      return packs.length
    })
  }

  async #load(): Promise<void> {
    const before = [...this.#index.packs()].map(({ name }) => name)
    const listed = await listPacks(this.#options.blobs, this.#options.path)
    this.remove(before.filter((name) => !listed.has(name)))
    const unknown = new Map([...listed].filter(([name]) => this.#index.pack(name) === undefined))
    if (unknown.size > 0) await this.#loadTables(unknown)
    await inParallel(unknown, READS, ([name, bytes]) => this.#loadTail(name, bytes))
  }

  /** What it finds is taken out of `unknown`. */
  async #loadTables(unknown: Map<string, number>): Promise<void> {
    for (let listing = 0; listing < MAX_LISTINGS; listing++) {
      let isGone = false
      const fresh = (await this.#listIndex()).filter(({ key }) => !this.#seen.has(key))
      await inParallel(fresh, READS, async ({ key }) => {
        const tables = await this.#readTables(key)
        if (tables === 'gone') isGone = true
        else this.#take(key, tables, unknown)
      })
      if (!isGone) return
    }
  }

  #take(key: string, tables: readonly PackTable[], unknown: Map<string, number>): void {
    this.#seen.add(key)
    for (const { name, entries } of tables) {
      const bytes = unknown.get(name)
      if (bytes !== undefined) this.#index.add(name, bytes, entries)
      unknown.delete(name)
      if (this.#index.pack(name) !== undefined) this.#indexed.add(name)
    }
  }

  /** A table that is damaged is as good as none: the packs say the same. */
  async #readTables(key: string): Promise<PackTable[] | 'gone'> {
    try {
      return await this.#readProved(key, async () => {
        const blob = await this.#options.blobs.get(key)
        return blob === undefined ? 'gone' : openIndex(blob.data, key)
      })
    } catch (error) {
      if (isStorageError(error, 'corrupt')) return []
      throw error
    }
  }

  async #loadTail(name: string, bytes: number): Promise<void> {
    try {
      const entries = await this.#readProved(this.keyOf(name), () => this.#readTail(name, bytes))
      if (entries !== undefined) this.#index.add(name, bytes, entries)
    } catch (error) {
      if (!isStorageError(error, 'corrupt')) throw error
      const entries = await this.#scan(name)
      if (entries === undefined) return
      this.#damaged.set(name, error as StorageError)
      this.#index.add(name, bytes, entries)
    }
  }

  /** What is whole by its headers: nothing where the pack is sealed and does not open. undefined where it is gone. */
  async #scan(name: string): Promise<Uint8Array | undefined> {
    try {
      const blob = await this.#options.blobs.get(this.keyOf(name))
      return blob === undefined ? undefined : scanPack(blob.data)
    } catch (error) {
      if (isStorageError(error, 'corrupt')) return new Uint8Array(0)
      throw error
    }
  }

  /** undefined for a pack that was deleted since it was listed. */
  async #readTail(name: string, bytes: number): Promise<Uint8Array | undefined> {
    for (let length = TAIL_BYTES; ; ) {
      const range = { start: Math.max(0, bytes - length), end: bytes }
      const blob = await this.#options.blobs.get(this.keyOf(name), { range })
      if (blob === undefined) return undefined
      const found = openTail(blob.data, bytes, name)
      if (typeof found !== 'number') return found
      length = found
    }
  }

  #readProved<Value>(key: string, read: () => Promise<Value>): Promise<Value> {
    return readProved(this.#options.cache, key, read)
  }

  async #listIndex(): Promise<IndexBlob[]> {
    const found: IndexBlob[] = []
    const prefix = `${this.#options.path}/index/`
    for await (const { key, bytes } of this.#options.blobs.list({ prefix })) {
      const [, tier] = INDEX_NAME.exec(key.slice(prefix.length)) ?? []
      if (tier !== undefined) found.push({ key, tier: Number(tier), bytes })
    }
    return found
  }

  /** Whether there was anything to merge. What is nearly as large as one may be is left alone. */
  async #mergeTier(tier: number): Promise<boolean> {
    const small = (await this.#listIndex()).filter((one) => one.tier === tier && one.bytes * 2 < this.#options.maxIndexBytes)
    if (small.length < FAN_IN) return false
    const tables = new Map<string, PackTable>()
    for (const { key } of small) {
      const found = await this.#readTables(key)
      // Somebody else is merging them.
      if (found === 'gone') return false
      for (const table of found) tables.set(table.name, table)
    }
    await this.#putTables(tier + 1, [...tables.values()])
    await this.#options.blobs.delete(small.map(({ key }) => key))
    return true
  }

  async #putTables(tier: number, tables: readonly PackTable[]): Promise<void> {
    for (const group of split(tables, this.#options.maxIndexBytes)) {
      const key = `${this.#options.path}/index/${String(tier).padStart(2, '0')}-${toHex(newSalt(16))}`
      await this.#options.blobs.put(key, sealIndex(group))
      this.#seen.add(key)
      for (const { name } of group) this.#indexed.add(name)
    }
  }
}

export function packKey(path: string, pack: string): string {
  return `${path}/packs/${pack}`
}

/** Names and sizes of all packs there are. */
export async function listPacks(blobs: BlobStore, path: string): Promise<Map<string, number>> {
  const listed = new Map<string, number>()
  const prefix = packKey(path, '')
  for await (const { key, bytes } of blobs.list({ prefix })) {
    const name = key.slice(prefix.length)
    if (PACK_NAME.test(name)) listed.set(name, bytes)
  }
  return listed
}

/** In groups whose blobs are not too large; one pack is never cut. */
function* split(tables: readonly PackTable[], maxBytes: number): Generator<PackTable[]> {
  let group: PackTable[] = []
  let bytes = 0
  for (const table of tables) {
    const own = indexedBytes(0) + table.entries.length
    if (group.length > 0 && bytes + own > maxBytes) {
      yield group
      group = []
      bytes = 0
    }
    group.push(table)
    bytes += own
  }
  if (group.length > 0) yield group
}
