// A frame with only some of its records, for compactions: they carry their offsets then.

import { type FrameHeader, readFrameHeader, writeCompactedFrame } from '../codec/frame.js'
import { compressFrame, compressionOf, plainBody } from '../codec/frame-compression.js'
import { keepRecords } from '../codec/records.js'
import type { WholeFrame } from './frames.js'

/** One that was compressed is compressed again, where that saves. The frame still has to be moved to its place. */
export async function keepInFrame({ bytes, header }: WholeFrame, stays: ReadonlySet<number>): Promise<WholeFrame> {
  const plain = (await plainBody(bytes, header)) as Uint8Array // checked when the segment was read
  const body = keepRecords(plain, header, (offset) => stays.has(offset))
  const kept = { count: stays.size, lastDelta: Math.max(...stays) - header.baseOffset }
  const whole = readBack(writeCompactedFrame(body, header, kept))
  if (header.compression === 0) return whole
  const smaller = await compressFrame(whole.bytes, whole.header, { name: compressionOf(header) })
  return smaller === undefined ? whole : readBack(smaller)
}

function readBack(bytes: Uint8Array): WholeFrame {
  return { bytes, header: readFrameHeader(bytes, 0, NO_SALT) as FrameHeader } // it was written a moment ago
}

/** Of frames that are still to be moved to their place. */
const NO_SALT = new Uint8Array(0)
