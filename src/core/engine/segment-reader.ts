// Reads frames of one segment from any offset or time on. Its index comes from the footer, or is filled as frames are
// passed; it is only a hint, every frame's header is checked.

import { StorageError } from '../base/errors.js'
import { Once } from '../base/once.js'
import { type FrameFault, frameError, type FrameHeader } from '../codec/frame.js'
import type { ByteSource } from '../ports/file-store.js'
import type { FrameFormat } from './frame-format.js'
import { borrowMemory } from './frame-memory.js'
import type { FrameBlock } from './frames.js'
import { readFooter, SegmentIndex } from './segment-index.js'

const WINDOW_BYTES = 256 * 1024
/** A longer frame is not read at once because of a hint. */
const LARGEST_HINT_BYTES = 16 * 1024 * 1024

export interface SegmentReaderOptions {
  readonly format: FrameFormat
  readonly source: ByteSource
  readonly base: number
  /** Hash of queue and bucket, as the header must have it. */
  readonly place: number
  readonly path: string
  /** Known where the writer made it; else read from the header. */
  readonly salt?: Uint8Array | undefined
  /** Whether a footer was written. */
  readonly hasFooter?: boolean
}

export class SegmentReader {
  readonly #options: SegmentReaderOptions
  #index: SegmentIndex
  /** Header and footer are read once, before the first read; it gives the salt. */
  readonly #prepared = new Once(() => this.#load())
  #readsInFlight = 0
  #retired: Promise<void> | undefined
  #lastReadEnded = (): void => {}

  constructor(options: SegmentReaderOptions) {
    this.#options = options
    if (options.salt !== undefined) this.#prepared.set(options.salt)
    this.#index = new SegmentIndex({ offset: options.base, position: options.format.segmentHeaderBytes, reached: 0 })
  }

  get format(): FrameFormat {
    return this.#options.format
  }

  get source(): ByteSource {
    return this.#options.source
  }

  get index(): SegmentIndex {
    return this.#index
  }

  /** Closes the source once no read needs it; resolves then. */
  retire(): Promise<void> {
    this.#retired ??= this.#close()
    return this.#retired
  }

  /**
   * Frames from the one that holds `offset` (or is the next behind it) on, of those that end at or before `limit`, inside
   * the first `length` bytes of the file; undefined where there is none.
   */
  read(offset: number, limit: number, length: number, maxBytes: number): Promise<FrameBlock | undefined> {
    return this.#whileOpen(() => this.#read(offset, limit, length, maxBytes))
  }

  /** The first frame whose timestamp reaches `time`, by its base offset; undefined when all are earlier. */
  offsetAt(time: number, length: number): Promise<number | undefined> {
    return this.#whileOpen(() => this.#offsetAt(time, length))
  }

