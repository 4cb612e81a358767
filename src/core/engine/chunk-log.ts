// A log of create-only chunks that anybody may extend: the chunk number is the compare-and-set, one put is one commit.
// Opening writes nothing and fences nobody. A loser of a race reads what came first, encodes again behind it and tries
// again, unseen by its caller.

import { backOff } from '../base/backoff.js'
import { equalBytes, utf8 } from '../base/bytes.js'
import type { Clock } from '../base/clock.js'
import { isStorageError, StorageError } from '../base/errors.js'
import { crc32c } from '../codec/crc32c.js'
import { newWriteId } from '../codec/envelope.js'
import { type FrameHeader, FRAME_HEADER_BYTES } from '../codec/frame.js'
import { murmur3 } from '../codec/murmur3.js'
import type { BlobStore } from '../ports/blob-store.js'
import type { Durability, WriteDurability } from '../ports/options.js'
import type { StreamGuard } from '../ports/stream-broker.js'
import { Cell } from './cell.js'
import { CHUNK_HEADER_BYTES, chunkWriteId, decodeChunk, encodeChunk } from './chunk.js'
import { ChunkIndex, type ChunkPlace } from './chunk-index.js'
import type { EncodedFrames, FrameBlock, Log, LogEnd, LogSegment, LogStats, WholeFrame } from './log.js'

export interface ChunkLogOptions {
  readonly blobs: BlobStore
  readonly clock: Clock
  /** Prefix of its blobs: incarnation and bucket. */
  readonly path: string
  readonly durability?: WriteDurability | undefined
  readonly guard?: StreamGuard | undefined
  readonly beforeWrite: () => Promise<void>
}

/** Written now and then, so that a cold open need not begin at chunk 0. */
interface ChunkHints {
  readonly places: readonly (readonly [chunk: number, base: number])[]
  /** Where puts are relaxed: everything below was flushed. */
  readonly durable?: number
}

interface ChunkEnd {
  /** Number of the next chunk. */
  readonly chunk: number
  readonly next: number
  readonly chain: number
  readonly timestamp: number
}

const EPOCH = 1
const HINT_EVERY_CHUNKS = 64
const MAX_HINTS = 4_096
const MAX_ATTEMPTS = 200
const BACKOFF = { firstMs: 2, maxMs: 500 }
/** What a frame's header can say. */
const MAX_UNSYNCED_RECORDS = 0xffffffff

export class ChunkLog implements Log {
  readonly rolled = 0
  readonly durability: { readonly written: Durability; readonly synced: Durability }
  readonly #options: ChunkLogOptions
  readonly #hints: Cell<ChunkHints>
  /** A put is a promise of the operating system's only, until a strict one came after it. */
  readonly #isRelaxed: boolean
  readonly #index = new ChunkIndex()
  readonly #salt: Uint8Array
  #end: ChunkEnd
  #opened: Promise<void> | undefined
  #refreshing: Promise<void> | undefined
  #writable = false
  /** Where puts are relaxed: everything below is durable all the same. */
  #durable = 0
  /** End of what this handle put. */
  #put = 0

  constructor(options: ChunkLogOptions) {
    this.#options = options
    const { blobs, clock, path, durability } = options
    const { durable } = blobs.traits
    const stored = durable === 'os' && durability === 'strict' ? 'disk' : durable
    this.durability = { written: stored, synced: stored }
    this.#isRelaxed = stored === 'os'
    this.#hints = new Cell({ blobs, clock, key: `${path}/manifest` })
    this.#salt = saltOf(path)
    this.#end = { chunk: 0, next: 0, chain: crc32c(this.#salt), timestamp: 0 }
  }

  async end(refresh = false): Promise<LogEnd> {
    await this.#open()
    if (refresh) await this.#refresh()
    return this.#logEnd()
  }

  first(): Promise<number> {
    return Promise.resolve(0)
  }

