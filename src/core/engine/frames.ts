// What passes between a log and those who write, read and move its frames.

import type { FrameHeader } from '../codec/frame.js'

/** Where the log ends, and what the next frame must continue. */
export interface LogEnd {
  /** Offset of the next record. */
  readonly next: number
  /** Everything below is synced. */
  readonly durable: number
  readonly epoch: number
  /** Header checksum of the last frame. */
  readonly chain: number
  /** Greatest timestamp so far, ms. */
  readonly timestamp: number
  /** Goes into every header checksum: rejects bytes of another file or queue. */
  readonly salt: Uint8Array
  /** No append follows, as far as known. */
  readonly isSealed?: boolean
}

export interface EncodedFrames {
  readonly bytes: Uint8Array
  readonly next: number
  /** Offsets in between that no record has; absent where there are none. */
  readonly skipped?: number
  readonly chain: number
  readonly timestamp: number
}

/** Contiguous frames in one piece of memory. */
export interface FrameBlock {
  readonly bytes: Uint8Array
  readonly frames: readonly FrameHeader[]
  /** The bytes lie in borrowed memory, which may be given back by the one who keeps no view of it. */
  readonly isBorrowed?: boolean
}

/** A whole frame, `header.at` being its place in `bytes`. */
export interface WholeFrame {
  readonly bytes: Uint8Array
  readonly header: FrameHeader
}
