// All frames of a segment or chunk that are whole, damage or not: what cannot be read is passed over, and looked behind.

import { frameError, type FrameHeader } from '../../codec/frame.js'
import type { ByteSource } from '../../ports/file-store.js'
import type { FrameFormat } from '../frame-format.js'
import { FrameWindow } from '../frame-window.js'
import type { WholeFrame } from '../log.js'
import type { FrameDamage } from './anomaly.js'

export interface WalkOptions {
  readonly format: FrameFormat
  readonly salt: Uint8Array
  /** Frames of an earlier offset belong to another life of the file. */
  readonly base: number
  /** Where the first begins; default behind the header of a segment. */
  readonly start?: number
  /** Where they end at the latest. */
  readonly end: number
}

export type WalkStep =
  | { readonly kind: 'frame'; readonly position: number; readonly frame: WholeFrame }
  | ({ readonly kind: 'damage' } & FrameDamage)

export async function* walkFrames(
  source: ByteSource,
  { format, salt, base, start = format.segmentHeaderBytes, end }: WalkOptions,
): AsyncGenerator<WalkStep> {
  const window = new FrameWindow(source, format)
  let next = base
  let at = start
  let damagedFrom: { readonly position: number; readonly fault: string } | undefined
  while (at < end) {
    const header = await window.frame(at, salt)
    // What a newer version wrote is no damage.
    if (header === 'unknown') throw frameError(header, { position: at })
    const fault = await faultOf(window, at, header, { next, end, least: format.leastFrameBytes })
    if (fault !== undefined) {
      damagedFrom ??= { position: at, fault }
      const place = window.after(at)
      at = typeof place === 'number' ? place : await place
      continue
    }
    if (damagedFrom !== undefined) yield { kind: 'damage', ...damagedFrom, end: at }
    damagedFrom = undefined
    const whole = header as FrameHeader
    yield { kind: 'frame', position: at, frame: await window.whole(at, whole) }
    next = Math.max(next, whole.next)
    at += whole.length
  }
  if (damagedFrom !== undefined) yield { kind: 'damage', ...damagedFrom, end }
}

async function faultOf(
  window: FrameWindow,
  at: number,
  header: FrameHeader | string,
  limits: { readonly next: number; readonly end: number; readonly least: number },
): Promise<string | undefined> {
  if (typeof header === 'string') return at + limits.least > limits.end ? 'incomplete' : header
  if (at + header.length > limits.end) return 'incomplete'
  if (header.baseOffset < limits.next) return 'offset'
  return (await window.body(at, header)) === undefined ? 'body' : undefined
}

/** The whole frames with records. */
export async function* wholeFrames(source: ByteSource, options: WalkOptions): AsyncGenerator<WholeFrame> {
  for await (const step of walkFrames(source, options)) {
    if (step.kind === 'frame' && !step.frame.header.isControl) yield step.frame
  }
}
