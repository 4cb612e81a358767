// Makes a sealed segment out of frames that exist: of chunks that are merged, of a segment that is compacted or repaired.
// Bodies stay as they are; salt, chain and header checksum become those of the new segment.

import type { FrameHeader } from '../codec/frame.js'
import type { FrameFormat } from './frame-format.js'
import type { ControlState, SegmentHeader } from './segment.js'
import { SegmentIndex } from './segment-index.js'
import type { SegmentEnd } from './log-manifest.js'

export interface SegmentBuilderOptions extends Omit<SegmentHeader, 'crc'> {
  readonly format: FrameFormat
  readonly state: ControlState
}

export class SegmentBuilder {
  readonly #options: SegmentBuilderOptions
  readonly #index: SegmentIndex
  #length = 0
  #chain = 0
  #next: number
  #timestamp = 0
  #records = 0

  constructor(options: SegmentBuilderOptions) {
    this.#options = options
    this.#next = options.baseOffset
    this.#index = new SegmentIndex({ offset: options.baseOffset, position: options.format.segmentHeaderBytes, reached: 0 })
  }

  /** Bytes so far. */
  get length(): number {
    return this.#length
  }

  /** Header and state frame: they come first. */
  begin(): Uint8Array {
    const { format, state, baseOffset, epoch, salt } = this.#options
    const header = format.encodeSegmentHeader(this.#options)
    const chain = format.headerChain(header)
    const at = { next: baseOffset, durable: state.durable, epoch, chain, timestamp: 0, salt }
    const control = format.encodeControlFrame(state, at)
    const bytes = new Uint8Array(header.length + control.bytes.length)
    bytes.set(header)
    bytes.set(control.bytes, header.length)
    this.#chain = control.chain
    this.#length = bytes.length
    return bytes
  }

  /** A whole frame, `header.at` being its place in `from`, as a copy that continues this segment. */
  frame(from: Uint8Array, header: FrameHeader): Uint8Array {
    const bytes = from.slice(header.at, header.at + header.length)
    this.#index.note(header.baseOffset, this.#length, this.#timestamp)
    this.#chain = this.#options.format.moveFrame(bytes, this.#options.salt, this.#chain)
    this.#length += bytes.length
    this.#next = header.next
    this.#timestamp = Math.max(this.#timestamp, header.timestamp)
    this.#records += header.count
    return bytes
  }

  /** The footer, and what the manifest must say; `next` is where the segment ends although its last records may be gone. */
  finish(next = this.#next): { readonly footer: Uint8Array; readonly end: SegmentEnd & { readonly records: number } } {
    const end = { length: this.#length, next, chain: this.#chain, timestamp: this.#timestamp, records: this.#records }
    const { format, baseOffset } = this.#options
    return { footer: format.encodeFooter(this.#index, { ...end, base: baseOffset }), end }
  }
}
