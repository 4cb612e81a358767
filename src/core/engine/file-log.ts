// A log of segment files with one owner. Nothing is ever truncated, and no file is appended to by two writer sessions: what
// a session leaves behind is scanned, its valid length goes into the manifest, and the next one begins a new file.

import { toHex, utf8 } from '../base/bytes.js'
import type { Clock } from '../base/clock.js'
import { isStorageError, StorageError } from '../base/errors.js'
import { murmur3 } from '../codec/murmur3.js'
import { newSalt } from '../codec/envelope.js'
import type { BlobStore } from '../ports/blob-store.js'
import type { AppendFile, FileStore } from '../ports/file-store.js'
import { Cell } from './cell.js'
import type { EncodedFrames, FrameBlock, Log, LogEnd, LogStats } from './log.js'
import { beginEpoch, closeSegment, EMPTY_MANIFEST, type LogManifest, rewindTo, type SegmentEntry } from './log-manifest.js'
import { encodeControlFrame, encodeSegmentHeader, SALT_BYTES } from './segment.js'
import { SegmentReader } from './segment-reader.js'
import { beginScan, inspectRest, judgeEnd, type ScannedSegment, scanSegment } from './segment-scan.js'

export interface FileLogOptions {
  readonly files: FileStore
  readonly blobs: BlobStore
  readonly clock: Clock
  /** Prefix of its files and blobs: incarnation and bucket. */
  readonly path: string
  readonly segmentBytes: number
  /** false: looks beside a running writer, repairs nothing, stops at the last valid frame. */
  readonly writable: boolean
  /** Resolves when this process may write (and has the store's lock). */
  readonly beforeWrite: () => Promise<void>
}

const OPEN_READERS = 16

/** Where the last segment ends. */
interface SegmentEnd {
  readonly length: number
  readonly next: number
  readonly chain: number
  readonly timestamp: number
}

interface ActiveSegment {
  readonly entry: SegmentEntry
  readonly file: AppendFile
  readonly salt: Uint8Array
  readonly reader: SegmentReader
}

export class FileLog implements Log {
  readonly durability = { written: 'os', synced: 'disk' } as const
  readonly #options: FileLogOptions
  readonly #manifestCell: Cell<LogManifest>
  readonly #place: number
  readonly #readers = new Map<string, Promise<SegmentReader>>()
  #manifest = EMPTY_MANIFEST
  #opened: Promise<void> | undefined
  /** Of the last segment while nobody closed it: where the next look goes on. */
  #scanned: { readonly name: string; readonly end: ScannedSegment } | undefined
  /** Of this writer session; undefined until the first commit, and after a failure. */
  #active: ActiveSegment | undefined
  #written: SegmentEnd = { length: 0, next: 0, chain: 0, timestamp: 0 }
  #synced: SegmentEnd = this.#written
  #closed = false

  constructor(options: FileLogOptions) {
    this.#options = options
    const { blobs, clock, path } = options
    this.#manifestCell = new Cell({ blobs, clock, key: `${path}/manifest` })
    this.#place = murmur3(utf8(path))
  }

