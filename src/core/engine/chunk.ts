// The header of a chunk, 32 bytes, before its frames: magic and format major, kind, epoch, 16 random bytes of write id by
// which a writer whose answer was lost knows its own chunk, and the checksum of the header.

import { utf8, viewOf } from '../base/bytes.js'
import { StorageError } from '../base/errors.js'
import { crc32c } from '../codec/crc32c.js'
import { type FrameHeader, frameError, readFrameHeader } from '../codec/frame.js'
import { murmur3 } from '../codec/murmur3.js'
import type { FrameBlock } from './log.js'

export const CHUNK_HEADER_BYTES = 32
const MAGIC = 0x4b434856 // "VHCK"
const MAJOR = 1
const KIND_LOG = 1

/** Goes into every frame: the same for every chunk of a log, and different for every log. */
export function chunkSalt(path: string): Uint8Array {
  const salt = new Uint8Array(8)
  const view = viewOf(salt)
  view.setUint32(0, murmur3(utf8(path), 1), true)
  view.setUint32(4, murmur3(utf8(path), 2), true)
  return salt
}

export function encodeChunk(frames: Uint8Array, epoch: number, writeId: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(CHUNK_HEADER_BYTES + frames.length)
  const view = viewOf(bytes)
  view.setUint32(0, MAGIC, true)
  view.setUint16(4, KIND_LOG, true)
  view.setUint16(6, MAJOR, true)
  view.setUint32(8, epoch, true)
  bytes.set(writeId, 12)
  view.setUint32(28, crc32c(bytes, 0, 28), true)
  bytes.set(frames, CHUNK_HEADER_BYTES)
  return bytes
}

export function chunkWriteId(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(12, 28)
}

/**
 * The frames of a chunk; with `whole: false` only those whose headers lie in the bytes. `corrupt` where header, checksum
 * or order are wrong, `unsupported` for a newer format.
 */
export function decodeChunk(bytes: Uint8Array, salt: Uint8Array, key: string, whole = true): FrameBlock {
  checkChunkHeader(bytes, key)
  const frames: FrameHeader[] = []
  let at = CHUNK_HEADER_BYTES
  while (at < bytes.length) {
    const frame = readFrameHeader(bytes, at, salt)
    const previous = frames[frames.length - 1]
    if (typeof frame === 'string') {
      if (!whole && previous !== undefined) break
      throw frameError(frame, { key, position: at })
    }
    if (previous !== undefined && !isBehind(frame, { chain: previous.headerCrc, next: previous.next })) {
      throw frameError('chain', { key, position: at, firstOffset: previous.next })
    }
    frames.push(frame)
    at += frame.length
  }
  if (frames.length === 0 || (whole && at !== bytes.length)) throw frameError('incomplete', { key, position: at })
  return { bytes, frames }
}

/**
 * Whether the frame is the next one behind a place in the log. A right chain declares offsets in between as a gap; frames
 * without records declare none.
 */
export function isBehind(frame: FrameHeader, { chain, next }: { readonly chain: number; readonly next: number }): boolean {
  return frame.chain === chain && (frame.baseOffset === next || (frame.baseOffset > next && !frame.isControl))
}

/** `corrupt` where it is damaged, `unsupported` for a newer format. */
export function checkChunkHeader(bytes: Uint8Array, key: string): void {
  const view = viewOf(bytes)
  const isHeader =
    bytes.length >= CHUNK_HEADER_BYTES && view.getUint32(0, true) === MAGIC && view.getUint32(28, true) === crc32c(bytes, 0, 28)
  if (!isHeader) throw frameError('header', { key, position: 0 })
  const major = view.getUint16(6, true)
  if (major !== MAJOR || view.getUint16(4, true) !== KIND_LOG) {
    throw new StorageError('unsupported', 'a log chunk was written by a newer version of Varve', {
      key,
      facts: { format: major, newestKnown: MAJOR },
    })
  }
}
