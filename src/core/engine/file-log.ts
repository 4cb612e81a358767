// A log of segment files with one owner. Nothing is ever truncated, and no file is appended to by two writer sessions: what
// a session leaves behind is scanned, its valid length goes into the manifest, and the next one begins a new file.

import { utf8 } from '../base/bytes.js'
import type { Clock } from '../base/clock.js'
import { isStorageError, StorageError } from '../base/errors.js'
import { Mutex } from '../base/mutex.js'
import { Once } from '../base/once.js'
import { murmur3 } from '../codec/murmur3.js'
import type { BlobStore } from '../ports/blob-store.js'
import type { FileStore } from '../ports/file-store.js'
import { Cell } from './cell.js'
import { FileRecovery } from './file-recovery.js'
import { type ActiveSegment, FileSegments } from './file-segments.js'
import type { FrameFormat } from './frame-format.js'
import type { EncodedFrames, FrameBlock, Log, LogEnd, LogSegment, LogStats, WholeFrame } from './log.js'
import {
  beginEpoch,
  closeSegment,
  EMPTY_MANIFEST,
  isSealed,
  logSegment,
  type LogManifest,
  nextEpoch,
  replaceSegment,
  rewindTo,
  type SealedEnd,
  type SealedSegment,
  type SegmentEnd,
  type SegmentEntry,
  segmentAt,
  trimManifest,
} from './log-manifest.js'
import { SALT_BYTES } from './segment.js'
import { framesOf, lostSegment } from './segment-frames.js'
import type { SegmentReader } from './segment-reader.js'

export interface FileLogOptions {
  readonly files: FileStore
  readonly blobs: BlobStore
  readonly clock: Clock
  /** Prefix of its files and blobs: incarnation and bucket. */
  readonly path: string
  readonly format: FrameFormat
  readonly segmentBytes: number
  /** false: looks beside a running writer, repairs nothing, stops at the last valid frame. */
  readonly writable: boolean
  /** Resolves when this process may write (and has the store's lock). */
  readonly beforeWrite: () => Promise<void>
  /** Records are acknowledged before they are synced: after a failed sync they are committed again. */
  readonly keepsUnsynced?: boolean
}

/** A segment that grows slowly is followed by the next after this time, so that retention by age can drop it. */
const MAX_SEGMENT_AGE_MS = 20 * 24 * 3_600_000
const STATE_EVERY_BYTES = 4 * 1024 * 1024

export class FileLog implements Log {
  readonly durability = { written: 'os', synced: 'disk' } as const
  readonly readsAhead = true
  readonly format: FrameFormat
  rolled = 0
  readonly #options: FileLogOptions
  readonly #manifestCell: Cell<LogManifest>
  readonly #segments: FileSegments
  readonly #recovery: FileRecovery
  /** Appending, beginning and ending a segment: one at a time. */
  readonly #writing = new Mutex()
  /** Changes of the manifest: one at a time. */
  readonly #changing = new Mutex()
  #manifest = EMPTY_MANIFEST
  readonly #opened = new Once(() => this.#load())
  /** Of this writer session; undefined until the first commit, and after a failure. */
  #active: ActiveSegment | undefined
  #written: SegmentEnd = { length: 0, next: 0, chain: 0, timestamp: 0 }
  #synced: SegmentEnd = this.#written
  #stateAt = 0
  #closed = false

  constructor(options: FileLogOptions) {
    this.#options = options
    const { blobs, clock, path, files, format, writable } = options
    this.format = format
    this.#manifestCell = new Cell({ blobs, clock, key: `${path}/manifest` })
    const place = murmur3(utf8(path))
    this.#segments = new FileSegments({ files, format, path, place })
    this.#recovery = new FileRecovery({ segments: this.#segments, format, place, bootId: () => files.bootId(), writable })
  }

