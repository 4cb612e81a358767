// A log that anybody may extend: create-only chunks, the chunk number being the compare-and-set, so that one put is one
// commit; its older part is merged into segments. Opening writes nothing and fences nobody. A loser of a race reads what
// came first, encodes again behind it and tries again, unseen by its caller. What is not where it was looked for may have
// been merged, replaced or dropped: then the manifest is read again.

import { backOff } from '../base/backoff.js'
import { utf8 } from '../base/bytes.js'
import type { Clock } from '../base/clock.js'
import { isStorageError, StorageError } from '../base/errors.js'
import { Once } from '../base/once.js'
import { crc32c } from '../codec/crc32c.js'
import type { FrameHeader } from '../codec/frame.js'
import { murmur3 } from '../codec/murmur3.js'
import type { BlobStore } from '../ports/blob-store.js'
import type { Durability, WriteDurability } from '../ports/options.js'
import type { StreamGuard } from '../ports/stream-broker.js'
import { binaryFormat } from './binary-format.js'
import { chunkSalt } from './chunk.js'
import { ChunkIndex } from './chunk-index.js'
import { type ChunkEnd, isListed, ManifestCell, withPlace } from './chunk-manifest.js'
import { type ChunkCount, ChunkMerger, isSeal } from './chunk-merger.js'
import { ChunkReader } from './chunk-reader.js'
import { CHUNK_EPOCH, ChunkSegments } from './chunk-segments.js'
import { ChunkStore } from './chunk-store.js'
import { ChunkUpkeep } from './chunk-upkeep.js'
import { ChunkWriter, isStale } from './chunk-writer.js'
import type { EncodedFrames, FrameBlock, Log, LogEnd, LogSegment, LogStats, Proposal, WholeFrame } from './log.js'
import { logSegment, replaceSegment, type SealedSegment, trimManifest } from './log-manifest.js'
import { encodeControlFrame } from './segment.js'

export interface ChunkLogOptions {
  readonly blobs: BlobStore
  readonly clock: Clock
  /** Prefix of its blobs: incarnation and bucket. */
  readonly path: string
  readonly durability?: WriteDurability | undefined
  readonly guard?: StreamGuard | undefined
  /** Of a merged segment, about; default 4 MiB, on remote objects 8, at most half of the largest blob. */
  readonly segmentBytes?: number | undefined
  /** True where nothing may outlive the call that began it: chunks are then merged before their last commit resolves. */
  readonly requestScoped?: boolean | undefined
  readonly hasRetention?: boolean | undefined
  readonly beforeWrite: () => Promise<void>
}

const MIB = 2 ** 20
const HINT_EVERY_CHUNKS = 64
/** Chunks from one roll point to the next: their listing is short, and so is the work that a request does for others. */
const SEGMENT_CHUNKS = { background: 1024, requestScoped: 32 }
const MAX_ATTEMPTS = 200
const MAX_REPLACES = 8
const MAX_LOOKS = 8
const BACKOFF = { firstMs: 2, maxMs: 500 }
/** What a frame's header can say. */
const MAX_UNSYNCED_RECORDS = 0xffffffff

export class ChunkLog implements Log {
  readonly readsAhead = false
  readonly format = binaryFormat
  readonly durability: { readonly written: Durability; readonly synced: Durability }
  /** Merges so far. */
  rolled = 0
  readonly #options: ChunkLogOptions
  readonly #manifest: ManifestCell
  readonly #chunks: ChunkStore
  readonly #segments: ChunkSegments
  readonly #reader: ChunkReader
  readonly #writer: ChunkWriter
  readonly #upkeep: ChunkUpkeep
  readonly #index = new ChunkIndex()
  readonly #salt: Uint8Array
  /** A put is a promise of the operating system's only, until a strict one came after it. */
  readonly #isRelaxed: boolean
  #end: ChunkEnd
  /** Where puts are relaxed: end of what this handle put, and what is known to be durable all the same. */
  #written = 0
  #durable = 0
  /** Of the chunks that are not merged, as far as known: decides when to merge, nothing else. */
  #unmergedBytes = 0
  #isSealed = false
  readonly #opened = new Once(() => this.#findEnd())
  #refreshing: Promise<void> | undefined
  #writable = false