  async end(refresh = false): Promise<LogEnd> {
    if (refresh && !this.#options.writable) await this.#lookAgain()
    else await this.#open()
    return this.#end()
  }

  async first(): Promise<number> {
    await this.#open()
    return this.#manifest.segments[0]?.base ?? 0
  }

  async commit(encode: (at: LogEnd) => EncodedFrames | undefined): Promise<void> {
    await this.#open()
    const active = await this.#writableSegment()
    const frames = encode({ ...this.#end(), salt: active.salt })
    if (frames === undefined) return
    try {
      const position = await active.file.append(frames.bytes)
      if (this.#active !== active)
        throw new StorageError('unavailable', 'a sync failed while this was being written', { operation: 'append' })
      this.#written = { length: position + frames.bytes.length, next: frames.next, chain: frames.chain, timestamp: frames.timestamp }
      active.reader.note(frames.next, this.#written.length)
    } catch (error) {
      await this.#abandon()
      throw error
    }
  }

  async sync(): Promise<void> {
    const active = this.#active
    const written = this.#written
    if (active === undefined || this.#synced.next === written.next) return
    try {
      await active.file.sync('strict')
    } catch (error) {
      await this.#abandon()
      throw error
    }
    if (written.next > this.#synced.next) this.#synced = written
  }

  async read(from: number, limit: number, maxBytes: number): Promise<FrameBlock | undefined> {
    await this.#open()
    const { segments } = this.#manifest
    for (let index = segments.length - 1; index >= 0; index--) {
      const entry = segments[index] as SegmentEntry
      if (entry.base > from) continue
      const end = entry.closed ?? this.#written
      if (from >= Math.min(end.next, limit)) return undefined
      const reader = await this.#existing(entry)
      return reader.read(from, limit, end.length, maxBytes)
    }
    return undefined
  }

  async offsetAt(time: number): Promise<number> {
    await this.#open()
    for (const entry of this.#manifest.segments) {
      const end = entry.closed ?? this.#written
      if (end.timestamp < time || end.next === entry.base) continue
      const found = await (await this.#existing(entry)).offsetAt(time, end.length)
      if (found !== undefined) return found
    }
    return this.#written.next
  }

  rewindTo(next: number, epoch: number): number {
    return Math.min(rewindTo(this.#manifest, next, epoch), this.#written.next)
  }

  async stats(): Promise<LogStats> {
    await this.#open()
    const { segments } = this.#manifest
    const bytes = segments.reduce((sum, entry) => sum + (entry.closed ?? this.#written).length, 0)
    return { bytes, segments: segments.length }
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    try {
      if (this.#active !== undefined) await this.#endSession()
    } finally {
      await this.#retireReaders()
    }
  }

  #end(): LogEnd {
    const { next, chain, timestamp } = this.#written
    const salt = this.#active?.salt ?? NO_SALT
    return { next, chain, timestamp, salt, durable: this.#synced.next, epoch: this.#manifest.epoch }
  }

  // Opening

  #open(): Promise<void> {
    this.#opened ??= this.#load().catch((error) => {
      this.#opened = undefined
      throw error
    })
    return this.#opened
  }

  async #load(): Promise<void> {
    this.#manifest = (await this.#manifestCell.read()).value ?? EMPTY_MANIFEST
    const last = this.#manifest.segments[this.#manifest.segments.length - 1]
    if (last === undefined) return
    this.#written = last.closed ?? (await this.#recover(last))
    this.#synced = this.#written
  }

  /** A reader beside the writer: the manifest may have changed, the last segment may have grown. */
  async #lookAgain(): Promise<void> {
    await this.#retireReaders()
    await this.#load()
    this.#opened = Promise.resolve()
  }

  /** The end of a segment that no session closed. What is found there is synced before anybody calls it durable. */
  async #recover(entry: SegmentEntry): Promise<SegmentEnd> {
    const { writable } = this.#options
    const reader = await this.#reader(entry, writable ? 'append' : 'read').catch((error) => {
      if (isStorageError(error, 'missing')) return undefined
      throw error
    })
    const start = reader === undefined ? undefined : await this.#scanStart(entry, reader.file)
    if (reader === undefined || start === undefined) {
      if (this.#manifest.durable > entry.base) throw this.#lost(entry, this.#manifest.durable)
      return { length: 0, next: entry.base, chain: 0, timestamp: 0 }
    }
    const scanned = await scanSegment(reader.file, start, (frame, position) => reader.note(frame.baseOffset, position))
    this.#scanned = { name: entry.name, end: scanned }
    if (writable) {
      await this.#judge(reader.file, scanned, entry)
      await reader.file.sync('strict')
    }
    return { length: scanned.length, next: scanned.next, chain: scanned.chain, timestamp: scanned.timestamp }
  }

  #scanStart(entry: SegmentEntry, file: AppendFile): Promise<ScannedSegment | undefined> {
    if (this.#scanned?.name !== entry.name) return beginScan(file, this.#place)
    const { fault: _, ...end } = this.#scanned.end
    return Promise.resolve(end)
  }

  async #judge(file: AppendFile, scanned: ScannedSegment, entry: SegmentEntry): Promise<void> {
    const rest = scanned.fault === undefined ? { frames: 0, durable: 0, next: scanned.next } : await inspectRest(file, scanned)
    const bootId = (await this.#options.files.bootId()) ?? null
    judgeEnd(scanned, rest, { durable: this.#manifest.durable, bootId, path: this.#file(entry) })
  }

  #lost(entry: SegmentEntry, durable: number): StorageError {
    return new StorageError('corrupt', 'a log segment that held durable records is gone', {
      operation: 'open',
      facts: { path: this.#file(entry), firstOffset: entry.base, lastOffset: durable - 1 },
    })
  }

  // Writing

  /** The segment to append to: this session's open one, or a new one when there is none or it is full. */
  async #writableSegment(): Promise<ActiveSegment> {
    if (this.#closed) throw new StorageError('closed', 'the log is closed', { operation: 'append' })
    if (this.#active === undefined) return this.#beginSession()
    if (this.#written.length < this.#options.segmentBytes) return this.#active
    await this.sync()
    const { entry } = this.#active
    this.#manifest = { ...closeSegment(this.#manifest, entry.name, this.#synced), durable: this.#synced.next }
    return this.#beginSegment()
  }

  async #beginSession(): Promise<ActiveSegment> {
    await this.#options.beforeWrite()
    const last = this.#manifest.segments[this.#manifest.segments.length - 1]
    if (last !== undefined && last.closed === undefined) this.#manifest = closeSegment(this.#manifest, last.name, this.#written)
    this.#manifest = { ...beginEpoch(this.#manifest, this.#written.next), durable: this.#written.next }
    return this.#beginSegment()
  }

  /** Header and state frame are synced, then the manifest names the file, then frames follow. */
  async #beginSegment(): Promise<ActiveSegment> {
    const { files, clock } = this.#options
    const { epoch, segments } = this.#manifest
    const sequence = (segments[segments.length - 1]?.sequence ?? -1) + 1
    const salt = newSalt(SALT_BYTES)
    // The salt, because a crash or a failure before the manifest is saved leaves a file that a second try must not meet.
    const name = `${String(sequence).padStart(10, '0')}-${epoch}-${toHex(salt)}`
    const entry: SegmentEntry = { name, sequence, base: this.#written.next }
    const header = encodeSegmentHeader({
      sequence,
      baseOffset: entry.base,
      createdAt: clock.now(),
      salt,
      epoch,
      previousChain: this.#written.chain,
      place: this.#place,
    })
    const bootId = (await files.bootId()) ?? null
    const chain = new DataView(header.buffer, header.byteOffset).getUint32(60, true)
    const state = { kind: 'state', durable: this.#synced.next, bootId } as const
    const control = encodeControlFrame(state, { ...this.#end(), epoch, chain, salt })
    const file = await files.open(this.#file(entry), { mode: 'append' })
    try {
      await file.append(header)
      await file.append(control.bytes)
      await file.sync('strict')
      await this.#saveManifest({ ...this.#manifest, segments: [...segments, entry] })
    } catch (error) {
      await file.close().catch(() => {})
      throw error
    }
    this.#written = { ...this.#written, length: header.length + control.bytes.length, chain: control.chain }
    this.#synced = this.#written
    const reader = new SegmentReader({ file, base: entry.base, place: this.#place, path: this.#file(entry), salt })
    this.#active = { entry, file, salt, reader }
    this.#readers.set(entry.name, Promise.resolve(reader))
    return this.#active
  }

  /** Closes the segment for good, so that the next session need not scan it. */
  async #endSession(): Promise<void> {
    await this.sync()
    const active = this.#active
    if (active === undefined) return
    await this.#saveManifest({ ...closeSegment(this.#manifest, active.entry.name, this.#synced), durable: this.#synced.next })
    this.#active = undefined
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
    this.#readers.delete(active.entry.name)
    await active.reader.retire().catch(() => {})
  }

  async #saveManifest(manifest: LogManifest): Promise<void> {
    await this.#manifestCell.update((stored) => {
      if ((stored?.epoch ?? 0) > manifest.epoch) {
        throw new StorageError('fenced', 'a newer writer took the log over', { facts: { epoch: manifest.epoch, newest: stored?.epoch } })
      }
      return manifest
    })
    this.#manifest = manifest
  }

  // Files

  #file(entry: SegmentEntry): string {
    return `${this.#options.path}/seg/${entry.name}`
  }

  /** A file that the manifest names is there, or the log is damaged. */
  #existing(entry: SegmentEntry): Promise<SegmentReader> {
    return this.#reader(entry).catch((error) => {
      throw isStorageError(error, 'missing') ? this.#lost(entry, (entry.closed ?? this.#written).next) : error
    })
  }

  async #reader(entry: SegmentEntry, mode: 'append' | 'read' = 'read'): Promise<SegmentReader> {
    const known = this.#readers.get(entry.name)
    if (known !== undefined) return known
    await this.#makeRoom()
    const path = this.#file(entry)
    const reader = this.#options.files
      .open(path, { mode })
      .then((file) => new SegmentReader({ file, base: entry.base, place: this.#place, path }))
    this.#readers.set(entry.name, reader)
    reader.catch(() => this.#readers.delete(entry.name))
    return reader
  }

  async #makeRoom(): Promise<void> {
    if (this.#readers.size < OPEN_READERS) return
    for (const [name, reader] of this.#readers) {
      if (name === this.#active?.entry.name) continue
      this.#readers.delete(name)
      await (await reader).retire()
      return
    }
  }

  async #retireReaders(): Promise<void> {
    const readers = [...this.#readers.values()]
    this.#readers.clear()
    for (const reader of readers) await (await reader).retire()
  }
}

const NO_SALT = new Uint8Array(SALT_BYTES)
