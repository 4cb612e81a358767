// Lines of JSON that carry a checksum: `{…,"crc":"0123abcd"}`, over the bytes of the line before it and a salt. Text as
// they are, they are checked byte for byte: who edits one makes it invalid.

import { grow, utf8Into } from '../base/bytes.js'
import { crc32c } from './crc32c.js'

const NEWLINE = 0x0a
/** Of `,"crc":"0123abcd"}` and the newline. */
const END_BYTES = 19
const CRC_FIELD = ',"crc":"'
/** Where the digits of `"prev":"0123abcd"` begin, before the end of a line that has it last. */
const PREV_BYTES = END_BYTES + 9
/** Of UTF-8, for one unit of a string. */
const MAX_UNIT_BYTES = 3

/** Bytes from the place on until behind the next newline; undefined where there is none. */
export function lineEnd(bytes: Uint8Array, at: number): number | undefined {
  const newline = bytes.indexOf(NEWLINE, at)
  return newline === -1 ? undefined : newline + 1
}

/** The checksum of the whole line in `bytes[at, end)`; undefined where it is damaged. */
export function checkLine(bytes: Uint8Array, at: number, end: number, salt: Uint8Array): number | undefined {
  if (end - at < END_BYTES + 1) return undefined
  const crc = crc32c(bytes, at, end - END_BYTES, crc32c(salt))
  return latin(bytes, end - END_BYTES, end) === endOf(crc) ? crc : undefined
}

/** Puts another value into the `prev` of the line, and the checksum that belongs to it; returns that. */
export function rechainLine(bytes: Uint8Array, at: number, end: number, salt: Uint8Array, prev: number): number {
  utf8Into(hex(prev), bytes, end - PREV_BYTES)
  return sealLine(bytes, at, end, salt)
}

function sealLine(bytes: Uint8Array, at: number, end: number, salt: Uint8Array): number {
  const crc = crc32c(bytes, at, end - END_BYTES, crc32c(salt))
  utf8Into(endOf(crc), bytes, end - END_BYTES)
  return crc
}

function endOf(crc: number): string {
  return `${CRC_FIELD}${hex(crc)}"}\n`
}

/** Eight digits. */
export function hex(value: number): string {
  return value.toString(16).padStart(8, '0')
}

/** One character a byte. */
export function latin(bytes: Uint8Array, start: number, end: number): string {
  let text = ''
  for (let at = Math.max(0, start); at < end; at++) text += String.fromCharCode(bytes[at] as number)
  return text
}

/** Writes lines one behind the other into memory that grows as needed. */
export class LineWriter {
  readonly #salt: Uint8Array
  #bytes: Uint8Array
  #at = 0

  constructor(memory: Uint8Array, salt: Uint8Array) {
    this.#bytes = memory
    this.#salt = salt
  }

  get written(): Uint8Array {
    return this.#bytes.subarray(0, this.#at)
  }

  /** A line of these fields, `{` in front and no end; returns its checksum. */
  line(fields: string): number {
    const start = this.#at
    this.#reserve(fields.length * MAX_UNIT_BYTES + END_BYTES)
    this.#at = utf8Into(fields, this.#bytes, start) + END_BYTES
    return sealLine(this.#bytes, start, this.#at, this.#salt)
  }

  #reserve(bytes: number): void {
    const needed = this.#at + bytes
    if (needed > this.#bytes.length) this.#bytes = grow(this.#bytes, this.#at, needed)
  }
}
