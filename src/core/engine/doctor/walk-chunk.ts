// The frames of one chunk that are whole, and what can still be said of the others.

import { viewOf } from '../../base/bytes.js'
import { isStorageError } from '../../base/errors.js'
import { FRAME_HEADER_BYTES, readFrameHeader } from '../../codec/frame.js'
import type { ByteSource } from '../../ports/file-store.js'
import { binaryFormat } from '../binary-format.js'
import { CHUNK_HEADER_BYTES, checkChunkHeader } from '../chunk.js'
import type { WholeFrame } from '../log.js'
import type { FrameDamage } from './anomaly.js'
import { type WalkStep, walkFrames } from './walk-frames.js'

const CONTROL_OFFSET_DELTA = 0xffffffff
/** Where nothing tells how many records are gone. */
const SPARE_OFFSETS = 1024

/** `next` is what its first frame is expected to begin with; frames of earlier offsets do not belong there. */
export async function* walkChunk(bytes: Uint8Array, salt: Uint8Array, next: number): AsyncGenerator<WalkStep> {
  let isEmpty = true
  for await (const step of walkFrames(inMemory(bytes), {
    format: binaryFormat,
    salt,
    base: next,
    start: CHUNK_HEADER_BYTES,
    end: bytes.length,
  })) {
    isEmpty = false
    yield step
  }
  if (isEmpty) yield { kind: 'damage', position: Math.min(bytes.length, CHUNK_HEADER_BYTES), end: bytes.length, fault: 'incomplete' }
}

export async function wholeFramesOf(bytes: Uint8Array, salt: Uint8Array, next: number): Promise<WholeFrame[]> {
  const frames: WholeFrame[] = []
  for await (const step of walkChunk(bytes, salt, next)) if (step.kind === 'frame') frames.push(step.frame)
  return frames
}

/** `unsupported` for a newer format. */
export function hasChunkHeader(bytes: Uint8Array, key: string): boolean {
  try {
    checkChunkHeader(bytes, key)
    return true
  } catch (error) {
    if (isStorageError(error, 'corrupt')) return false
    throw error
  }
}

/**
 * Where the log may have gone on behind damage that nothing whole follows: by the frame's header if that is whole, by its
 * two numbers of records if they agree; else by more records than it can be expected to have held, so that no offset is
 * used twice.
 */
export function claimedNext(bytes: Uint8Array, { position, end, fault }: FrameDamage, salt: Uint8Array, next: number): number {
  const header = readFrameHeader(bytes, position, salt)
  const isHere = typeof header !== 'string' && fault !== 'offset'
  if (isHere && position + header.length >= end) return Math.max(header.next, next)
  if (typeof header === 'string' && end - position >= FRAME_HEADER_BYTES) {
    const view = viewOf(bytes)
    const isOne = view.getUint32(position + 4, true) === end - position
    const count = view.getUint32(position + 40, true)
    const lastDelta = view.getUint32(position + 44, true)
    if (isOne && count === 0 && lastDelta === CONTROL_OFFSET_DELTA) return next
    if (isOne && count > 0 && lastDelta === count - 1) return next + count
  }
  return next + Math.max(end - position, SPARE_OFFSETS)
}

function inMemory(bytes: Uint8Array): ByteSource {
  return { size: bytes.length, read: async ({ start, end }) => bytes.subarray(start, end), close: async () => {} }
}
