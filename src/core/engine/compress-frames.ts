// The frames of one commit, compressed before they are stored.

import { compressFrame } from '../codec/frame-compression.js'
import type { CompressionLevel } from '../codec/compression.js'
import { type FrameHeader, moveFrame, readFrameHeader } from '../codec/frame.js'
import { concatBytes } from '../base/bytes.js'
import type { EncodedFrames, LogEnd } from './log.js'

/** The same records, each frame smaller or as it was, as they continue `at`. */
export async function compressFrames(frames: EncodedFrames, at: LogEnd, chosen: CompressionLevel): Promise<EncodedFrames> {
  const parts: Uint8Array[] = []
  let { chain } = at
  for (let position = 0; position < frames.bytes.length; ) {
    const header = readFrameHeader(frames.bytes, position, at.salt) as FrameHeader // it was written a moment ago
    const part = (await compressFrame(frames.bytes, header, chosen)) ?? frames.bytes.slice(position, position + header.length)
    chain = moveFrame(part, 0, at.salt, chain)
    parts.push(part)
    position += header.length
  }
  return { ...frames, bytes: concatBytes(parts), chain }
}
