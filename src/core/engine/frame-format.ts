// How frames and what stands around them become the bytes of a segment: `binaryFormat`, or lines of text for people. What a
// frame is (offsets, chain, checksums, durable mark) and what its damage means are the same in both.

import type { FrameFault, FrameHeader } from '../codec/frame.js'
import type { StreamFormat, StreamRecord } from '../ports/stream-broker.js'
import type { PlacedAppend } from './append-batch.js'
import type { EncodedFrames, LogEnd, WholeFrame } from './frames.js'
import type { ControlState, SegmentHeader } from './segment.js'
import type { SegmentFooter, SegmentIndex, SegmentSummary } from './segment-index.js'

export interface FrameFormat {
  readonly name: StreamFormat
  /** Of a segment's header, all of it: the first frame follows. */
  readonly segmentHeaderBytes: number
  /** No frame is shorter. */
  readonly leastFrameBytes: number

  encodeSegmentHeader(header: Omit<SegmentHeader, 'crc'>): Uint8Array
  /** The chain value that the first frame behind this header carries. */
  headerChain(header: Uint8Array): number
  /** undefined when the bytes are not a whole, valid header; `unsupported` for a newer format. */
  decodeSegmentHeader(bytes: Uint8Array): SegmentHeader | undefined
  encodeControlFrame(state: ControlState, at: LogEnd): { readonly bytes: Uint8Array; readonly chain: number }
  /** Throws `corrupt` when a body with a valid checksum is not a control state. */
  decodeControlState(body: Uint8Array): ControlState
  /** What follows the last frame of a closed segment. */
  encodeFooter(index: SegmentIndex, summary: SegmentSummary): Uint8Array
  /** The footer at the end of `bytes`; a number says how many bytes it takes when there are fewer; undefined: none, or a damaged one. */
  decodeFooter(bytes: Uint8Array): SegmentFooter | number | undefined

  /** Reads and checks the header at `at`; `incomplete` where the bytes end before it can be told. */
  readFrameHeader(bytes: Uint8Array, at: number, salt: Uint8Array): FrameHeader | FrameFault
  /** Where the next frame may begin when none does at `at`; undefined when it lies behind these bytes. */
  nextPlace(bytes: Uint8Array, at: number): number | undefined
  /** The body as it is stored, checked; undefined when its checksum fails. `bytes` must hold the whole frame, from `at` on. */
  frameBody(bytes: Uint8Array, header: FrameHeader, at?: number): Uint8Array | undefined
  /** Makes the one frame that `bytes` are the one that follows `chain` in a log with this salt; returns its new chain value. */
  moveFrame(bytes: Uint8Array, salt: Uint8Array, chain: number): number

  /** All appends as frames that continue `at`, in borrowed memory; those that keep no timestamps get this one. */
  encodeAppends(appends: readonly PlacedAppend[], at: LogEnd, timestamp: number): EncodedFrames
  /** Reads the records of a body; keys and values may be views into it. */
  recordReader(body: Uint8Array, header: FrameHeader): FrameRecords
  /** The frame with only the records at these offsets, one at least; it still has to be moved to its place. */
  keepRecords(frame: WholeFrame, stays: ReadonlySet<number>): Promise<WholeFrame>
}

export interface FrameRecords {
  /** From offset `from` on, at most `limit`. */
  read(from: number, limit: number): StreamRecord[]
}
