// The chunks of one save (or of several): hashed, left out where they are stored already, compressed behind the caller's
// back a few at a time, and put as packs. After `finish` all of it is durable and found by others.

import { isStorageError, StorageError } from '../../base/errors.js'
import { type CompressionName, compressionName } from '../../codec/compression.js'
import { Mutex } from '../../base/mutex.js'
import type { ChunkId, ChunkKind, ChunkSink } from './chunks.js'
import { idOf } from './chunk-id.js'
import type { Collection } from './collection.js'
import { CHUNK_HEADER_BYTES, type StoredChunk } from './pack-format.js'
import type { ChunkPacker } from './chunk-packer.js'
import { type FinishedPack, packedBytes, PackWriter } from './pack-writer.js'

/** Compressed at a time: so many chunks, and so many bytes of them. */
const WIDTH = 8
const WIDTH_BYTES = 1024 * 1024
/** Packs on their way at a time. */
const PUTS = 2

export interface PackBatchOptions {
  readonly collection: Collection
  readonly compression: ChunkPacker
  readonly packBytes: number
  readonly maxPackBytes: number
  /** The packs that hold a chunk. */
  readonly packsOf: (id: ChunkId) => readonly string[]
  readonly read: (id: ChunkId, kind: ChunkKind, signal?: AbortSignal) => Promise<Uint8Array>
  readonly putPack: (pack: FinishedPack, signal?: AbortSignal) => Promise<void>
  readonly onFinish: () => Promise<void>
  readonly signal: AbortSignal | undefined
}

/** What goes into a pack next. `memory` is free then. */
type Coming = { readonly chunk: StoredChunk; readonly memory: Uint8Array } | { readonly record: Uint8Array }

export class PackBatch implements ChunkSink {
  /** Of the collection that it knows of: what it made may be referred to only where no later one has passed. */
  readonly epoch: number
  readonly #options: PackBatchOptions
  readonly #own = new Set<ChunkId>()
  readonly #relied = new Set<string>()
  readonly #compressing: { readonly coming: Promise<Coming>; readonly bytes: number }[] = []
  #compressingBytes = 0
  readonly #putting: Promise<void>[] = []
  readonly #turns = new Mutex()
  /** Of chunks that are written and of packs that are put, for the next ones: else most of what is taken is garbage. */
  readonly #chunkMemory: Uint8Array[] = []
  readonly #packMemory: Uint8Array[] = []
  #writer = new PackWriter()
  #chunkBytes = 0
  #storedBytes = 0
  #compression = 0

  constructor(options: PackBatchOptions) {
    this.#options = options
    this.epoch = options.collection.epoch
  }

  /** Some packs are going to be deleted: what is taken over from elsewhere has to be kept (`keep`). */
  get isCollecting(): boolean {
    return this.#options.collection.doomed.size > 0
  }

