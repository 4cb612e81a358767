// Chunks in packs: where they are read from, proved, and where batches of new ones are put.

import { isStorageError, StorageError } from '../../base/errors.js'
import { inParallel } from '../../base/in-parallel.js'
import type { Clock } from '../../base/clock.js'
import type { BlobStore } from '../../ports/blob-store.js'
import type { Cancellable } from '../../ports/options.js'
import { type CachedReads, readProved } from '../cached-reads.js'
import type { Cell } from '../cell.js'
import { idOf } from './chunk-id.js'
import type { ChunkPacker } from './chunk-packer.js'
import type { ChunkId, ChunkKind, ChunkSource } from './chunks.js'
import { collectionCell, readCollection, type StoredCollection } from './collection.js'
import { PackBatch } from './pack-batch.js'
import { PackCatalogue } from './pack-catalogue.js'
import { CHUNK_HEADER_BYTES, type ChunkPlace, openRecord } from './pack-format.js'
import type { KnownPack } from './pack-index.js'
import { PackReader } from './pack-reader.js'
import type { FinishedPack } from './pack-writer.js'

const PACK_BYTES = 4 * 1024 * 1024
const INDEX_BYTES = 4 * 1024 * 1024
/** Of chunks of trees, which are asked for again and again; no one else holds those bytes. */
const KEPT_BYTES = 4 * 1024 * 1024
/** How long a pack that was seen is taken to be there. */
const PROOF_MS = 5_000
/** More packs than that are looked for by listing all. */
const PROVED_ONE_BY_ONE = 16
const PROOFS_AT_ONCE = 4
const MAX_PROOFS = 1_000

export interface PackStoreOptions {
  readonly blobs: BlobStore
  readonly clock: Clock
  /** Prefix of all keys, without the last slash. */
  readonly path: string
  readonly compression: ChunkPacker
  /** Default: as the backend likes it best. */
  readonly packBytes?: number
  /** Where `blobs` are read through one. */
  readonly cache?: CachedReads | undefined
}

export interface WantedChunk {
  readonly id: ChunkId
  readonly kind: ChunkKind
}

export interface BeginOptions extends Cancellable {
  /** Packs that nothing new relies on: they are damaged. */
  readonly avoid?: Iterable<string>
}

interface ProvedChunk {
  readonly plain: Uint8Array
  readonly record: Uint8Array
}

export class PackStore implements ChunkSource {
  readonly catalogue: PackCatalogue
  readonly #options: PackStoreOptions
  readonly #reader: PackReader
  readonly #collection: Cell<StoredCollection>
  readonly #kept = new Map<ChunkId, Uint8Array>()
  #keptBytes = 0
  /** Of the collection cell when the packs were listed last; null: they have to be listed. */
  #listedAt: string | undefined | null = null
  /** When the packs of the catalogue were seen: all of them, and single ones since. */
  #listedMs = Number.NEGATIVE_INFINITY
  readonly #seenMs = new Map<string, number>()

  constructor(options: PackStoreOptions) {
    const { blobs, clock, path, cache } = options
    this.#options = options
    const maxIndexBytes = Math.min(INDEX_BYTES, blobs.traits.maxBlobBytes)
    this.catalogue = new PackCatalogue({ blobs, path, maxIndexBytes, cache })
    this.#reader = new PackReader(blobs, path)
    this.#collection = collectionCell(blobs, clock, path)
  }

