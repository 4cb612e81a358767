// Reads frames of one segment from any offset on. A sparse index in memory is filled as frames are passed; it is only a
// hint, every frame's header is checked.

import { StorageError } from '../base/errors.js'
import { FRAME_HEADER_BYTES, frameError, type FrameHeader, readFrameHeader } from '../codec/frame.js'
import type { AppendFile } from '../ports/file-store.js'
import type { FrameBlock } from './log.js'
import { decodeSegmentHeader, SEGMENT_HEADER_BYTES } from './segment.js'

const INDEX_EVERY_BYTES = 4 * 1024
const WINDOW_BYTES = 256 * 1024

interface IndexEntry {
  readonly offset: number
  readonly position: number
}

export interface SegmentReaderOptions {
  readonly file: AppendFile
  readonly base: number
  /** Hash of queue and bucket, as the header must have it. */
  readonly place: number
  readonly path: string
  /** Known where the writer made it; else read from the header. */
  readonly salt?: Uint8Array | undefined
}

export class SegmentReader {
  readonly #options: SegmentReaderOptions
  readonly #index: IndexEntry[]
  #salt: Uint8Array | undefined
  #readsInFlight = 0
  #retired = false

  constructor(options: SegmentReaderOptions) {
    this.#options = options
    this.#salt = options.salt
    this.#index = [{ offset: options.base, position: SEGMENT_HEADER_BYTES }]
  }

  get file(): AppendFile {
    return this.#options.file
  }

  /** Tells of a frame that was passed or written; cheap, most are not kept. */
  note(offset: number, position: number): void {
    const last = this.#index[this.#index.length - 1] as IndexEntry
    if (position >= last.position + INDEX_EVERY_BYTES && offset > last.offset) this.#index.push({ offset, position })
  }

  /** Closes the file once no read needs it. */
  async retire(): Promise<void> {
    this.#retired = true
    if (this.#readsInFlight === 0) await this.file.close()
  }

  /** Frames from the one that holds `offset` on, of those that end at or before `limit`, inside the first `length` bytes of the file. */
  read(offset: number, limit: number, length: number, maxBytes: number): Promise<FrameBlock> {
    return this.#whileOpen(() => this.#read(offset, limit, length, maxBytes))
  }

  /** The first frame whose timestamp reaches `time`, by its base offset; undefined when all are earlier. */
  offsetAt(time: number, length: number): Promise<number | undefined> {
    return this.#whileOpen(() => this.#offsetAt(time, length))
  }

  async #whileOpen<T>(task: () => Promise<T>): Promise<T> {
    this.#readsInFlight++
    try {
      return await task()
    } finally {
      if (--this.#readsInFlight === 0 && this.#retired) await this.file.close()
    }
  }

  async #read(offset: number, limit: number, length: number, maxBytes: number): Promise<FrameBlock> {
    const salt = await this.#readSalt()
    let position = this.#lookUp(offset)
    let wanted = Math.max(WINDOW_BYTES, Math.min(maxBytes, 2 * WINDOW_BYTES))
    for (;;) {
      const bytes = await this.file.read({ start: position, end: Math.min(position + wanted, length) })
      const frames = this.#parse(bytes, position, salt, length)
      const isThere = frames.some((frame) => !frame.isControl && frame.next > offset)
      if (isThere) return { bytes, frames: frames.filter((frame) => frame.next > offset && frame.next <= limit) }
      const last = frames[frames.length - 1]
      if (last === undefined) {
        if (bytes.length < FRAME_HEADER_BYTES) throw this.#damaged('incomplete', offset, position)
        const { length: whole } = readFrameHeader(bytes, 0, salt) as FrameHeader
        if (whole <= wanted) throw this.#damaged('incomplete', offset, position) // the file ends inside it
        wanted = whole
      } else {
        position += last.at + last.length
      }
    }
  }

  async #offsetAt(time: number, length: number): Promise<number | undefined> {
    const salt = await this.#readSalt()
    let position = SEGMENT_HEADER_BYTES
    while (position < length) {
      const bytes = await this.file.read({ start: position, end: Math.min(position + FRAME_HEADER_BYTES, length) })
      const frame = readFrameHeader(bytes, 0, salt)
      if (typeof frame === 'string') throw this.#damaged(frame, this.#options.base, position)
      if (!frame.isControl && frame.timestamp >= time) return frame.baseOffset
      position += frame.length
    }
    return undefined
  }

  /** Whole frames of a piece; the first one may be longer than the piece, then there are none. */
  #parse(bytes: Uint8Array, start: number, salt: Uint8Array, length: number): FrameHeader[] {
    const frames: FrameHeader[] = []
    let at = 0
    while (at < bytes.length) {
      const frame = readFrameHeader(bytes, at, salt)
      if (frame === 'incomplete' && frames.length > 0) break
      if (typeof frame === 'string' || start + at + frame.length > length) {
        if (frames.length > 0) break // what is whole comes first; the next read fails
        throw this.#damaged(typeof frame === 'string' ? frame : 'length', undefined, start + at)
      }
      if (at + frame.length > bytes.length) break
      const previous = frames[frames.length - 1]
      if (previous !== undefined && (frame.chain !== previous.headerCrc || frame.baseOffset !== previous.next)) break
      this.note(frame.baseOffset, start + at)
      frames.push(frame)
      at += frame.length
    }
    return frames
  }

  #lookUp(offset: number): number {
    let low = 0
    let high = this.#index.length - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if ((this.#index[middle] as IndexEntry).offset <= offset) low = middle
      else high = middle - 1
    }
    return (this.#index[low] as IndexEntry).position
  }

  async #readSalt(): Promise<Uint8Array> {
    if (this.#salt !== undefined) return this.#salt
    const header = decodeSegmentHeader(await this.file.read({ start: 0, end: SEGMENT_HEADER_BYTES }))
    if (header === undefined || header.baseOffset !== this.#options.base || header.place !== this.#options.place) {
      throw new StorageError('corrupt', 'a log segment has no valid header', {
        facts: { path: this.#options.path, firstOffset: this.#options.base },
      })
    }
    this.#salt = header.salt
    return header.salt
  }

  #damaged(fault: Parameters<typeof frameError>[0], offset: number | undefined, position: number): StorageError {
    return frameError(fault, { path: this.#options.path, firstOffset: offset, position })
  }
}
