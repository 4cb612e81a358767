// Two bytes for each key in a leaf of a map: enough to pass by nearly all leaves that do not have a key.

import { fromBase64, toBase64 } from '../../codec/base64.js'
import { murmur3, murmur3In } from '../../codec/murmur3.js'

const PRINT_BYTES = 2

/** Of a key as it stands in the text: UTF-8 with its quotes. */
export function keyPrint(bytes: Uint8Array, start: number, end: number): number {
  return murmur3In(bytes, start, end) & 0xffff
}

/** As the part of a node holds them. */
export function printsText(prints: readonly number[]): string {
  const bytes = new Uint8Array(prints.length * PRINT_BYTES)
  for (let index = 0; index < prints.length; index++) {
    const print = prints[index] as number
    bytes[index * 2] = print & 0xff
    bytes[index * 2 + 1] = print >>> 8
  }
  return toBase64(bytes)
}

/** Whether one of the prints is that of the key; throws a RangeError for what is not base64. */
export function mayHold(prints: string, key: Uint8Array): boolean {
  const print = murmur3(key) & 0xffff
  const bytes = fromBase64(prints)
  for (let at = 0; at < bytes.length; at += PRINT_BYTES) {
    if (bytes[at] === (print & 0xff) && bytes[at + 1] === print >>> 8) return true
  }
  return false
}

/** The length of the prints of so many keys, in base64. */
export function printsLength(keys: number): number {
  return Math.ceil((keys * PRINT_BYTES) / 3) * 4
}
