// Frames of a file by their position, a piece of the file at a time.

import { FRAME_HEADER_BYTES, frameBody, type FrameFault, type FrameHeader, readFrameHeader } from '../codec/frame.js'
import type { ByteSource } from '../ports/file-store.js'

const WINDOW_BYTES = 256 * 1024
/** Frames begin at multiples of this. */
export const FRAME_ALIGNMENT = 8

/** A piece of the file at a time, so that any size is scanned in flat memory; the file as long as it was when this was made. */
export class FrameWindow {
  readonly #file: ByteSource
  readonly #size: number
  #bytes = new Uint8Array(0) as Uint8Array
  #start = 0

  constructor(file: ByteSource) {
    this.#file = file
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

  /** The header at `at` in the file, `frame.at` being its place in the window. */
  headerAt(at: number, salt: Uint8Array): FrameHeader | FrameFault {
    const frame = readFrameHeader(this.#bytes, at - this.#start, salt)
    return typeof frame !== 'string' && frame.length > this.#size - at ? 'incomplete' : frame
  }

  /** The body of the frame whose header is at `at`. */
  bodyAt(at: number, frame: FrameHeader): Uint8Array | undefined {
    return frameBody(this.#bytes, frame, at - this.#start)
  }

  async frame(at: number, salt: Uint8Array): Promise<FrameHeader | FrameFault> {
    await this.reach(at, FRAME_HEADER_BYTES)
    return this.headerAt(at, salt)
  }

  async body(at: number, frame: FrameHeader): Promise<Uint8Array | undefined> {
    await this.reach(at, frame.length)
    return this.bodyAt(at, frame)
  }

  /** The bytes of a frame that was found at `at`, and its header as it lies in them. */
  async whole(at: number, frame: FrameHeader): Promise<{ readonly bytes: Uint8Array; readonly header: FrameHeader }> {
    await this.reach(at, frame.length)
    return { bytes: this.#bytes, header: { ...frame, at: at - this.#start } }
  }

  async #load(at: number, length: number): Promise<void> {
    this.#bytes = await this.#file.read({ start: at, end: Math.min(at + Math.max(length, WINDOW_BYTES), this.#size) })
    this.#start = at
  }
}
