// The format of logs unless another one was chosen: docs/format.md has its tables.

import { loadPart } from '../base/load-part.js'
import { FRAME_HEADER_BYTES, frameBody, moveFrame, readFrameHeader } from '../codec/frame.js'
import { RecordReader } from '../codec/records.js'
import { encodeAppends } from './append-batch.js'
import type { FrameFormat } from './frame-format.js'
import {
  decodeControlState,
  decodeSegmentHeader,
  encodeControlFrame,
  encodeSegmentHeader,
  headerChain,
  SEGMENT_HEADER_BYTES,
} from './segment.js'
import { decodeFooter, encodeFooter } from './segment-index.js'

/** Frames begin at multiples of this. */
const FRAME_ALIGNMENT = 8

export const binaryFormat: FrameFormat = {
  name: 'binary',
  segmentHeaderBytes: SEGMENT_HEADER_BYTES,
  leastFrameBytes: FRAME_HEADER_BYTES,
  encodeSegmentHeader,
  headerChain,
  decodeSegmentHeader,
  encodeControlFrame,
  decodeControlState,
  encodeFooter,
  decodeFooter,
  readFrameHeader,
  nextPlace: (_bytes, at) => at + FRAME_ALIGNMENT,
  frameBody,
  moveFrame: (bytes, salt, chain) => moveFrame(bytes, 0, salt, chain),
  encodeAppends,
  recordReader: (body, header) => new RecordReader(body, header),
  async keepRecords(frame, stays) {
    const { keepInFrame } = await loadPart('compaction', () => import('./keep-records.js'))
    return keepInFrame(frame, stays)
  },
}
