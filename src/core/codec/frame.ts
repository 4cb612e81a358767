// One batch of records as bytes: a header with a checksum of its own, so that a reader may trust the length before it
// fetches the body; the checksum of the body; a chain to the frame before; and how far the log was durable when the
// frame was made, which tells a torn tail from corruption. Little-endian; the table stands in docs/format.md.

import { setU64, viewOf } from '../base/bytes.js'
import { StorageError } from '../base/errors.js'
import { crc32c } from './crc32c.js'

export const FRAME_HEADER_BYTES = 64
const FRAME_MAGIC = 0x4d524656 // "VFRM"
/** Bounds every allocation that a length from the medium asks for. */
export const MAX_FRAME_BYTES = 512 * 1024 * 1024
const CONTROL_OFFSET_DELTA = 0xffffffff

const ATTRIBUTE = { compression: 0x000f, control: 0x0010, compacted: 0x0020, producer: 0x0040, tombstones: 0x0080, encrypted: 0x0100 }
/** Zeros at the end of a compressed frame, whose stored length its plain length does not tell. */
const PADDING_SHIFT = 9
const PADDING = 0x0e00
const KNOWN_ATTRIBUTES = ATTRIBUTE.compression | ATTRIBUTE.control | ATTRIBUTE.tombstones | ATTRIBUTE.compacted | PADDING

export interface FrameFields {
  readonly baseOffset: number
  readonly timestamp: number
  /** Everything below was known to be durable when the frame was made; at most `baseOffset`. */
  readonly durable: number
  readonly epoch: number
  readonly chain: number
  /** 0 marks a control frame, which takes no offset. */
  readonly count: number
  readonly hasTombstones: boolean
  /** Of the last record, less the base offset, where a compaction left gaps: each record then carries its own delta. */
  readonly lastDelta?: number
  /** Of the body as it is stored; absent where it is stored as it is. */
  readonly compressed?: { readonly compression: number; readonly plainLength: number }
}

export interface FrameHeader extends Omit<FrameFields, 'lastDelta' | 'compressed'> {
  /** Where the frame begins in the bytes it was read from. */
  readonly at: number
  /** Header, extension, body and padding. */
  readonly length: number
  /** As it is stored. */
  readonly bodyLength: number
  /** Id of the compression; 0 where the body is stored as it is. */
  readonly compression: number
  /** Of the body once inflated: no more memory than that is taken. */
  readonly plainLength: number
  /** Its own checksum: the chain value of the next frame. */
  readonly headerCrc: number
  readonly bodyCrc: number
  readonly isControl: boolean
  /** Records carry offset deltas: a compaction took their neighbours. */
  readonly isCompacted: boolean
  /** Offset after the last record. */
  readonly next: number
}

/** Why bytes are not a frame; `incomplete` where they end before the frame does. */
export type FrameFault = 'magic' | 'incomplete' | 'length' | 'header' | 'unknown'

export function frameLength(bodyLength: number): number {
  return (FRAME_HEADER_BYTES + bodyLength + 7) & ~7
}

/**
 * Writes the header of the frame at `at`, whose body of `bodyLength` bytes is already in place behind it, and returns
 * the header's checksum. Padding must be zero.
 */
export function writeFrameHeader(into: Uint8Array, at: number, bodyLength: number, salt: Uint8Array, fields: FrameFields): number {
  const view = viewOf(into)
  const isControl = fields.count === 0
  const bodyAt = at + FRAME_HEADER_BYTES
  view.setUint32(at, FRAME_MAGIC, true)
  view.setUint32(at + 4, frameLength(bodyLength), true)
  view.setUint32(at + 12, crc32c(into, bodyAt, bodyAt + bodyLength), true)
  setU64(view, at + 16, fields.baseOffset)
  setU64(view, at + 24, fields.timestamp)
  view.setUint32(at + 32, 0, true)
  view.setUint32(at + 36, fields.baseOffset - fields.durable, true)
  view.setUint32(at + 40, fields.count, true)
  view.setUint32(at + 44, isControl ? CONTROL_OFFSET_DELTA : (fields.lastDelta ?? fields.count - 1), true)
  view.setUint32(at + 48, fields.epoch, true)
  view.setUint16(at + 52, attributesOf(fields, bodyLength), true)
  view.setUint16(at + 54, 0, true)
  view.setUint32(at + 56, fields.compressed?.plainLength ?? bodyLength, true)
  view.setUint32(at + 60, fields.chain, true)
  return sealHeader(into, at, salt)
}

/** A frame with some of the records of another, in the form that carries offset deltas; it still has to be moved to its place. */
export function writeCompactedFrame(
  body: Uint8Array,
  from: FrameHeader,
  kept: { readonly count: number; readonly lastDelta: number },
): Uint8Array {
  const bytes = new Uint8Array(frameLength(body.length))
  bytes.set(body, FRAME_HEADER_BYTES)
  writeFrameHeader(bytes, 0, body.length, new Uint8Array(0), { ...from, ...kept })
  return bytes
}

