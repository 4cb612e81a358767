// Reads a segment that no footer closes, frame by frame, and decides what its end means: clean, torn by a crash (nothing
// acknowledged is missing), or corrupt (something durable is gone). The rule is the one of docs/format.md, "Opening a log".

import { StorageError } from '../base/errors.js'
import type { FrameFault, FrameHeader } from '../codec/frame.js'
import type { ByteSource } from '../ports/file-store.js'
import type { FrameFormat } from './frame-format.js'
import { FrameWindow } from './frame-window.js'
import type { SegmentHeader } from './segment.js'

export type EndFault = FrameFault | 'body' | 'chain' | 'offset'

export interface ScannedSegment {
  readonly format: FrameFormat
  readonly header: SegmentHeader
  /** Length of the valid prefix, in bytes. */
  readonly length: number
  readonly next: number
  readonly chain: number
  readonly timestamp: number
  /** Offsets in it that no record has. */
  readonly skipped?: number
  /** What stopped the scan before the file ended. */
  readonly fault?: EndFault
  /** Greatest offset that anything in the prefix proves durable. */
  readonly durable: number
  readonly bootId: string | null
}

/** Reads the header; undefined where it is not whole, or of another place. */
export async function beginScan(file: ByteSource, place: number, format: FrameFormat): Promise<ScannedSegment | undefined> {
  const length = format.segmentHeaderBytes
  const header = format.decodeSegmentHeader(await file.read({ start: 0, end: length }))
  if (header === undefined || header.place !== place) return undefined
  return { format, header, length, next: header.baseOffset, chain: header.crc, timestamp: 0, durable: 0, bootId: null }
}

/** Goes on from where an earlier scan stopped; `onFrame` is told of every valid frame. */
export async function scanSegment(
  file: ByteSource,
  from: ScannedSegment,
  onFrame: (frame: FrameHeader, position: number, reached: number) => void,
): Promise<ScannedSegment> {
  const { format, header } = from
  const window = new FrameWindow(file, format)
  let { length: at, next, chain, timestamp, durable, bootId, skipped = 0 } = from
  let fault: EndFault | undefined
  const { size } = file
  while (at < size) {
    const coming = window.reach(at, format.leastFrameBytes)
    if (coming !== undefined) await coming
    const seen = window.headerAt(at, header.salt)
    const frame = seen === 'incomplete' ? await window.frame(at, header.salt) : seen
    if (typeof frame === 'string') fault = frame
    else if (frame.chain !== chain) fault = 'chain'
    else if (frame.baseOffset < next) fault = 'offset' // beyond it lies a gap that its writer declared
    const more = fault === undefined ? window.reach(at, (frame as FrameHeader).length) : undefined
    if (more !== undefined) await more
    const body = fault === undefined ? window.bodyAt(at, frame as FrameHeader) : undefined
    if (body === undefined) {
      fault ??= 'body'
      break
    }
    const valid = frame as FrameHeader
    if (valid.isControl) {
      const state = format.decodeControlState(body)
      durable = Math.max(durable, state.durable)
      bootId = state.bootId
    }
    onFrame(valid, at, timestamp)
    skipped += valid.baseOffset - next
    next = valid.next
    chain = valid.headerCrc
    timestamp = Math.max(timestamp, valid.timestamp)
    at += valid.length
  }
  return { format, header, length: at, next, chain, timestamp, durable, bootId, skipped, ...(fault === undefined ? {} : { fault }) }
}

/** What lies behind the valid prefix. */
export interface SegmentRest {
  /** Frames that are whole in themselves. */
  readonly frames: number
  /** Greatest offset that they prove durable. */
  readonly durable: number
  /** Offset after the last of them. */
  readonly next: number
}

/** Looks for frames of this file after the place where the scan stopped. */
export async function inspectRest(file: ByteSource, scanned: ScannedSegment): Promise<SegmentRest> {
  const { format, header } = scanned
  const window = new FrameWindow(file, format)
  let rest: SegmentRest = { frames: 0, durable: 0, next: scanned.next }
  let at = await window.after(scanned.length)
  const { size } = file
  while (at + format.leastFrameBytes <= size) {
    const coming = window.reach(at, format.leastFrameBytes)
    if (coming !== undefined) await coming
    const seen = window.headerAt(at, header.salt)
    const frame = seen === 'incomplete' ? await window.frame(at, header.salt) : seen
    const isWhole = typeof frame !== 'string' && (await window.body(at, frame)) !== undefined
    if (isWhole) {
      rest = { frames: rest.frames + 1, durable: Math.max(rest.durable, frame.durable), next: Math.max(rest.next, frame.next) }
      at += frame.length
    } else {
      const next = window.after(at)
      at = typeof next === 'number' ? next : await next
    }
  }
  return rest
}

/**
 * Returns when the end is clean, or torn by a crash before anything there was acknowledged as durable; decides by what is
 * known to have been durable. Throws `corrupt` with the exact offsets when something durable is gone.
 */
export function judgeEnd(
  scanned: ScannedSegment,
  rest: SegmentRest,
  known: { durable: number; bootId: string | null; path: string },
): void {
  const durable = Math.max(known.durable, scanned.durable, rest.durable)
  const sameBoot = known.bootId !== null && known.bootId === scanned.bootId
  if (durable > scanned.next || (sameBoot && rest.frames > 0)) {
    throw new StorageError('corrupt', 'the log has lost records that were durable', {
      operation: 'open',
      facts: {
        path: known.path,
        position: scanned.length,
        fault: scanned.fault ?? 'missing',
        firstOffset: scanned.next,
        lastOffset: Math.max(durable, rest.next) - 1,
      },
    })
  }
}
