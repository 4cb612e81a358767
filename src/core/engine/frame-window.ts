// Frames of a file by their position, a piece of the file at a time.

import { FRAME_HEADER_BYTES, frameBody, type FrameFault, type FrameHeader, readFrameHeader } from '../codec/frame.js'
import type { ByteSource } from '../ports/file-store.js'

const WINDOW_BYTES = 1024 * 1024
/** Frames begin at multiples of this. */
export const FRAME_ALIGNMENT = 8

/** A piece of the file at a time, so that any size is scanned in flat memory. */
export class FrameWindow {
  readonly #file: ByteSource
  #bytes = new Uint8Array(0) as Uint8Array
  #start = 0

  constructor(file: ByteSource) {
    this.#file = file
  }

  /** The header at `at` in the file, `frame.at` being its place in the window. */
  async frame(at: number, salt: Uint8Array): Promise<FrameHeader | FrameFault> {
    await this.#load(at, FRAME_HEADER_BYTES)
    const frame = readFrameHeader(this.#bytes, at - this.#start, salt)
    return typeof frame !== 'string' && frame.length > this.#file.size - at ? 'incomplete' : frame
  }

  async body(at: number, frame: FrameHeader): Promise<Uint8Array | undefined> {
    await this.#load(at, frame.length)
    return frameBody(this.#bytes, { ...frame, at: at - this.#start })
  }

  /** The bytes of a frame that was found at `at`, and its header as it lies in them. */
  async whole(at: number, frame: FrameHeader): Promise<{ readonly bytes: Uint8Array; readonly header: FrameHeader }> {
    await this.#load(at, frame.length)
    return { bytes: this.#bytes, header: { ...frame, at: at - this.#start } }
  }

  async #load(at: number, length: number): Promise<void> {
    const end = Math.min(at + length, this.#file.size)
    if (at >= this.#start && end <= this.#start + this.#bytes.length) return
    this.#bytes = await this.#file.read({ start: at, end: Math.min(at + Math.max(length, WINDOW_BYTES), this.#file.size) })
    this.#start = at
  }
}