  /** What was really used for what it added. */
  get compression(): CompressionName {
    return compressionName(this.#compression)
  }

  /** What `finish` added to the store. */
  get storedBytes(): number {
    return this.#storedBytes
  }

  /** Packs of others that hold chunks of this batch. */
  relied(): ReadonlySet<string> {
    return this.#relied
  }

  /** Resolves once the chunk is hashed and copied. What fails behind fails the next call, or `finish`. */
  async put(kind: ChunkKind, plain: Uint8Array): Promise<ChunkId> {
    const id = await idOf(kind, plain)
    if (!this.has(id)) await this.#add(id, this.#compress(id, kind, plain), plain.length)
    return id
  }

  /** A chunk that is stored already outlives the collection under way: it is stored again if need be. `missing` when it is nowhere. */
  async keep(id: ChunkId, kind: ChunkKind): Promise<void> {
    if (this.has(id)) return
    await this.put(kind, await this.#options.read(id, kind, this.#options.signal))
  }

  /** A proved record of another pack, as it is. */
  async take(id: ChunkId, record: Uint8Array): Promise<void> {
    if (!this.has(id)) await this.#add(id, Promise.resolve({ record }), record.length)
  }

  /** What all puts so far add to the store, but for what each pack takes once. */
  async storedSoFar(): Promise<number> {
    await this.#drain()
    return this.#chunkBytes
  }

  /** `quota`, `unavailable`, …: as the store says. */
  async finish(): Promise<void> {
    await this.#drain()
    if (!this.#writer.isEmpty) await this.#seal()
    await this.#settle(0)
    await this.#afterwards()
  }

  /** The index of packs makes finding quicker: without it all is stored as well. */
  async #afterwards(): Promise<void> {
    try {
      await this.#options.onFinish()
    } catch (error) {
      if (!isStorageError(error)) throw error
    }
  }

  /** Waits for what is under way, and never rejects. What was put already is left to the collector. */
  async abandon(): Promise<void> {
    const compressing = this.#compressing.splice(0).map(({ coming }) => coming)
    await Promise.allSettled([...compressing, ...this.#putting.splice(0)])
  }

  /** Here, or in a pack that is not to be deleted: this batch relies on it then. */
  has(id: ChunkId): boolean {
    if (this.#own.has(id)) return true
    const { packsOf, collection } = this.#options
    const pack = packsOf(id).find((name) => !collection.doomed.has(name))
    if (pack === undefined) return false
    this.#relied.add(pack)
    return true
  }

  async #add(id: ChunkId, coming: Promise<Coming>, bytes: number): Promise<void> {
    this.#own.add(id)
    coming.catch(() => {})
    this.#compressing.push({ coming, bytes })
    this.#compressingBytes += bytes
    const isFull = (): boolean => this.#compressing.length >= WIDTH || this.#compressingBytes >= WIDTH_BYTES
    if (isFull()) await this.#drain(isFull)
  }

  async #compress(id: ChunkId, kind: ChunkKind, lent: Uint8Array): Promise<Coming> {
    const memory = this.#memoryFor(lent.length)
    memory.set(lent)
    const plain = memory.subarray(0, lent.length)
    const { compression, bytes } = await this.#options.compression.pack(plain)
    this.#compression ||= compression
    return { chunk: { id, kind, compression, plainBytes: plain.length, bytes }, memory }
  }

  #memoryFor(bytes: number): Uint8Array {
    const free = this.#chunkMemory.pop()
    return free !== undefined && free.length >= bytes ? free : new Uint8Array(2 ** Math.ceil(Math.log2(bytes)))
  }

  /** While `isFull`, or all of it; in the order in which they came. */
  #drain(isFull = (): boolean => true): Promise<void> {
    return this.#turns.run(async () => {
      while (isFull()) {
        const first = this.#compressing.shift()
        if (first === undefined) return
        this.#compressingBytes -= first.bytes
        const coming = await first.coming
        this.#options.signal?.throwIfAborted()
        await this.#write(coming)
      }
    })
  }

  async #write(coming: Coming): Promise<void> {
    const { packBytes, maxPackBytes } = this.#options
    const bytes = 'chunk' in coming ? coming.chunk.bytes.length : coming.record.length - CHUNK_HEADER_BYTES
    const added = packedBytes(bytes)
    this.#chunkBytes += added
    if (!this.#writer.isEmpty && this.#writer.bytes + added > packBytes) await this.#seal()
    if (this.#writer.bytes + added > maxPackBytes) {
      const facts = { bytes, maxBlobBytes: maxPackBytes }
      throw new StorageError('invalid', 'a piece of the state is larger than a blob may be on this backend', { facts })
    }
    if ('record' in coming) return this.#writer.copy(coming.record)
    this.#writer.add(coming.chunk)
    this.#chunkMemory.push(coming.memory)
  }

  async #seal(): Promise<void> {
    await this.#settle(PUTS - 1)
    const putting = this.#put(this.#writer)
    putting.catch(() => {})
    this.#putting.push(putting)
    this.#writer = new PackWriter(this.#packMemory.pop())
  }

  async #put(writer: PackWriter): Promise<void> {
    const pack = await writer.finish()
    await this.#options.putPack(pack, this.#options.signal)
    this.#storedBytes += pack.bytes.length
    this.#packMemory.push(writer.memory)
  }

  async #settle(left: number): Promise<void> {
    while (this.#putting.length > left) await this.#putting.shift()
  }
}
