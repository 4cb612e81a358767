// Writes records one behind the other into memory that grows as needed. Text is encoded where it will lie: its length and
// its record's are guessed at a byte a character, which is right for nearly all, and put right where it was not.

import { grow, utf8Into } from '../base/bytes.js'
import type { BytesOrText, RawRecord } from '../ports/stream-broker.js'
import { HAS_SCHEMA } from './records.js'
import { MAX_VARINT_BYTES, varintLength, writeVarint, zigzag } from './varint.js'

/** Room for what stands around key, value and headers, as a rule. */
const AROUND_BYTES = 16
/** Of UTF-8, for one unit of a string. */
const MAX_UNIT_BYTES = 3

/** Its size in a frame as a guess: exact enough to plan with. */
export function guessRecordBytes({ key, value, headers }: RawRecord): number {
  let bytes = AROUND_BYTES + (key?.length ?? 0) + (value?.length ?? 0)
  if (headers !== undefined) for (const [name, text] of headers) bytes += name.length + text.length + 2
  return bytes
}

export class RecordWriter {
  #bytes: Uint8Array
  #at = 0

  /** Begins to write at the start of `memory`, whatever is in it. */
  constructor(memory: Uint8Array) {
    this.#bytes = memory
  }

  /** Where the next byte goes. */
  get at(): number {
    return this.#at
  }

  /** The memory as it is now: other memory once it had to grow. */
  get bytes(): Uint8Array {
    return this.#bytes
  }

  /** Leaves room that is to be filled later. */
  skip(bytes: number): void {
    this.#reserve(bytes)
    this.#at += bytes
  }

  /** Zeros up to the position. */
  padTo(end: number): void {
    this.#reserve(end - this.#at)
    this.#bytes.fill(0, this.#at, end)
    this.#at = end
  }

  /** One record, with its length in front; its timestamp is the frame's and so many ms. */
  record(record: RawRecord, timestampDelta = 0): void {
    const { key, value, headers, schema } = record
    const start = this.#at
    const guessed = varintLength(guessRecordBytes(record))
    this.skip(guessed)
    this.#number(schema === undefined ? record.codec : record.codec | HAS_SCHEMA)
    this.#number(zigzag(timestampDelta))
    this.#optional(key)
    this.#optional(value)
    this.#number(headers?.length ?? 0)
    if (headers !== undefined) {
      for (const [name, text] of headers) {
        this.#prefixed(name, 0)
        this.#prefixed(text, 0)
      }
    }
    if (schema !== undefined) this.#number(schema)
    this.#putLength(start, guessed, this.#at - start - guessed)
  }

  #optional(data: BytesOrText | undefined): void {
    if (data === undefined) this.#number(0)
    else this.#prefixed(data, 1)
  }

  /** Length plus `more`, and the bytes. */
  #prefixed(data: BytesOrText, more: 0 | 1): void {
    if (typeof data === 'string') {
      this.#text(data, more)
      return
    }
    this.#number(data.length + more)
    this.#reserve(data.length)
    this.#bytes.set(data, this.#at)
    this.#at += data.length
  }

  #text(text: string, more: 0 | 1): void {
    this.#reserve(MAX_VARINT_BYTES + text.length * MAX_UNIT_BYTES)
    const start = this.#at
    const guessed = varintLength(text.length + more)
    this.#at = utf8Into(text, this.#bytes, start + guessed)
    this.#putLength(start, guessed, this.#at - start - guessed, more)
  }

  /** In front of the `length` bytes that begin `guessed` bytes behind `start`; moves them where it takes other room. */
  #putLength(start: number, guessed: number, length: number, more: 0 | 1 = 0): void {
    const needed = varintLength(length + more)
    if (needed !== guessed) {
      this.#reserve(needed)
      this.#bytes.copyWithin(start + needed, start + guessed, this.#at)
      this.#at += needed - guessed
    }
    writeVarint(this.#bytes, start, length + more)
  }

  #number(value: number): void {
    this.#reserve(MAX_VARINT_BYTES)
    this.#at = writeVarint(this.#bytes, this.#at, value)
  }

  #reserve(bytes: number): void {
    const needed = this.#at + bytes
    if (needed > this.#bytes.length) this.#bytes = grow(this.#bytes, this.#at, needed)
  }
}