  async commit(encode: (at: LogEnd) => EncodedFrames | undefined | Promise<EncodedFrames | undefined>): Promise<void> {
    await this.#beforeWrite()
    await this.#open()
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const encoding = encode(this.#logEnd())
      const frames = encoding instanceof Promise ? await encoding : encoding
      // What a stale end refuses may be right at the real one, and the other way round.
      const before = this.#end.chunk
      if (frames === undefined) {
        await this.#refresh()
        if (this.#end.chunk === before) return
        continue
      }
      if (await this.#putChunk(frames)) return
      await this.#refresh()
      if (attempt > 0) await backOff(this.#options.clock, attempt, BACKOFF)
    }
    throw new StorageError('unavailable', 'too many writers extended the log at once', {
      operation: 'append',
      facts: { attempts: MAX_ATTEMPTS },
    })
  }

  /** A put is the commit: nothing is left to sync. */
  sync(): Promise<void> {
    return Promise.resolve()
  }

  /** One strict put behind the relaxed ones: what commits into one log of transactions is durable up to there then. */
  async flush(): Promise<void> {
    if (!this.#isRelaxed || this.#put <= this.#durable || !(await this.#isAlive())) return
    const { blobs, clock, path } = this.#options
    const durable = this.#end.next
    const mark = new Cell<ChunkHints>({ blobs, clock, key: `${path}/manifest`, durability: 'strict' })
    await mark.update((stored) => ({ places: [], ...stored, durable: Math.max(durable, stored?.durable ?? 0) }))
    this.#durable = Math.max(durable, this.#durable)
  }

  async read(from: number, _limit: number, _maxBytes: number): Promise<FrameBlock | undefined> {
    await this.#open()
    if (from >= this.#end.next) return undefined
    const place = await this.#locate(from)
    const block = await this.#chunk(place.chunk)
    if (block === undefined) throw this.#hole(place.chunk, from)
    const last = block.frames[block.frames.length - 1] as FrameHeader
    this.#index.note({ chunk: place.chunk + 1, base: last.next })
    return block
  }

  async offsetAt(time: number): Promise<number> {
    await this.end(true)
    let low = 0
    let high = this.#end.chunk
    while (low < high) {
      const middle = (low + high) >>> 1
      const block = await this.#chunk(middle)
      if (block === undefined) throw this.#hole(middle, 0)
      const last = block.frames[block.frames.length - 1] as FrameHeader
      if (last.timestamp >= time) high = middle
      else low = middle + 1
    }
    const block = low === this.#end.chunk ? undefined : await this.#chunk(low)
    return block?.frames.find((frame) => frame.timestamp >= time)?.baseOffset ?? this.#end.next
  }

  /** Nobody drops a tail of chunks, so positions never go back, unless the log itself is shorter than they say. */
  rewindTo(next: number): number {
    return Math.min(next, this.#end.next)
  }

  async stats(): Promise<LogStats> {
    await this.end(true)
    let bytes = 0
    for await (const info of this.#options.blobs.list({ prefix: `${this.#options.path}/log/` })) bytes += info.bytes
    return { bytes, segments: this.#end.chunk }
  }

  close(): Promise<void> {
    return this.flush()
  }

  offsetAtBytes(_bytes: number): Promise<number> {
    return Promise.resolve(0)
  }

  segments(): Promise<readonly LogSegment[]> {
    return Promise.resolve([])
  }

  roll(): Promise<void> {
    return Promise.resolve()
  }

  trim(_before: number): Promise<void> {
    return Promise.reject(this.#notYet('trim'))
  }

  replace(_name: string, _frames: AsyncIterable<WholeFrame>): Promise<void> {
    return Promise.reject(this.#notYet('compact'))
  }

  // biome-ignore lint/correctness/useYield: there are no segments
  async *frames(_name: string): AsyncGenerator<WholeFrame> {
    throw this.#notYet('compact')
  }

  seal(): Promise<void> {
    return Promise.reject(this.#notYet('seal'))
  }

  #notYet(operation: string): StorageError {
    return new StorageError('unsupported', 'a log of chunks has no segments', { operation })
  }

  #logEnd(): LogEnd {
    const { next, chain, timestamp } = this.#end
    const durable = this.#isRelaxed ? Math.max(this.#durable, next - MAX_UNSYNCED_RECORDS) : next
    return { next, chain, timestamp, durable, epoch: EPOCH, salt: this.#salt }
  }

  // The end

  #open(): Promise<void> {
    this.#opened ??= this.#findEnd().catch((error) => {
      this.#opened = undefined
      throw error
    })
    return this.#opened
  }

  /** A hint, a listing behind it, the last chunk: a cold open costs two reads and one list. */
  async #findEnd(): Promise<void> {
    const { places = [], durable = 0 } = (await this.#hints.read()).value ?? {}
    this.#durable = durable
    for (const [chunk, base] of places) this.#index.note({ chunk, base })
    const hinted = places[places.length - 1]?.[0] ?? 0
    const prefix = `${this.#options.path}/log/`
    let lastKey: string | undefined
    for await (const { key } of this.#options.blobs.list({ prefix, after: hinted === 0 ? prefix : this.#key(hinted - 1) })) lastKey = key
    if (lastKey !== undefined) await this.#advance(Number(lastKey.slice(prefix.length)))
    if (this.#end.next < durable) throw this.#hole(this.#end.chunk, this.#end.next)
  }

  /** Takes up what others appended; callers at the same time share it. */
  #refresh(): Promise<void> {
    this.#refreshing ??= this.#catchUp().finally(() => {
      this.#refreshing = undefined
    })
    return this.#refreshing
  }

  async #catchUp(): Promise<void> {
    while (await this.#advance(this.#end.chunk)) {}
  }

  /** Makes chunk `number` the last one; false when there is none. */
  async #advance(number: number): Promise<boolean> {
    const block = await this.#chunk(number)
    if (block === undefined) return false
    const first = block.frames[0] as FrameHeader
    const last = block.frames[block.frames.length - 1] as FrameHeader
    if (number < this.#end.chunk) return true
    this.#index.note({ chunk: number, base: first.baseOffset })
    this.#end = { chunk: number + 1, next: last.next, chain: last.headerCrc, timestamp: Math.max(this.#end.timestamp, last.timestamp) }
    return true
  }

  // Writing

  async #beforeWrite(): Promise<void> {
    if (this.#writable) return
    await this.#options.beforeWrite()
    this.#writable = true
  }

  /** True when the chunk is stored; false when somebody else has this number. */
  async #putChunk(frames: EncodedFrames): Promise<boolean> {
    const { blobs, clock } = this.#options
    const number = this.#end.chunk
    const writeId = newWriteId()
    const bytes = encodeChunk(frames.bytes, EPOCH, writeId)
    if (bytes.length > blobs.traits.maxBlobBytes) {
      throw new StorageError('invalid', 'an append is larger than this backend can store at once', {
        operation: 'append',
        facts: { bytes: bytes.length, maxBytes: blobs.traits.maxBlobBytes },
      })
    }
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const outcome = await this.#tryPut(number, bytes, writeId)
      if (outcome === 'other') return false
      if (outcome === 'stored') {
        await this.#stored(number, frames)
        return true
      }
      await backOff(clock, attempt, BACKOFF)
    }
    throw new StorageError('unavailable', 'the backend did not answer', { operation: 'append', key: this.#key(number) })
  }

  /** The same bytes and write id at every try, so that a put whose answer was lost is recognised. */
  async #tryPut(number: number, bytes: Uint8Array, writeId: Uint8Array): Promise<'stored' | 'other' | 'unknown'> {
    try {
      await this.#putOnce(this.#key(number), bytes)
      return 'stored'
    } catch (error) {
      const conflict = isStorageError(error, 'conflict')
      if (!conflict && !isStorageError(error, 'unavailable')) throw error
      const found = await this.#options.blobs.get(this.#key(number)).catch((failure) => {
        if (isStorageError(failure, 'unavailable')) return 'unknown' as const
        throw failure
      })
      if (found === 'unknown') return 'unknown'
      if (found !== undefined) return equalBytes(chunkWriteId(found.data), writeId) ? 'stored' : 'other'
      if (conflict && !(await this.#isAlive())) throw this.#deleted()
      return 'unknown'
    }
  }

  async #isAlive(): Promise<boolean> {
    const { blobs, guard } = this.#options
    return guard === undefined || (await blobs.get(guard.key))?.version === guard.version
  }

  /** With the guard in the same commit where the backend can, so that no append is acknowledged into a deleted queue. */
  async #putOnce(key: string, bytes: Uint8Array): Promise<void> {
    const { blobs, durability, guard } = this.#options
    const write = durability === undefined ? {} : { durability }
    if (guard !== undefined && blobs.batch !== undefined) {
      await blobs.batch(
        [
          { key: guard.key, check: { version: guard.version } },
          { key, put: bytes, when: 'absent' },
        ],
        write,
      )
    } else {
      await blobs.put(key, bytes, { ...write, when: 'absent' })
    }
  }

  async #stored(number: number, frames: EncodedFrames): Promise<void> {
    this.#index.note({ chunk: number, base: this.#end.next })
    this.#end = { chunk: number + 1, next: frames.next, chain: frames.chain, timestamp: frames.timestamp }
    this.#put = frames.next
    if ((number + 1) % HINT_EVERY_CHUNKS === 0) await this.#leaveHint({ chunk: number + 1, base: frames.next })
  }

  /** Costs speed only when it fails: the record is stored. */
  async #leaveHint({ chunk, base }: ChunkPlace): Promise<void> {
    try {
      await this.#hints.update((stored) => {
        const places = stored?.places ?? []
        if ((places[places.length - 1]?.[0] ?? 0) >= chunk) return undefined
        const kept = places.length < MAX_HINTS ? places : places.filter((_, index) => index % 2 === 1)
        return { ...stored, places: [...kept, [chunk, base] as const] }
      })
    } catch (error) {
      if (!isStorageError(error)) throw error
    }
  }

  // Reading

  /** The chunk that holds the offset, by halving between what is known around it. */
  async #locate(offset: number): Promise<ChunkPlace> {
    for (;;) {
      const { low, high } = this.#index.around(offset)
      const highChunk = high?.chunk ?? this.#end.chunk
      if (highChunk - low.chunk <= 1) return low
      const middle = (low.chunk + highChunk) >>> 1
      this.#index.note({ chunk: middle, base: await this.#base(middle) })
    }
  }

  async #base(number: number): Promise<number> {
    const key = this.#key(number)
    const blob = await this.#options.blobs.get(key, { range: { start: 0, end: CHUNK_HEADER_BYTES + FRAME_HEADER_BYTES } })
    if (blob === undefined) throw this.#hole(number, undefined)
    return (decodeChunk(blob.data, this.#salt, key, false).frames[0] as FrameHeader).baseOffset
  }

  async #chunk(number: number): Promise<FrameBlock | undefined> {
    const key = this.#key(number)
    const blob = await this.#options.blobs.get(key)
    return blob === undefined ? undefined : decodeChunk(blob.data, this.#salt, key)
  }

  #key(number: number): string {
    return `${this.#options.path}/log/${String(number).padStart(20, '0')}`
  }

  #hole(number: number, offset: number | undefined): StorageError {
    return new StorageError('corrupt', 'a chunk of the log is missing', { key: this.#key(number), facts: { firstOffset: offset } })
  }

  #deleted(): StorageError {
    return new StorageError('closed', 'the queue was deleted', { operation: 'append', facts: { log: this.#options.path } })
  }
}

/** The same for every chunk of a log, and different for every log. */
function saltOf(path: string): Uint8Array {
  const salt = new Uint8Array(8)
  const view = new DataView(salt.buffer)
  view.setUint32(0, murmur3(utf8(path), 1), true)
  view.setUint32(4, murmur3(utf8(path), 2), true)
  return salt
}
