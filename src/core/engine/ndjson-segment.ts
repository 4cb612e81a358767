// What stands around the batches of a segment of text: the header as its first line, padded with spaces, states of the
// writer, and the index as its last line. docs/format.md has an example.

import { fromHex, fromUtf8, toHex } from '../base/bytes.js'
import { StorageError } from '../base/errors.js'
import { checkLine, hex, latin, LineWriter } from '../codec/line.js'
import type { LogEnd } from './frames.js'
import type { ControlState, SealState, SegmentHeader } from './segment.js'
import type { SegmentFooter, SegmentIndex, SegmentSummary } from './segment-index.js'

export const TEXT_HEADER_BYTES = 256
const FORMAT = 1
const NO_SALT = new Uint8Array(0)
const NEWLINE = 0x0a
const SPACE = 0x20

export function encodeTextHeader(header: Omit<SegmentHeader, 'crc'>): Uint8Array {
  const { sequence, baseOffset, createdAt, salt, epoch, previousChain, place } = header
  const numbers = `"format":${FORMAT},"sequence":${sequence},"base":${baseOffset},"created":${createdAt},"epoch":${epoch}`
  const writer = new LineWriter(new Uint8Array(TEXT_HEADER_BYTES), NO_SALT)
  writer.line(`{"varve":"segment",${numbers},"salt":"${toHex(salt)}","previous":"${hex(previousChain)}","place":"${hex(place)}"`)
  const bytes = new Uint8Array(TEXT_HEADER_BYTES).fill(SPACE)
  bytes.set(writer.written.subarray(0, -1))
  bytes[TEXT_HEADER_BYTES - 1] = NEWLINE
  return bytes
}

interface HeaderLine {
  readonly format: number
  readonly sequence: number
  readonly base: number
  readonly created: number
  readonly epoch: number
  readonly salt: string
  readonly previous: string
  readonly place: string
}

/** undefined when the bytes are not a whole, valid header; `unsupported` for a newer format. */
export function decodeTextHeader(bytes: Uint8Array): SegmentHeader | undefined {
  const text = bytes.length < TEXT_HEADER_BYTES ? '' : latin(bytes, 0, TEXT_HEADER_BYTES)
  const line = /^(\{"varve":"segment",.*\}) *\n$/.exec(text)?.[1]
  if (line === undefined) return undefined
  const whole = new Uint8Array([...bytes.subarray(0, line.length), NEWLINE])
  const crc = checkLine(whole, 0, whole.length, NO_SALT)
  if (crc === undefined) return undefined
  const { format, sequence, base, created, epoch, salt, previous, place } = JSON.parse(line) as HeaderLine
  if (format !== FORMAT) {
    throw new StorageError('unsupported', 'a log segment was written by a newer version of Varve', {
      facts: { format, newestKnown: FORMAT },
    })
  }
  return {
    ...{ sequence, baseOffset: base, createdAt: created, epoch, salt: fromHex(salt), crc },
    ...{ previousChain: Number.parseInt(previous, 16), place: Number.parseInt(place, 16) },
  }
}

export function textHeaderChain(header: Uint8Array): number {
  return decodeTextHeader(header)?.crc ?? 0
}

export function encodeControlLine(control: ControlState | SealState, at: LogEnd): { readonly bytes: Uint8Array; readonly chain: number } {
  const { next, timestamp, durable, chain: prev, salt } = at
  const writer = new LineWriter(new Uint8Array(0), salt)
  const fields = `{"next":${next},"timestamp":${timestamp},"control":${JSON.stringify(control)}`
  const chain = writer.line(`${fields},"durable":${durable},"prev":"${hex(prev)}"`)
  return { bytes: writer.written, chain }
}

/** Throws `corrupt` when a line with a valid checksum is not a control state. */
export function decodeControlLine(body: Uint8Array): ControlState {
  try {
    return (JSON.parse(fromUtf8(body)) as { readonly control: ControlState }).control
  } catch (cause) {
    throw new StorageError('corrupt', 'a control line does not hold a state', { cause })
  }
}

/** `,"bytes":"0123abcd","crc":"0123abcd"}` and the newline. */
const FOOTER_END = /,"bytes":"([0-9a-f]{8})","crc":"[0-9a-f]{8}"\}\n$/
const FOOTER_END_BYTES = 38

export function encodeFooterLine(index: SegmentIndex, summary: SegmentSummary): Uint8Array {
  const entries = index.entries.map(({ offset, position, reached }) => [offset, position, reached])
  const fields = JSON.stringify({ index: entries, ...summary }).slice(0, -1)
  const writer = new LineWriter(new Uint8Array(0), NO_SALT)
  writer.line(`${fields},"bytes":"${hex(fields.length + FOOTER_END_BYTES)}"`)
  return writer.written
}

/** The footer at the end of `bytes`; a number says how many bytes it takes when there are fewer; undefined: none, or a damaged one. */
export function decodeFooterLine(bytes: Uint8Array): SegmentFooter | number | undefined {
  const found = FOOTER_END.exec(latin(bytes, bytes.length - FOOTER_END_BYTES, bytes.length))
  if (found === null) return undefined
  const length = Number.parseInt(found[1] as string, 16)
  const start = bytes.length - length
  if (start < 0) return length
  if (checkLine(bytes, start, bytes.length, NO_SALT) === undefined) return undefined
  const { index, ...summary } = JSON.parse(fromUtf8(bytes.subarray(start))) as FooterLine
  return { ...summary, entries: index.map(([offset, position, reached]) => ({ offset, position, reached })) }
}

interface FooterLine extends SegmentSummary {
  readonly index: readonly (readonly [offset: number, position: number, reached: number])[]
}
