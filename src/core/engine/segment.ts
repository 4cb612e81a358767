// The header of a segment file, 64 bytes, little-endian, and the control frame that opens it.

import { fromUtf8, getU64, setU64, toHex, utf8, viewOf } from '../base/bytes.js'
import { StorageError } from '../base/errors.js'
import { crc32c } from '../codec/crc32c.js'
import { FRAME_HEADER_BYTES, frameLength, writeFrameHeader } from '../codec/frame.js'
import type { LogEnd } from './frames.js'

export const SEGMENT_HEADER_BYTES = 64
export const SALT_BYTES = 8
const MAGIC = [0x56, 0x41, 0x52, 0x56, 0x53, 0x45, 0x47] // VARVSEG, then the format major
const MAJOR = 1
const MINOR = 0
/** Flag bits 0-15 unknown = refuse, 16-31 unknown = ignore. */
const REFUSED_FLAGS = 0xffff

export interface SegmentHeader {
  readonly sequence: number
  readonly baseOffset: number
  readonly createdAt: number
  readonly salt: Uint8Array
  readonly epoch: number
  /** Chain value of the last valid frame before this file. */
  readonly previousChain: number
  /** Hash of queue and bucket: rejects a file in the wrong place. */
  readonly place: number
  /** Its own checksum, the chain value of the first frame. */
  readonly crc: number
}

export function encodeSegmentHeader(header: Omit<SegmentHeader, 'crc'>): Uint8Array {
  const bytes = new Uint8Array(SEGMENT_HEADER_BYTES)
  const view = viewOf(bytes)
  bytes.set([...MAGIC, MAJOR])
  view.setUint16(8, SEGMENT_HEADER_BYTES, true)
  view.setUint16(10, MINOR, true)
  setU64(view, 16, header.sequence)
  setU64(view, 24, header.baseOffset)
  setU64(view, 32, header.createdAt)
  bytes.set(header.salt, 40)
  view.setUint32(48, header.epoch, true)
  view.setUint32(52, header.previousChain, true)
  view.setUint32(56, header.place, true)
  view.setUint32(60, crc32c(bytes, 0, 60), true)
  return bytes
}

/** The chain value that the first frame behind this header carries. */
export function headerChain(header: Uint8Array): number {
  return viewOf(header).getUint32(60, true)
}

/** undefined when the bytes are not a whole, valid header; `unsupported` for a newer format. */
export function decodeSegmentHeader(bytes: Uint8Array): SegmentHeader | undefined {
  if (bytes.length < SEGMENT_HEADER_BYTES || !MAGIC.every((byte, at) => bytes[at] === byte)) return undefined
  const view = viewOf(bytes)
  const crc = view.getUint32(60, true)
  if (crc32c(bytes, 0, 60) !== crc) return undefined
  const flags = view.getUint32(12, true) & REFUSED_FLAGS
  if (bytes[7] !== MAJOR || flags !== 0) {
    throw new StorageError('unsupported', 'a log segment was written by a newer version of Varve', {
      facts: { format: bytes[7], newestKnown: MAJOR, flags },
    })
  }
  return {
    sequence: getU64(view, 16),
    baseOffset: getU64(view, 24),
    createdAt: getU64(view, 32),
    salt: bytes.slice(40, 48),
    epoch: view.getUint32(48, true),
    previousChain: view.getUint32(52, true),
    place: view.getUint32(56, true),
    crc,
  }
}

/** The salt, because a crash or a failure before the manifest is saved leaves a file that a second try must not meet. */
export function segmentName({ sequence, epoch }: { readonly sequence: number; readonly epoch: number }, salt: Uint8Array): string {
  return `${String(sequence).padStart(10, '0')}-${epoch}-${toHex(salt)}`
}

/** What the control frame at the beginning of a writer's stretch of a segment says. */
export interface ControlState {
  readonly kind: 'state'
  readonly durable: number
  /** Of the system that wrote it; null where nothing tells. */
  readonly bootId: string | null
}

/** The last frame of a log of chunks that was sealed: no append follows. */
export interface SealState {
  readonly kind: 'seal'
}

export function encodeControlFrame(state: ControlState | SealState, at: LogEnd): { bytes: Uint8Array; chain: number } {
  const body = utf8(JSON.stringify(state))
  const bytes = new Uint8Array(frameLength(body.length))
  bytes.set(body, FRAME_HEADER_BYTES)
  const chain = writeFrameHeader(bytes, 0, body.length, at.salt, {
    baseOffset: at.next,
    timestamp: at.timestamp,
    durable: at.durable,
    epoch: at.epoch,
    chain: at.chain,
    count: 0,
    hasTombstones: false,
  })
  return { bytes, chain }
}

/** Throws `corrupt` when a body with a valid checksum is not a control state. */
export function decodeControlState(body: Uint8Array): ControlState {
  const said = decodeControl(body)
  if (said.kind !== 'seal') return said
  throw new StorageError('corrupt', 'a control frame holds a seal where a state belongs')
}

/** What any control frame says. */
export function decodeControl(body: Uint8Array): ControlState | SealState {
  const said = parse(body)
  if (said?.kind === 'seal' || typeof said?.durable === 'number') return said
  throw new StorageError('corrupt', 'a control frame does not hold a state')
}

function parse(body: Uint8Array): ControlState | SealState | null {
  try {
    return JSON.parse(fromUtf8(body)) as ControlState | SealState | null
  } catch (cause) {
    throw new StorageError('corrupt', 'a control frame does not hold JSON', { cause })
  }
}
