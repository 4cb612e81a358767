// Bytes that grow as they are written.

import { grow, utf8, viewOf } from '../base/bytes.js'
import { varintLength, writeVarint } from './varint.js'

const FIRST_BYTES = 256
/** Up to this many units a loop beats the encoder. */
const SHORT_TEXT = 32

export class ByteWriter {
  #bytes = new Uint8Array(FIRST_BYTES)
  #view = viewOf(this.#bytes)
  #at = 0

  byte(value: number): void {
    this.#reserve(1)
    this.#bytes[this.#at++] = value
  }

  varint(value: number): void {
    this.#reserve(8)
    this.#at = writeVarint(this.#bytes, this.#at, value)
  }

  double(value: number): void {
    this.#reserve(8)
    this.#view.setFloat64(this.#at, value, true)
    this.#at += 8
  }

  bytes(bytes: Uint8Array): void {
    this.varint(bytes.length)
    this.#reserve(bytes.length)
    this.#bytes.set(bytes, this.#at)
    this.#at += bytes.length
  }

  /** Byte length and UTF-8; the text must be well-formed. */
  text(text: string): void {
    if (text.length <= SHORT_TEXT && this.#ascii(text)) return
    this.bytes(utf8(text))
  }

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#at)
  }

  #ascii(text: string): boolean {
    const { length } = text
    this.#reserve(varintLength(length) + length)
    const bytes = this.#bytes
    bytes[this.#at] = length
    for (let i = 0; i < length; i++) {
      const unit = text.charCodeAt(i)
      if (unit > 0x7f) return false
      bytes[this.#at + 1 + i] = unit
    }
    this.#at += 1 + length
    return true
  }

  #reserve(length: number): void {
    const needed = this.#at + length
    if (needed <= this.#bytes.length) return
    this.#bytes = grow(this.#bytes, this.#at, needed)
    this.#view = viewOf(this.#bytes)
  }
}
