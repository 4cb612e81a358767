// Unsigned LEB128 for numbers below 2^53, and the zigzag mapping for signed ones.

import { textIn } from '../base/bytes.js'
import { StorageError } from '../base/errors.js'

/** Of a number below 2^53. */
export const MAX_VARINT_BYTES = 8

export function varintLength(value: number): number {
  let length = 1
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) length++
  return length
}

/** Writes at `at` and returns the position after it. */
export function writeVarint(into: Uint8Array, at: number, value: number): number {
  let rest = value
  let position = at
  while (rest >= 0x80) {
    into[position++] = (rest % 0x80) | 0x80
    rest = rest < 0x8000_0000 ? rest >>> 7 : Math.floor(rest / 0x80)
  }
  into[position++] = rest
  return position
}

export function zigzag(value: number): number {
  return value >= 0 ? value * 2 : -value * 2 - 1
}

export function unzigzag(value: number): number {
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2
}

/** Reads forward through bytes; everything it cannot read inside its bounds is `corrupt`. */
export class ByteCursor {
  readonly bytes: Uint8Array
  end: number
  at: number
  /** What views are made of: the bytes, or a copy of those from `#viewsFrom` on. */
  #views: Uint8Array
  #viewsFrom = 0

  constructor(bytes: Uint8Array, at = 0, end = bytes.length) {
    this.bytes = bytes
    this.at = at
    this.end = end
    this.#views = bytes
  }

  /** From here to `end`, views are into memory that is theirs alone. */
  copyUntil(end: number): void {
    this.#views = this.bytes.slice(this.at, end)
    this.#viewsFrom = this.at
  }

  byte(): number {
    if (this.at >= this.end) throw damaged('a record ends too early', this.at)
    return this.bytes[this.at++] as number
  }

  varint(): number {
    const first = this.byte()
    if (first < 0x80) return first
    let value = first & 0x7f
    let scale = 0x80
    for (let count = 1; count < MAX_VARINT_BYTES; count++) {
      const byte = this.byte()
      value += (byte & 0x7f) * scale
      if (byte < 0x80) {
        if (value > Number.MAX_SAFE_INTEGER) break
        return value
      }
      scale *= 0x80
    }
    throw damaged('a number is too long', this.at)
  }

  /** A view, checked against what is left before anything is taken. */
  take(length: number): Uint8Array {
    const start = this.at - this.#viewsFrom
    this.goTo(this.at + length)
    return this.#views.subarray(start, start + length)
  }

  text(length: number): string {
    const start = this.at
    this.goTo(start + length)
    return textIn(this.bytes, start, this.at)
  }

  /** On to `place`, which must not lie past the end. */
  goTo(place: number): void {
    if (place > this.end) throw damaged('a length points past the end', this.at)
    this.at = place
  }
}

function damaged(message: string, position: number): StorageError {
  return new StorageError('corrupt', message, { facts: { position } })
}