/** Makes the frame at `at` the one that follows `chain` in a log with this salt; returns its new chain value. */
export function moveFrame(into: Uint8Array, at: number, salt: Uint8Array, chain: number): number {
  viewOf(into).setUint32(at + 60, chain, true)
  return sealHeader(into, at, salt)
}

function sealHeader(into: Uint8Array, at: number, salt: Uint8Array): number {
  const headerCrc = headerChecksum(into, at, salt)
  viewOf(into).setUint32(at + 8, headerCrc, true)
  return headerCrc
}

function attributesOf(fields: FrameFields, bodyLength: number): number {
  let attributes = fields.count === 0 ? ATTRIBUTE.control : 0
  if (fields.hasTombstones) attributes |= ATTRIBUTE.tombstones
  if (fields.lastDelta !== undefined) attributes |= ATTRIBUTE.compacted
  if (fields.compressed !== undefined) {
    const padding = frameLength(bodyLength) - FRAME_HEADER_BYTES - bodyLength
    attributes |= fields.compressed.compression | (padding << PADDING_SHIFT)
  }
  return attributes
}

/** Reads and checks the header at `at`; the body is not looked at. `end` bounds what may be read. */
export function readFrameHeader(bytes: Uint8Array, at: number, salt: Uint8Array, end = bytes.length): FrameHeader | FrameFault {
  if (end - at < FRAME_HEADER_BYTES) return end > at && isZero(bytes, at, end) ? 'magic' : 'incomplete'
  if (u32(bytes, at) !== FRAME_MAGIC) return 'magic'
  const headerCrc = u32(bytes, at + 8)
  if (headerChecksum(bytes, at, salt) !== headerCrc) return 'header'
  const length = u32(bytes, at + 4)
  const plainLength = u32(bytes, at + 56)
  const attributes = u16(bytes, at + 52)
  if ((attributes & ~KNOWN_ATTRIBUTES) !== 0 || u16(bytes, at + 54) !== 0) return 'unknown'
  const compression = attributes & ATTRIBUTE.compression
  const padding = (attributes & PADDING) >>> PADDING_SHIFT
  const bodyLength = compression === 0 ? plainLength : length - FRAME_HEADER_BYTES - padding
  if (length !== frameLength(bodyLength) || length > MAX_FRAME_BYTES || plainLength > MAX_FRAME_BYTES) return 'length'
  const baseOffset = u64(bytes, at + 16)
  const count = u32(bytes, at + 40)
  const isControl = (attributes & ATTRIBUTE.control) !== 0
  const lastDelta = u32(bytes, at + 44)
  const isCompacted = (attributes & ATTRIBUTE.compacted) !== 0
  if (isControl ? count !== 0 : count === 0 || (isCompacted ? lastDelta < count - 1 : lastDelta !== count - 1)) return 'length'
  return {
    at,
    length,
    bodyLength,
    compression,
    plainLength,
    headerCrc,
    bodyCrc: u32(bytes, at + 12),
    baseOffset,
    timestamp: u64(bytes, at + 24),
    durable: baseOffset - u32(bytes, at + 36),
    epoch: u32(bytes, at + 48),
    chain: u32(bytes, at + 60),
    count,
    hasTombstones: (attributes & ATTRIBUTE.tombstones) !== 0,
    isControl,
    isCompacted,
    next: isControl ? baseOffset : baseOffset + lastDelta + 1,
  }
}

/** The body as it is stored, checked; undefined when its checksum fails. `bytes` must hold the whole frame, from `at` on. */
export function frameBody(bytes: Uint8Array, header: FrameHeader, at = header.at): Uint8Array | undefined {
  const start = at + FRAME_HEADER_BYTES
  const end = start + header.bodyLength
  if (crc32c(bytes, start, end) !== header.bodyCrc || !isZero(bytes, end, at + header.length)) return undefined
  return bytes.subarray(start, end)
}

/** The error for a frame that cannot be read where a valid one must be. */
export function frameError(fault: FrameFault | 'body' | 'chain' | 'offset', facts: Record<string, unknown>): StorageError {
  if (fault === 'unknown') {
    return new StorageError('unsupported', 'the log holds a frame with a feature that this version does not know', { facts })
  }
  return new StorageError('corrupt', 'the log is damaged', { facts: { fault, ...facts } })
}

function headerChecksum(bytes: Uint8Array, at: number, salt: Uint8Array): number {
  const withLength = crc32c(bytes, at, at + 8, crc32c(salt))
  return crc32c(bytes, at + 12, at + FRAME_HEADER_BYTES, withLength)
}

function isZero(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (bytes[at] !== 0) return false
  return true
}

// Without a view, which costs more to make than a header to read.

function u16(bytes: Uint8Array, at: number): number {
  return (bytes[at] as number) | ((bytes[at + 1] as number) << 8)
}

function u32(bytes: Uint8Array, at: number): number {
  return (u16(bytes, at) | (u16(bytes, at + 2) << 16)) >>> 0
}

function u64(bytes: Uint8Array, at: number): number {
  return u32(bytes, at + 4) * 2 ** 32 + u32(bytes, at)
}
