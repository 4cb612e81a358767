// A log as lines of JSON, for people and their tools: what it holds can be read with `grep` and `jq`, and it is checked and
// recovered by the same rules as the binary one.

import { LineWriter } from '../codec/line.js'
import { endOf, groupAppends, type PlacedAppend } from './append-batch.js'
import type { FrameFormat } from './frame-format.js'
import { borrowMemory } from './frame-memory.js'
import type { EncodedFrames, LogEnd } from './frames.js'
import { keepLines, LineReader, moveBatch, nextBrace, readBatch, writeBatch } from './ndjson-frame.js'
import {
  decodeControlLine,
  decodeFooterLine,
  decodeTextHeader,
  encodeControlLine,
  encodeFooterLine,
  encodeTextHeader,
  TEXT_HEADER_BYTES,
  textHeaderChain,
} from './ndjson-segment.js'

/** Of everything in a line but what the record holds. */
const AROUND_BYTES = 160

export const ndjsonFormat: FrameFormat = {
  name: 'ndjson',
  segmentHeaderBytes: TEXT_HEADER_BYTES,
  leastFrameBytes: 64,
  encodeSegmentHeader: encodeTextHeader,
  headerChain: textHeaderChain,
  decodeSegmentHeader: decodeTextHeader,
  encodeControlFrame: encodeControlLine,
  decodeControlState: decodeControlLine,
  encodeFooter: encodeFooterLine,
  decodeFooter: decodeFooterLine,
  readFrameHeader: readBatch,
  nextPlace: nextBrace,
  // Reading the header has checked every line.
  frameBody: (bytes, header, at = header.at) => bytes.subarray(at, at + header.length),
  moveFrame: moveBatch,
  encodeAppends,
  recordReader: (body) => new LineReader(body),
  keepRecords: (frame, stays) => Promise.resolve(keepLines(frame, stays)),
}

function encodeAppends(appends: readonly PlacedAppend[], at: LogEnd, timestamp: number): EncodedFrames {
  const groups = groupAppends(appends, timestamp)
  const guess = groups.reduce((sum, { base, next, bytes }) => sum + bytes + (next - base) * AROUND_BYTES, 0)
  const writer = new LineWriter(borrowMemory(guess), at.salt)
  let { chain } = at
  for (const group of groups) chain = writeBatch(writer, group, { durable: at.durable, chain })
  return { bytes: writer.written, chain, ...endOf(groups, at) }
}
