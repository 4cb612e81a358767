// Bodies of frames, compressed one by one where that saves: a frame that does not shrink stays as it is.

import { type CompressionLevel, type CompressionName, compressBytes, compressionName, decompressBytes } from './compression.js'
import { FRAME_HEADER_BYTES, type FrameHeader, frameBody, frameLength, writeFrameHeader } from './frame.js'

/** The frame at `header.at` as one of its own, smaller or undefined; salt and chain are still to be set. */
export async function compressFrame(bytes: Uint8Array, header: FrameHeader, chosen: CompressionLevel): Promise<Uint8Array | undefined> {
  const body = frameBody(bytes, header)
  if (body === undefined || header.isControl || header.compression !== 0) return undefined
  const { compression, bytes: smaller } = await compressBytes(chosen.name, body, chosen.level)
  if (compression === 0) return undefined
  const frame = new Uint8Array(frameLength(smaller.length))
  frame.set(smaller, FRAME_HEADER_BYTES)
  const delta = header.isCompacted ? { lastDelta: header.next - header.baseOffset - 1 } : {}
  writeFrameHeader(frame, 0, smaller.length, NO_SALT, { ...header, ...delta, compressed: { compression, plainLength: body.length } })
  return frame
}

const NO_SALT = new Uint8Array(0)

/** The records of a frame as they were written; `corrupt` where the stored body does not inflate to its length, undefined where its checksum fails. */
export async function plainBody(bytes: Uint8Array, header: FrameHeader): Promise<Uint8Array | undefined> {
  const body = frameBody(bytes, header)
  if (body === undefined || header.compression === 0) return body
  return decompressBytes(header.compression, body, header.plainLength)
}

/** The name of what a frame was compressed with. */
export function compressionOf(header: FrameHeader): CompressionName {
  return compressionName(header.compression)
}
