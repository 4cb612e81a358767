// Unsigned LEB128 for numbers below 2^53, and the zigzag mapping for signed ones.

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
  readonly end: number
  at: number

  constructor(bytes: Uint8Array, at = 0, end = bytes.length) {
    this.bytes = bytes
    this.at = at
    this.end = end
  }

  byte(): number {
    if (this.at >= this.end) throw damaged('a record ends too early', this.at)
    return this.bytes[this.at++] as number
  }

  varint(): number {
    let value = 0
    let scale = 1
    for (let count = 0; count < 8; count++) {
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
    const start = this.#pass(length)
    return this.bytes.subarray(start, this.at)
  }

  /** The same as bytes to be read by themselves. */
  piece(length: number): ByteCursor {
    const start = this.#pass(length)
    return new ByteCursor(this.bytes, start, this.at)
  }

  #pass(length: number): number {
    const start = this.at
    if (length > this.end - start) throw damaged('a length points past the end', start)
    this.at = start + length
    return start
  }
}

function damaged(message: string, position: number): StorageError {
  return new StorageError('corrupt', message, { facts: { position } })
}