  /** The first offset that is known to begin at or behind `position`; undefined behind the last one known. */
  offsetFrom(position: number): Promise<number | undefined> {
    return this.#whileOpen(async () => {
      await this.#prepared.get()
      return this.#index.offsetFrom(position)
    })
  }

  async #close(): Promise<void> {
    if (this.#readsInFlight > 0) {
      await new Promise<void>((resolve) => {
        this.#lastReadEnded = resolve
      })
    }
    await this.source.close()
  }

  async #whileOpen<T>(task: () => Promise<T>): Promise<T> {
    // Replaced or dropped between being found and being asked: the log looks again.
    if (this.#retired !== undefined) throw new StorageError('unavailable', 'the segment is no longer part of the log')
    this.#readsInFlight++
    try {
      return await task()
    } finally {
      if (--this.#readsInFlight === 0) this.#lastReadEnded()
    }
  }

  async #read(offset: number, limit: number, length: number, maxBytes: number): Promise<FrameBlock | undefined> {
    const salt = await this.#prepared.get()
    const place = this.#index.placeOf(offset)
    let { position } = place
    const hinted = Math.min((place.next ?? position) - position, LARGEST_HINT_BYTES)
    let wanted = Math.max(WINDOW_BYTES, Math.min(maxBytes, 2 * WINDOW_BYTES), hinted)
    let lent: Uint8Array | undefined
    const lend = (bytes: number): Uint8Array => (lent = borrowMemory(bytes))
    while (position < length) {
      const bytes = await this.source.read({ start: position, end: Math.min(position + wanted, length) }, lend)
      const frames = this.#parse(bytes, position, salt, length)
      const isThere = frames.some((frame) => !frame.isControl && frame.next > offset)
      if (isThere) {
        const isBorrowed = bytes.buffer === lent?.buffer
        return { bytes, frames: frames.filter((frame) => frame.next > offset && frame.next <= limit), isBorrowed }
      }
      const last = frames[frames.length - 1]
      if (last === undefined) wanted = this.#longer(bytes, wanted, offset, position, salt)
      else position += last.at + last.length
    }
    return undefined
  }

  /** How much to read when the first frame is longer than what was read. */
  #longer(bytes: Uint8Array, wanted: number, offset: number, position: number, salt: Uint8Array): number {
    const frame = this.format.readFrameHeader(bytes, 0, salt)
    const length = typeof frame === 'string' ? 2 * wanted : frame.length
    if (bytes.length < wanted || length <= wanted) throw this.#damaged('incomplete', offset, position) // the file ends inside it
    return length
  }

  async #offsetAt(time: number, length: number): Promise<number | undefined> {
    const salt = await this.#prepared.get()
    let position = this.#index.positionAtTime(time)
    while (position < length) {
      const frame = await this.#headerAt(position, salt, length)
      if (!frame.isControl && frame.timestamp >= time) return frame.baseOffset
      position += frame.length
    }
    return undefined
  }

  async #headerAt(position: number, salt: Uint8Array, length: number): Promise<FrameHeader> {
    for (let wanted = this.format.leastFrameBytes; ; wanted *= 8) {
      const bytes = await this.source.read({ start: position, end: Math.min(position + wanted, length) })
      const frame = this.format.readFrameHeader(bytes, 0, salt)
      if (typeof frame !== 'string') return frame
      if (frame !== 'incomplete' || bytes.length < wanted) throw this.#damaged(frame, this.#options.base, position)
    }
  }

  /** Whole frames of a piece; the first one may be longer than the piece, then there are none. */
  #parse(bytes: Uint8Array, start: number, salt: Uint8Array, length: number): FrameHeader[] {
    const frames: FrameHeader[] = []
    let at = 0
    while (at < bytes.length) {
      const frame = this.format.readFrameHeader(bytes, at, salt)
      if (frame === 'incomplete' && (frames.length > 0 || start + bytes.length < length)) break
      if (typeof frame === 'string' || start + at + frame.length > length) {
        if (frames.length > 0) break // what is whole comes first; the next read fails
        throw this.#damaged(typeof frame === 'string' ? frame : 'length', undefined, start + at)
      }
      if (at + frame.length > bytes.length) break
      frames.push(frame)
      at += frame.length
    }
    return frames
  }

  async #load(): Promise<Uint8Array> {
    const { format, source, base, place, path, hasFooter } = this.#options
    const header = format.decodeSegmentHeader(await source.read({ start: 0, end: format.segmentHeaderBytes }))
    if (header === undefined || header.baseOffset !== base || header.place !== place) {
      throw new StorageError('corrupt', 'a log segment has no valid header', { facts: { path, firstOffset: base } })
    }
    const footer = hasFooter === true ? await readFooter(source, format.decodeFooter) : undefined
    if (footer?.base === base) {
      this.#index = new SegmentIndex({ offset: base, position: format.segmentHeaderBytes, reached: 0 }, footer.entries)
    }
    return header.salt
  }

  #damaged(fault: FrameFault, offset: number | undefined, position: number): StorageError {
    return frameError(fault, { path: this.#options.path, firstOffset: offset, position })
  }
}