  async end(refresh = false): Promise<LogEnd> {
    if (refresh && !this.#options.writable) await this.#lookAgain()
    else await this.#open()
    return this.#end()
  }

  async first(): Promise<number> {
    await this.#open()
    return this.#manifest.first ?? 0
  }

  async commit(encode: (at: LogEnd) => EncodedFrames | undefined | Promise<EncodedFrames | undefined>): Promise<void> {
    await this.#open()
    await this.#writing.run(async () => {
      for (;;) {
        const active = await this.#writableSegment()
        const encoding = encode({ ...this.#end(), salt: active.salt })
        const frames = encoding instanceof Promise ? await encoding : encoding
        if (frames === undefined) return
        if (this.#active === active) return this.#append(active, frames)
      }
    })
  }

  async sync(): Promise<void> {
    const active = this.#active
    const written = this.#written
    if (active === undefined || this.#synced.next === written.next) return
    try {
      await active.file.sync('strict')
    } catch (error) {
      if (this.#active !== active && this.#synced.next >= written.next) return // the segment was ended meanwhile, and synced then
      await this.#abandon()
      throw error
    }
    if (written.next > this.#synced.next) this.#synced = written
  }

  async read(from: number, limit: number, maxBytes: number): Promise<FrameBlock | undefined> {
    await this.#open()
    try {
      return await this.#read(from, limit, maxBytes)
    } catch (error) {
      const isBeside = !this.#options.writable && isStorageError(error, 'corrupt')
      if (!isBeside && !isStorageError(error, 'unavailable')) throw error
      if (isBeside) await this.#lookAgain() // the owner may have replaced or dropped the segment since
      return this.#read(from, limit, maxBytes)
    }
  }

  async offsetAt(time: number): Promise<number> {
    await this.#open()
    for (const entry of this.#manifest.segments) {
      const end = this.#endOf(entry)
      if (end.timestamp < time || end.next === entry.base) continue
      const found = await (await this.#reader(entry)).offsetAt(time, end.length)
      if (found !== undefined) return found
    }
    return this.#written.next
  }

  async offsetAtBytes(bytes: number): Promise<number> {
    await this.#open()
    let room = bytes
    let first = this.#written.next
    for (const entry of [...this.#manifest.segments].reverse()) {
      const { length } = this.#endOf(entry)
      if (length > room) return (await (await this.#reader(entry)).offsetFrom(length - room)) ?? first
      room -= length
      first = entry.base
    }
    return first
  }

  rewindTo(next: number, epoch: number): number {
    return Math.min(rewindTo(this.#manifest, next, epoch), this.#written.next)
  }

  async stats(): Promise<LogStats> {
    await this.#open()
    const { segments } = this.#manifest
    const bytes = segments.reduce((sum, entry) => sum + this.#endOf(entry).length + (entry.closed?.footer ?? 0), 0)
    return { bytes, segments: segments.length }
  }

  async segments(): Promise<readonly LogSegment[]> {
    await this.#open()
    return this.#manifest.segments.filter(isSealed).map(logSegment)
  }

  async roll(): Promise<void> {
    await this.#open()
    await this.#writing.run(async () => {
      if (this.#active !== undefined && this.#written.next > this.#active.entry.base) await this.#endSegment()
    })
  }

  async trim(before: number): Promise<void> {
    await this.#open()
    await this.#options.beforeWrite()
    const known = this.#manifest.segments
    await this.#change((manifest) => trimManifest(manifest, before))
    const kept = new Set(this.#manifest.segments.map(({ name }) => name))
    for (const { name } of known) if (!kept.has(name)) await this.#segments.delete(name)
  }

  async replace(name: string, frames: AsyncIterable<WholeFrame>): Promise<void> {
    await this.#open()
    await this.#options.beforeWrite()
    const rewritten = await this.#segments.rewrite(this.#sealed(name), frames, this.#manifest.epoch)
    const isEmpty = rewritten.closed.records === 0 && name !== this.#last()?.name // the last one tells where the log ends
    await this.#change((manifest) => replaceSegment(manifest, name, isEmpty ? undefined : rewritten))
    await this.#segments.delete(name)
    if (isEmpty) await this.#segments.delete(rewritten.name)
  }

  async *frames(name: string): AsyncGenerator<WholeFrame> {
    await this.#open()
    const entry = this.#sealed(name)
    yield* framesOf(await this.#reader(entry), entry.closed.length, this.#segments.path(name))
  }

  async seal(): Promise<void> {
    await this.#open()
    await this.#writing.run(async () => {
      if (this.#manifest.sealed === true) return
      await this.#writableSegment()
      await this.#endSegment((manifest) => ({ ...manifest, sealed: true }))
    })
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    try {
      await this.#writing.run(() => this.#endSegment())
    } finally {
      await this.#segments.close()
    }
  }

  async #read(from: number, limit: number, maxBytes: number): Promise<FrameBlock | undefined> {
    const { segments } = this.#manifest
    for (let at = segmentAt(segments, from, (entry) => this.#endOf(entry)); at < segments.length; at++) {
      const entry = segments[at] as SegmentEntry
      if (Math.max(from, entry.base) >= limit) return undefined
      const block = await (await this.#reader(entry)).read(from, limit, this.#endOf(entry).length, maxBytes)
      if (block !== undefined) return block
    }
    return undefined
  }

  #end(): LogEnd {
    const { next, chain, timestamp } = this.#written
    const salt = this.#active?.salt ?? NO_SALT
    const { epoch, sealed: isSealed = false } = this.#manifest
    return { next, chain, timestamp, salt, durable: this.#synced.next, epoch, isSealed }
  }

  #endOf(entry: SegmentEntry): SegmentEnd {
    return entry.closed ?? this.#written
  }

  // Opening

  #open(): Promise<void> {
    return this.#opened.get()
  }

  async #load(): Promise<void> {
    this.#manifest = (await this.#manifestCell.read()).value ?? EMPTY_MANIFEST
    if (this.#options.writable && this.#hasOpenSegment()) await this.#takeOver()
    const last = this.#last()
    if (last === undefined) return
    const end = last.closed ?? (await this.#recovery.endOf(last, this.#manifest.durable))
    this.#written = end
    this.#synced = end
  }

  /**
   * A segment that nobody closed may have an owner who only sleeps. From now on that one can enter nothing more: what it had
   * entered is in the manifest that this one goes on from, and where the segment is found to end it ends for good.
   */
  async #takeOver(): Promise<void> {
    await this.#options.beforeWrite()
    this.#manifest = (await this.#manifestCell.update((stored = EMPTY_MANIFEST) => nextEpoch(stored))) ?? EMPTY_MANIFEST
  }

  /** A reader beside the writer: the manifest may have changed, the last segment may have grown. */
  async #lookAgain(): Promise<void> {
    const last = this.#last()
    if (last !== undefined) await this.#segments.retire(last.name)
    await this.#load()
    this.#opened.set()
  }

  // Writing

  async #append(active: ActiveSegment, frames: EncodedFrames): Promise<void> {
    try {
      const position = await active.file.append(frames.bytes)
      if (this.#active !== active)
        throw new StorageError('unavailable', 'a sync failed while this was being written', { operation: 'append' })
      const length = position + frames.bytes.length
      const skipped = (this.#written.skipped ?? 0) + (frames.skipped ?? 0)
      this.#written = { length, next: frames.next, chain: frames.chain, timestamp: frames.timestamp, skipped }
      active.reader.index.note(frames.next, length, frames.timestamp)
      if (length - this.#stateAt >= STATE_EVERY_BYTES) await this.#appendState(active)
    } catch (error) {
      await this.sync().catch(() => {}) // what was acknowledged before must not go with a write that found no room
      await this.#abandon()
      throw error
    }
  }

  /** A durable mark that does not hang on the frames around it. */
  async #appendState(active: ActiveSegment): Promise<void> {
    const bootId = (await this.#options.files.bootId()) ?? null
    const state = { kind: 'state', durable: this.#synced.next, bootId } as const
    const { bytes, chain } = this.format.encodeControlFrame(state, { ...this.#end(), salt: active.salt })
    const position = await active.file.append(bytes)
    if (this.#active !== active) return
    this.#stateAt = position
    this.#written = { ...this.#written, length: position + bytes.length, chain }
  }

  /** The segment to append to: this session's open one, or a new one when there is none or it is full. */
  async #writableSegment(): Promise<ActiveSegment> {
    if (this.#closed) throw new StorageError('closed', 'the log is closed', { operation: 'append' })
    if (this.#manifest.sealed === true) throw new StorageError('closed', 'the log was sealed: no append follows', { operation: 'append' })
    if (this.#active === undefined) return this.#beginSegment()
    const { segmentBytes, clock } = this.#options
    const isFull = this.#written.length >= segmentBytes || clock.now() - this.#active.entry.createdAt > MAX_SEGMENT_AGE_MS
    if (!isFull) return this.#active
    const close = await this.#closing(this.#active)
    this.rolled++
    return this.#beginSegment(close)
  }

  /** The manifest names the file only when its beginning is on disk; then frames follow. Every session has an epoch. */
  async #beginSegment(close?: (manifest: LogManifest) => LogManifest): Promise<ActiveSegment> {
    await this.#options.beforeWrite()
    const prepare = close ?? ((manifest: LogManifest) => this.#beginSession(manifest))
    const { epoch, segments } = prepare(this.#manifest)
    const sequence = (segments[segments.length - 1]?.sequence ?? -1) + 1
    const createdAt = this.#options.clock.now()
    const segment = { sequence, base: this.#written.next, createdAt, epoch, previousChain: this.#written.chain }
    const begun = await this.#segments.begin(segment, { ...this.#written, durable: this.#synced.next })
    try {
      await this.#change((manifest) => {
        const prepared = prepare(manifest)
        return { ...prepared, durable: this.#synced.next, segments: [...prepared.segments, begun.entry] }
      })
    } catch (error) {
      await begun.file.close().catch(() => {})
      throw error
    }
    await this.#active?.reader.retire()
    this.#written = { ...this.#written, length: begun.length, chain: begun.chain, skipped: 0 }
    this.#synced = this.#written
    this.#stateAt = begun.length
    this.#active = begun
    return begun
  }

  /** What the last session left open is closed where it was found to end. */
  #beginSession(manifest: LogManifest): LogManifest {
    const last = manifest.segments[manifest.segments.length - 1]
    if (last === undefined || last.closed !== undefined) return nextEpoch(manifest)
    const end = this.#sealedEnd(last, this.#written, 0)
    return beginEpoch(closeSegment(manifest, last.name, end), this.#written.next)
  }

  /** Syncs the segment and puts its index behind it. Resolves to the change of the manifest that closes it. */
  async #closing(active: ActiveSegment): Promise<(manifest: LogManifest) => LogManifest> {
    await this.sync()
    const end = this.#sealedEnd(active.entry, this.#synced, await this.#appendFooter(active))
    return (manifest) => ({ ...closeSegment(manifest, active.entry.name, end), durable: end.next })
  }

  #sealedEnd({ base }: SegmentEntry, end: SegmentEnd, footer: number): SealedEnd {
    const { skipped = 0, ...rest } = end
    const records = skipped === 0 ? {} : { records: rest.next - base - skipped }
    return { ...rest, ...records, sealedAt: this.#options.clock.now(), footer }
  }

  /** Not synced: a footer that is lost, or cannot be written, costs time only. */
  async #appendFooter({ file, reader, entry }: ActiveSegment): Promise<number> {
    const { length, next, chain, timestamp, skipped = 0 } = this.#synced
    const records = next - entry.base - skipped
    const footer = this.format.encodeFooter(reader.index, { base: entry.base, length, next, chain, timestamp, records })
    try {
      await file.append(footer)
      return footer.length
    } catch {
      return 0
    }
  }

  /** Closes the segment for good, so that nobody need scan it. */
  async #endSegment(also: (manifest: LogManifest) => LogManifest = (manifest) => manifest): Promise<void> {
    const active = this.#active
    if (active === undefined) return
    const close = await this.#closing(active)
    await this.#change((manifest) => also(close(manifest)))
    this.#active = undefined
    await active.reader.retire()
  }

  /**
   * After a failed write or sync the file is not trusted again: its valid length ends at what is durable, and the next
   * commit begins a new file there.
   */
  async #abandon(): Promise<void> {
    const active = this.#active
    if (active === undefined) return
    this.#active = undefined
    this.#written = this.#synced
    await active.reader.retire().catch(() => {})
    if (!this.#options.keepsUnsynced) await this.#closeAbandoned(active).catch(() => {}) // the next commit does it
  }

  /**
   * A later session may read what is not on disk, and its sync says that all is well: the system tells of a lost page once.
   * So the end is written down. Where unsynced records were acknowledged, they have to be in the next segment first.
   */
  async #closeAbandoned({ entry }: ActiveSegment): Promise<void> {
    const end = { ...this.#synced, sealedAt: this.#options.clock.now(), footer: 0 }
    await this.#change((manifest) => {
      const isOpen = manifest.segments.some((one) => one.name === entry.name && one.closed === undefined)
      return isOpen ? closeSegment(manifest, entry.name, end) : manifest
    })
  }

  // The manifest

  #last(): SegmentEntry | undefined {
    return this.#manifest.segments[this.#manifest.segments.length - 1]
  }

  #hasOpenSegment(): boolean {
    const last = this.#last()
    return last !== undefined && last.closed === undefined
  }

  #sealed(name: string): SealedSegment {
    const entry = this.#manifest.segments.find((one) => one.name === name)
    if (entry !== undefined && isSealed(entry)) return entry
    throw new StorageError('missing', 'there is no such closed segment', { facts: { path: this.#segments.path(name) } })
  }

  /** One change at a time, each from what the one before left. */
  #change(change: (manifest: LogManifest) => LogManifest): Promise<void> {
    return this.#changing.run(async () => {
      const manifest = change(this.#manifest)
      await this.#manifestCell.update((stored) => {
        if ((stored?.epoch ?? 0) > manifest.epoch) {
          throw new StorageError('fenced', 'a newer writer took the log over', { facts: { epoch: manifest.epoch, newest: stored?.epoch } })
        }
        return manifest
      })
      this.#manifest = manifest
    })
  }

  /** A file that the manifest names is there, or the log is damaged. */
  async #reader(entry: SegmentEntry): Promise<SegmentReader> {
    if (entry.name === this.#active?.entry.name) return this.#active.reader
    const reader = await this.#segments.open(entry)
    if (reader === undefined) throw lostSegment(this.#segments.path(entry.name), entry, this.#endOf(entry).next)
    return reader
  }
}

const NO_SALT = new Uint8Array(SALT_BYTES)
