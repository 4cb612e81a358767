// Frames of a file by their position, a piece of the file at a time.

import { concatBytes } from '../base/bytes.js'
import type { FrameFault, FrameHeader } from '../codec/frame.js'
import type { ByteSource } from '../ports/file-store.js'
import type { FrameFormat } from './frame-format.js'

const WINDOW_BYTES = 256 * 1024
/** What is left of a piece is put in front of the next one; most frames are shorter. */
const ROOM_BEFORE = 128 * 1024

const NOTHING = new Uint8Array(0)

/** A piece of the file at a time, so that any size is scanned in flat memory; the file as long as it was when this was made. */
export class FrameWindow {
  readonly #file: ByteSource
  readonly #format: FrameFormat
  readonly #size: number
  #bytes = new Uint8Array(0) as Uint8Array
  #start = 0
  /** Where pieces are read to, each behind what is left of the one before. */
  #room = new Uint8Array(0) as Uint8Array

  constructor(file: ByteSource, format: FrameFormat) {
    this.#file = file
    this.#format = format
    this.#size = file.size
  }

  /**
   * Brings the `length` bytes from `at` on into memory; undefined when they are there, which spares a scan of small frames
   * most of its waits. `headerAt` and `bodyAt` need it first.
   */
  reach(at: number, length: number): Promise<void> | undefined {
    const held = this.#start + this.#bytes.length
    return at >= this.#start && (at + length <= held || held >= this.#size) ? undefined : this.#load(at, length)
  }

  /** The header at `at` in the file, `frame.at` being its place in the window; `incomplete` also where only the window ends. */
  headerAt(at: number, salt: Uint8Array): FrameHeader | FrameFault {
    const frame = this.#format.readFrameHeader(this.#bytes, at - this.#start, salt)
    return typeof frame !== 'string' && frame.length > this.#size - at ? 'incomplete' : frame
  }

  /** The body of the frame whose header is at `at`. */
  bodyAt(at: number, frame: FrameHeader): Uint8Array | undefined {
    return this.#format.frameBody(this.#bytes, frame, at - this.#start)
  }

  /** The header at `at`, looked at in as much of the file as it takes. */
  async frame(at: number, salt: Uint8Array): Promise<FrameHeader | FrameFault> {
    await this.reach(at, this.#format.leastFrameBytes)
    for (;;) {
      const frame = this.#format.readFrameHeader(this.#bytes, at - this.#start, salt)
      const held = this.#start + this.#bytes.length
      if (frame !== 'incomplete' || held >= this.#size) return this.headerAt(at, salt)
      await this.#load(at, 2 * (held - at))
    }
  }

  /** Where the next frame may begin when none does at `at`; a promise only where the file has to be read for it. */
  after(at: number): number | Promise<number> {
    const isHeld = at >= this.#start && at < this.#start + this.#bytes.length
    const next = isHeld ? this.#format.nextPlace(this.#bytes, at - this.#start) : undefined
    return next === undefined ? this.#search(at) : this.#start + next
  }

  async body(at: number, frame: FrameHeader): Promise<Uint8Array | undefined> {
    await this.reach(at, frame.length)
    return this.bodyAt(at, frame)
  }

  /** A copy of a frame that was found at `at`, and its header as it lies in them. */
  async whole(at: number, frame: FrameHeader): Promise<{ readonly bytes: Uint8Array; readonly header: FrameHeader }> {
    await this.reach(at, frame.length)
    const place = at - this.#start
    return { bytes: this.#bytes.slice(place, place + frame.length), header: { ...frame, at: 0 } }
  }

  async #search(at: number): Promise<number> {
    for (let from = at; ; ) {
      await this.reach(from, 2)
      const next = this.#format.nextPlace(this.#bytes, from - this.#start)
      if (next !== undefined) return this.#start + next
      const held = this.#start + this.#bytes.length
      if (held >= this.#size) return this.#size
      from = held - 1
    }
  }

  async #load(at: number, length: number): Promise<void> {
    const held = this.#start + this.#bytes.length
    const kept = at >= this.#start && at < held && held - at <= ROOM_BEFORE ? this.#bytes.subarray(at - this.#start) : NOTHING
    const end = Math.min(at + Math.max(length, kept.length + WINDOW_BYTES), this.#size)
    const read = await this.#file.read({ start: at + kept.length, end }, (bytes) => this.#roomBehind(kept, bytes))
    const isBehind = read.buffer === this.#room.buffer
    this.#bytes = isBehind ? this.#room.subarray(ROOM_BEFORE - kept.length, ROOM_BEFORE + read.length) : concatBytes([kept, read])
    this.#start = at
  }

  /** Moves what is kept in front of it. */
  #roomBehind(kept: Uint8Array, bytes: number): Uint8Array {
    if (ROOM_BEFORE + bytes > this.#room.length) this.#room = new Uint8Array(ROOM_BEFORE + bytes)
    this.#room.set(kept, ROOM_BEFORE - kept.length)
    return this.#room.subarray(ROOM_BEFORE)
  }
}
