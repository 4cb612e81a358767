// Checksums made right again after a mutation, so that it reaches what lies behind them: bytes that a broken or foreign
// program wrote, not a failing disk.

import { crc32c } from '../../dist/core/codec/crc32c.js'

const FRAME_HEADER = 64

function put(bytes: Uint8Array, at: number, value: number): void {
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(at, value, true)
}

function get(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(at, true)
}

export function repairEnvelope(bytes: Uint8Array): void {
  if (bytes.length >= 48) put(bytes, 44, crc32c(bytes, 48, bytes.length, crc32c(bytes, 0, 44)))
}

export function repairSegmentHeader(bytes: Uint8Array): void {
  if (bytes.length >= 64) put(bytes, 60, crc32c(bytes, 0, 60))
}

/** Of the entries that its trailer counts, where they are all there. */
export function repairFooter(bytes: Uint8Array): void {
  const at = bytes.length - 64
  const start = at < 0 ? -1 : at - 12 * get(bytes, at + 48)
  if (start >= 0) put(bytes, at + 60, crc32c(bytes, start, at + 60))
}

/** The frame at `at`, its length taken as it is unless it leads out of the bytes; gives the place behind it. */
export function repairFrame(bytes: Uint8Array, at: number, salt: Uint8Array): number {
  if (bytes.length - at < FRAME_HEADER) return bytes.length
  const bodyEnd = Math.min(at + FRAME_HEADER + get(bytes, at + 56), bytes.length)
  put(bytes, at + 12, crc32c(bytes, at + FRAME_HEADER, bodyEnd))
  put(bytes, at + 8, crc32c(bytes, at + 12, at + FRAME_HEADER, crc32c(bytes, at, at + 8, crc32c(salt))))
  const length = get(bytes, at + 4)
  return length < FRAME_HEADER ? bytes.length : at + length
}

export function repairChunk(bytes: Uint8Array, salt: Uint8Array): void {
  if (bytes.length < 32) return
  put(bytes, 28, crc32c(bytes, 0, 28))
  for (let at = 32; at < bytes.length; ) at = repairFrame(bytes, at, salt)
}

/** Sections as far as their lengths lead; what the end says of them is left. */
export function repairArchive(bytes: Uint8Array): void {
  if (bytes.length < 48) return
  put(bytes, 44, crc32c(bytes, 0, 44))
  const id = crc32c(bytes, 24, 40)
  for (let at = 48; at + 32 <= bytes.length; at += 32 + get(bytes, at + 12)) {
    put(bytes, at + 20, crc32c(bytes, at + 32, Math.min(at + 32 + get(bytes, at + 12), bytes.length)))
    put(bytes, at + 28, crc32c(bytes, at, at + 28, id))
  }
}

/** Of a pack's entries and its trailer, where its place is right. */
export function repairPackTail(bytes: Uint8Array): void {
  const at = bytes.length - 32
  const start = at < 0 ? -1 : at - 48 * get(bytes, at + 16)
  if (start >= 0) put(bytes, at + 28, crc32c(bytes, start, at + 28))
}

/** Of a chunk in a pack, as long as it says. */
export function repairRecord(bytes: Uint8Array, at: number): void {
  if (bytes.length < at + 52) return
  const end = Math.min(bytes.length, at + 52 + get(bytes, at + 40))
  put(bytes, at + 48, crc32c(bytes, at + 52, end, crc32c(bytes, at, at + 48)))
}