  /** How large packs are made. */
  get packBytes(): number {
    const { maxBlobBytes, packBytes = PACK_BYTES } = this.#options.blobs.traits
    return Math.min(this.#options.packBytes ?? packBytes, maxBlobBytes)
  }

  /** Lists the packs again: what others put since, and what is gone. */
  async refresh(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    const now = this.#options.clock.now()
    await this.catalogue.refresh()
    this.#listedMs = now
  }

  /** What it knows may be of another time: the next batch lists again. */
  distrust(): void {
    this.#listedAt = null
    this.#listedMs = Number.NEGATIVE_INFINITY
    this.#seenMs.clear()
  }

  /**
   * Whether all of these packs are there, seen so within the last seconds: a store that was put back to an older copy does
   * not have what is known of it here. Where one is gone, the next batch lists again.
   */
  async areThere(packs: Iterable<string>, signal?: AbortSignal): Promise<boolean> {
    const unseen = [...packs].filter((pack) => !this.#wasSeen(pack))
    if (unseen.length > PROVED_ONE_BY_ONE) await this.refresh(signal)
    else await inParallel(unseen, PROOFS_AT_ONCE, (pack) => this.#see(pack, signal))
    if (unseen.every((pack) => this.#wasSeen(pack))) return true
    this.distrust()
    return false
  }

  #wasSeen(pack: string): boolean {
    if (this.catalogue.index.pack(pack) === undefined) return false
    const age = this.#options.clock.now() - Math.max(this.#listedMs, this.#seenMs.get(pack) ?? Number.NEGATIVE_INFINITY)
    return age >= 0 && age < PROOF_MS
  }

  async #see(pack: string, signal: AbortSignal | undefined): Promise<void> {
    const now = this.#options.clock.now()
    const range = { start: 0, end: 1 }
    const { past } = this.#options.cache ?? { past: this.#options.blobs }
    const found = await past.get(this.catalogue.keyOf(pack), signal === undefined ? { range } : { range, signal })
    if (found !== undefined) this.#saw(pack, now)
  }

  #saw(pack: string, now: number): void {
    if (this.#seenMs.size >= MAX_PROOFS) this.#seenMs.clear()
    this.#seenMs.set(pack, now)
  }

  /** The bytes are shared: they are not to be changed. */
  async get(id: ChunkId, kind: ChunkKind, options: Cancellable = {}): Promise<Uint8Array> {
    const { signal } = options
    signal?.throwIfAborted()
    const kept = this.#kept.get(id)
    if (kept !== undefined) return kept
    const { plain } = await this.#read(id, kind, signal)
    signal?.throwIfAborted()
    if (kind === 'node') this.#keep(id, plain)
    return plain
  }

  /** Neighbours are read together. */
  getMany(wanted: readonly WantedChunk[], options: Cancellable = {}): Promise<Uint8Array[]> {
    return Promise.all(wanted.map(({ id, kind }) => this.get(id, kind, options)))
  }

  /** The packs that hold a chunk, as far as known. */
  packsOf(id: ChunkId): string[] {
    const { index } = this.catalogue
    return index.find(id).flatMap((entry) => index.packOf(entry)?.name ?? [])
  }

  /** What a chunk takes here, header and all, as far as known. */
  storedBytes(id: ChunkId): number | undefined {
    const { index } = this.catalogue
    const entry = index.find(id).find((one) => index.packOf(one) !== undefined)
    return entry === undefined ? undefined : CHUNK_HEADER_BYTES + index.place(entry).storedBytes
  }

  /** As it is stored, header and all, proved. */
  async record(id: ChunkId, kind: ChunkKind, options: Cancellable = {}): Promise<Uint8Array> {
    return (await this.#read(id, kind, options.signal)).record
  }

  /** After what it is to refer to can be stamped; see `Collection`. Lists packs where a collection has passed, or never was. */
  async begin(options: BeginOptions = {}): Promise<PackBatch> {
    const { signal, avoid = [] } = options
    const read = await readCollection(this.#collection, signal)
    const collection = { ...read, doomed: new Set([...read.doomed, ...avoid]) }
    if (this.#listedAt === null || this.#listedAt !== collection.version) {
      await this.refresh(signal)
      this.#listedAt = collection.version
    }
    const { blobs, compression } = this.#options
    return new PackBatch({
      collection,
      compression,
      packBytes: this.packBytes,
      maxPackBytes: blobs.traits.maxBlobBytes,
      packsOf: (id) => this.packsOf(id),
      read: (id, kind) => this.get(id, kind, signal === undefined ? {} : { signal }),
      putPack: (pack) => this.#putPack(pack, signal === undefined ? {} : { signal }),
      onFinish: () => this.catalogue.compact(),
      signal,
    })
  }

  async #putPack({ name, bytes, entries }: FinishedPack, options: Cancellable): Promise<void> {
    await this.#options.blobs.put(this.catalogue.keyOf(name), bytes, options)
    this.catalogue.add(name, bytes.length, entries)
    this.#saw(name, this.#options.clock.now())
  }

  async #read(id: ChunkId, kind: ChunkKind, signal: AbortSignal | undefined): Promise<ProvedChunk> {
    return (await this.#readCopies(id, kind, () => {})) ?? (await this.#readAgain(id, kind, signal))
  }

  /** undefined where no known pack gives it; `onDamage` is told why. */
  async #readCopies(id: ChunkId, kind: ChunkKind, onDamage: (error: StorageError) => void): Promise<ProvedChunk | undefined> {
    const { index } = this.catalogue
    for (const entry of index.find(id)) {
      const pack = index.packOf(entry)
      if (pack === undefined) continue
      try {
        return await this.#readCopy(pack, index.place(entry), { id, kind })
      } catch (error) {
        if (isStorageError(error, 'corrupt')) onDamage(error)
        else if (!isStorageError(error, 'missing')) throw error
      }
    }
    return undefined
  }

  async #readCopy(pack: KnownPack, { at, storedBytes }: ChunkPlace, wanted: WantedChunk): Promise<ProvedChunk> {
    const { cache } = this.#options
    const read = async (): Promise<ProvedChunk> => {
      const record = await this.#reader.read(pack, at, at + CHUNK_HEADER_BYTES + storedBytes)
      return { record, plain: await this.#prove(record, wanted, pack.name) }
    }
    const distrust = async (key: string): Promise<void> => {
      const dropped = cache?.distrust(key)
      this.#reader.forget(pack.name) // what others began to read before
      await dropped
    }
    return await readProved(cache && { distrust }, this.catalogue.keyOf(pack.name), read)
  }

  /** Others may have put it elsewhere since. */
  async #readAgain(id: ChunkId, kind: ChunkKind, signal: AbortSignal | undefined): Promise<ProvedChunk> {
    await this.refresh(signal)
    let damage: StorageError | undefined
    const found = await this.#readCopies(id, kind, (error) => {
      damage = error
    })
    if (found !== undefined) return found
    throw damage ?? new StorageError('missing', 'a chunk is in no pack', { facts: { expected: id, actual: 'nothing', kind } })
  }

  async #prove(record: Uint8Array, { id, kind }: WantedChunk, pack: string): Promise<Uint8Array> {
    let actual = 'unreadable'
    let cause: unknown
    try {
      const chunk = openRecord(record, pack)
      const plain = await this.#options.compression.decompress(chunk.compression, chunk.bytes, chunk.plainBytes)
      actual = await idOf(kind, plain)
      if (actual === id && chunk.id === id) return plain
    } catch (error) {
      if (!isStorageError(error, 'corrupt')) throw error
      cause = error
    }
    this.#reader.forget(pack)
    const facts = { expected: id, actual, kind, pack }
    throw new StorageError('corrupt', 'a chunk is damaged', { facts, cause })
  }

  #keep(id: ChunkId, plain: Uint8Array): void {
    if (this.#kept.has(id)) return
    this.#kept.set(id, plain)
    this.#keptBytes += plain.length
    for (const [oldest, bytes] of this.#kept) {
      if (this.#keptBytes <= KEPT_BYTES) return
      this.#kept.delete(oldest)
      this.#keptBytes -= bytes.length
    }
  }
}