  constructor(options: ChunkLogOptions) {
    this.#options = options
    const { blobs, clock, path, durability, guard, requestScoped = false, hasRetention = false } = options
    const { durable } = blobs.traits
    const stored = durable === 'os' && durability === 'strict' ? 'disk' : durable
    this.durability = { written: stored, synced: stored }
    this.#isRelaxed = stored === 'os'
    this.#salt = chunkSalt(path)
    this.#end = { chunk: 0, next: 0, chain: crc32c(this.#salt), timestamp: 0 }
    const manifestKey = `${path}/manifest`
    const manifest = new ManifestCell({ blobs, clock, key: manifestKey, start: this.#end, onChange: () => this.#adopt() })
    const chunks = new ChunkStore({ blobs, path, salt: this.#salt })
    const segments = new ChunkSegments({ blobs, path, place: murmur3(utf8(path)) })
    const segmentBytes = segmentBytesOf(options)
    const segmentChunks = requestScoped ? SEGMENT_CHUNKS.requestScoped : SEGMENT_CHUNKS.background
    const isChecked = blobs.batch !== undefined
    const merger = new ChunkMerger({ chunks, segments, manifest, clock, maxBytes: segmentBytes, maxChunks: 2 * segmentChunks, isChecked })
    this.#manifest = manifest
    this.#chunks = chunks
    this.#segments = segments
    this.#reader = new ChunkReader({ chunks, segments, manifest, index: this.#index, end: () => this.#end })
    this.#writer = new ChunkWriter({ blobs, clock, chunks, manifest, manifestKey, path, durability, guard })
    const onMerged = (merged: ChunkCount): void => this.#merged(merged)
    const isBackground = !requestScoped
    const size = { segmentBytes, segmentChunks }
    this.#upkeep = new ChunkUpkeep({ manifest, merger, segments, clock, ...size, hasRetention, isBackground, onMerged })
  }

  async end(refresh = false): Promise<LogEnd> {
    await this.#open()
    if (refresh) await this.#refresh()
    return this.#logEnd()
  }

  async first(): Promise<number> {
    await this.#open()
    return this.#manifest.value.first ?? 0
  }

  async commit(encode: (at: LogEnd) => EncodedFrames | undefined | Promise<EncodedFrames | undefined>): Promise<void> {
    await this.#beforeWrite()
    await this.#open()
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      if (this.#isSealed) throw sealedError()
      const at = this.#end
      const encoding = encode(this.#logEnd())
      const frames = encoding instanceof Promise ? await encoding : encoding
      // What a stale end refuses may be right at the real one, and the other way round.
      if (frames === undefined) {
        await this.#refresh()
        if (this.#end.chunk === at.chunk) return
        continue
      }
      if (await this.#put(frames, at)) return
      await this.#refresh()
      if (attempt > 0) await backOff(this.#options.clock, attempt, BACKOFF)
    }
    throw new StorageError('unavailable', 'too many writers extended the log at once', {
      operation: 'append',
      facts: { attempts: MAX_ATTEMPTS },
    })
  }

  async propose(encode: (at: LogEnd) => EncodedFrames | Promise<EncodedFrames>, writeId: Uint8Array): Promise<Proposal> {
    await this.#beforeWrite()
    await this.#open()
    if (this.#isSealed) throw sealedError()
    const at = this.#end
    const frames = await encode(this.#logEnd())
    return {
      writes: this.#writer.propose(at.chunk, frames.bytes, writeId),
      durability: this.#options.durability,
      isStored: () => this.#writer.isStored(at.chunk, writeId),
      stored: () => this.#stored(frames, at),
      lost: async () => {
        await this.#refresh()
        await this.#writer.checkAlive()
      },
    }
  }

  /** A put is the commit: nothing is left to sync. */
  sync(): Promise<void> {
    return Promise.resolve()
  }

  /** One strict put behind the relaxed ones: what commits into one log of transactions is durable up to there then. */
  async flush(): Promise<void> {
    await this.#upkeep.settled()
    if (!this.#isRelaxed || this.#written <= this.#durable || !(await this.#writer.isAlive())) return
    const durable = this.#end.next
    await this.#manifest.change((manifest) => ({ ...manifest, durable: Math.max(durable, manifest.durable ?? 0) }))
    this.#durable = Math.max(durable, this.#durable)
  }

  async read(from: number, limit: number, maxBytes: number): Promise<FrameBlock | undefined> {
    await this.#open()
    return this.#lookingAgain(() => this.#reader.read(from, limit, maxBytes))
  }

  async offsetAt(time: number): Promise<number> {
    await this.end(true)
    return this.#lookingAgain(() => this.#reader.offsetAt(time))
  }

  async offsetAtBytes(bytes: number): Promise<number> {
    await this.end(true)
    return this.#lookingAgain(() => this.#reader.offsetAtBytes(bytes))
  }

  /** Nobody drops a tail of chunks, so positions never go back, unless the log itself is shorter than they say. */
  rewindTo(next: number): number {
    return Math.min(next, this.#end.next)
  }

  /** Without merged chunks that wait to be deleted. */
  async stats(): Promise<LogStats> {
    await this.end(true)
    const { segments, merged } = this.#manifest.value
    let bytes = segments.reduce((sum, { closed }) => sum + closed.length + closed.footer, 0)
    for await (const chunk of this.#chunks.list(merged.chunk)) bytes += chunk.bytes
    return { bytes, segments: segments.length + this.#end.chunk - merged.chunk }
  }

  async close(): Promise<void> {
    try {
      await this.flush()
    } finally {
      await this.#upkeep.close()
    }
  }

  async segments(): Promise<readonly LogSegment[]> {
    await this.#open()
    return this.#manifest.value.segments.map(logSegment)
  }

  async roll(): Promise<void> {
    await this.#beforeWrite()
    await this.end(true)
    await this.#upkeep.roll(this.#end.chunk)
  }

  async trim(before: number): Promise<void> {
    await this.#beforeWrite()
    const { next } = await this.end(true)
    let dropped: readonly string[] = []
    await this.#manifest.change((manifest) => {
      const trimmed = trimManifest(manifest, Math.min(before, next))
      const kept = new Set(trimmed.segments.map(({ name }) => name))
      dropped = manifest.segments.flatMap(({ name }) => (kept.has(name) ? [] : [name]))
      return dropped.length > 0 || trimmed.first !== (manifest.first ?? 0) ? trimmed : undefined
    })
    await this.#segments.delete(dropped)
    await this.#maintain({ chunks: 0, bytes: 0 }) // chunks below are dropped in a merge
  }

  async replace(name: string, frames: AsyncIterable<WholeFrame>): Promise<void> {
    await this.#open()
    await this.#beforeWrite()
    const { base, createdAt, sequence, closed } = this.#sealed(name)
    const { next, timestamp, sealedAt } = closed
    const built = await this.#segments.build({ sequence, base, createdAt, next, timestamp, sealedAt }, frames)
    for (let attempt = 0; attempt < MAX_REPLACES; attempt++) {
      const number = this.#manifest.value.sequence + 1
      const segment = built.closed.records === 0 ? undefined : await this.#segments.store(built, number)
      const isStored = await this.#manifest.change((manifest) => {
        const isSame = manifest.sequence === number - 1 && manifest.segments.some((entry) => entry.name === name)
        return isSame ? { ...replaceSegment(manifest, name, segment), sequence: number } : undefined
      })
      const isReplaced = isStored || isListed(this.#manifest.value, segment)
      await this.#segments.delete(isReplaced ? [name] : segment === undefined ? [] : [segment.name])
      if (isReplaced) return
      this.#sealed(name)
    }
    throw new StorageError('unavailable', 'others change the segments of the log', { operation: 'compact', facts: { name } })
  }

  async *frames(name: string): AsyncGenerator<WholeFrame> {
    await this.#open()
    const entry = this.#sealed(name)
    try {
      yield* this.#segments.frames(entry)
    } catch (error) {
      if (!isStorageError(error, 'missing')) throw error
      await this.#manifest.read()
      throw this.#manifest.value.segments.some((one) => one.name === name) ? lost(error) : error
    }
  }

  /** The last chunk of the log says so: every other writer wants its number, and meets it. */
  async seal(): Promise<void> {
    await this.end(true)
    if (this.#isSealed) return
    try {
      await this.commit((at) => ({ ...encodeControlFrame({ kind: 'seal' }, at), next: at.next, timestamp: at.timestamp }))
    } catch (error) {
      if (!(this.#isSealed && isStorageError(error, 'closed'))) throw error
    }
    this.#isSealed = true
  }

  #logEnd(): LogEnd {
    const { next, chain, timestamp } = this.#end
    const durable = this.#isRelaxed ? Math.max(this.#durable, next - MAX_UNSYNCED_RECORDS) : next
    return { next, chain, timestamp, durable, epoch: CHUNK_EPOCH, salt: this.#salt, isSealed: this.#isSealed }
  }

  #sealed(name: string): SealedSegment {
    const entry = this.#manifest.value.segments.find((one) => one.name === name)
    if (entry !== undefined) return entry
    throw new StorageError('missing', 'there is no such closed segment', { facts: { path: this.#segments.path(name) } })
  }

  // The end

  #open(): Promise<void> {
    return this.#opened.get()
  }

  /** The manifest, a listing of what comes behind it, the last chunk: a cold open costs two reads and one list. */
  async #findEnd(): Promise<void> {
    let look = 0
    while (!(await this.#lookForEnd())) {
      if (++look < MAX_LOOKS) continue
      throw new StorageError('unavailable', 'the log changes too quickly to be opened', { operation: 'open', key: this.#options.path })
    }
    const { durable = 0 } = this.#manifest.value
    const { chunk, next } = this.#end
    this.#durable = durable
    if (next >= durable) return
    throw new StorageError('corrupt', 'a chunk of the log is missing', { key: this.#chunks.key(chunk), facts: { firstOffset: next } })
  }

  /** False when chunks were merged on the way. */
  async #lookForEnd(): Promise<boolean> {
    await this.#manifest.read()
    const { merged, places } = this.#manifest.value
    for (const [chunk, base] of places) this.#index.note({ chunk, base })
    const last = await this.#lastListed(Math.max(merged.chunk, (places[places.length - 1]?.[0] ?? 0) - 1))
    const isThere = await this.#advance(last ?? merged.chunk)
    return isThere === (last !== undefined) && this.#manifest.value.merged.chunk === merged.chunk
  }

  async #lastListed(from: number): Promise<number | undefined> {
    let last: number | undefined
    let bytes = 0
    for await (const listed of this.#chunks.list(from)) {
      last = listed.chunk
      bytes += listed.bytes
    }
    const { merged } = this.#manifest.value
    if (last === undefined && from > merged.chunk) return this.#lastListed(merged.chunk) // a hint outlived its chunks
    this.#unmergedBytes = bytes
    return last
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

  /** Makes chunk `number`, or one behind it, the last one; false when there is none. */
  async #advance(number: number): Promise<boolean> {
    const block = await this.#chunks.find(number)
    if (this.#isDoubtful(block)) await this.#manifest.read()
    if (number < this.#manifest.value.merged.chunk) return true
    if (block === undefined) return false
    if (number < this.#end.chunk) return true
    const first = block.frames[0] as FrameHeader
    const last = block.frames[block.frames.length - 1] as FrameHeader
    this.#index.note({ chunk: number, base: first.baseOffset })
    this.#moveEnd({ chunk: number + 1, next: last.next, chain: last.headerCrc, timestamp: last.timestamp }, block.bytes.length)
    if (isSeal(block)) this.#isSealed = true
    return true
  }

  /**
   * Whether there is more to ask before an answer counts: a chunk that is not there may have been merged; one that is
   * may have been put by somebody as late as we are, where a put cannot check the manifest.
   */
  #isDoubtful(block: FrameBlock | undefined): boolean {
    const isChecked = this.#options.blobs.batch !== undefined
    return isChecked ? block === undefined : isStale(this.#options.clock, this.#manifest.knownAt)
  }

  /** The manifest says something new: the log goes on behind what was merged, here or elsewhere. */
  #adopt(): void {
    const { merged, sealed } = this.#manifest.value
    this.#index.note({ chunk: merged.chunk, base: merged.next })
    if (sealed) this.#isSealed = true
    if (merged.chunk <= this.#end.chunk) return
    this.#unmergedBytes = 0
    this.#moveEnd(merged, 0)
  }

  #moveEnd(end: ChunkEnd, bytes: number): void {
    this.#end = { ...end, timestamp: Math.max(this.#end.timestamp, end.timestamp) }
    this.#unmergedBytes += bytes
  }

  // Writing

  async #beforeWrite(): Promise<void> {
    if (this.#writable) return
    await this.#options.beforeWrite()
    this.#writable = true
  }

  /** True when the chunk is stored; false when the log goes on from elsewhere. */
  async #put(frames: EncodedFrames, at: ChunkEnd): Promise<boolean> {
    if ((await this.#writer.put(at.chunk, frames.bytes)) === 'lost') return false
    await this.#stored(frames, at)
    return true
  }

  async #stored(frames: EncodedFrames, { chunk, next }: ChunkEnd): Promise<void> {
    const before = this.#unmerged()
    this.#index.note({ chunk, base: next })
    const end = { chunk: chunk + 1, next: frames.next, chain: frames.chain, timestamp: frames.timestamp }
    this.#written = frames.next
    if (this.#end.chunk === chunk) this.#moveEnd(end, frames.bytes.length) // else a reader was there first
    await this.#maintain(before)
    const { chunks } = this.#unmerged()
    if (chunks >= HINT_EVERY_CHUNKS && this.#end.chunk % HINT_EVERY_CHUNKS === 0) await this.#leaveHint()
  }

  #maintain(before: ChunkCount): Promise<void> {
    return this.#upkeep.committed(
      before,
      () => this.#unmerged(),
      () => this.#end.chunk,
    )
  }

  #unmerged(): ChunkCount {
    return { chunks: this.#end.chunk - this.#manifest.value.merged.chunk, bytes: this.#unmergedBytes }
  }

  #merged({ bytes }: ChunkCount): void {
    this.rolled++
    this.#unmergedBytes = Math.max(0, this.#unmergedBytes - bytes)
  }

  /** Costs speed only when it fails: the record is stored. */
  async #leaveHint(): Promise<void> {
    const { chunk, next } = this.#end
    try {
      await this.#manifest.change((manifest) => withPlace(manifest, chunk, next), this.#options.durability)
    } catch (error) {
      if (!isStorageError(error)) throw error
    }
  }

  /** What is missing was merged, replaced or dropped, or the log is damaged. */
  async #lookingAgain<T>(task: () => Promise<T>): Promise<T> {
    for (let look = 0; ; look++) {
      const { version } = this.#manifest
      try {
        return await task()
      } catch (error) {
        const isRetired = isStorageError(error, 'unavailable') && look === 0
        const isGone = isStorageError(error, 'missing')
        if (look >= MAX_LOOKS || !(isGone || isRetired)) throw error
        await this.#manifest.read()
        if (isGone && this.#manifest.version === version) throw lost(error)
      }
    }
  }
}

function sealedError(): StorageError {
  return new StorageError('closed', 'the log was sealed: no append follows', { operation: 'append' })
}

function lost({ message, key, facts }: StorageError): StorageError {
  return new StorageError('corrupt', message, { key, facts })
}

function segmentBytesOf({ blobs, segmentBytes }: ChunkLogOptions): number {
  const { durable, maxBlobBytes } = blobs.traits
  return Math.min(segmentBytes ?? (durable === 'remote' ? 8 : 4) * MIB, Math.floor(maxBlobBytes / 2))
}
