// Two bytes for each key in a leaf of a map: enough to pass by nearly all leaves that do not have a key.

import { fromBase64, toBase64 } from '../../codec/base64.js'
import { murmur3 } from '../../codec/murmur3.js'

const PRINT_BYTES = 2

/** Of keys as they stand in the text: UTF-8 with their quotes. */
export function keyPrints(keys: readonly Uint8Array[]): string {
  const prints = new Uint8Array(keys.length * PRINT_BYTES)
  for (let index = 0; index < keys.length; index++) {
    const hash = murmur3(keys[index] as Uint8Array)
    prints[index * 2] = hash & 0xff
    prints[index * 2 + 1] = (hash >>> 8) & 0xff
  }
  return toBase64(prints)
}

/** Whether one of the prints is that of the key; throws a RangeError for what is not base64. */
export function mayHold(prints: string, key: Uint8Array): boolean {
  const hash = murmur3(key)
  const bytes = fromBase64(prints)
  for (let at = 0; at < bytes.length; at += PRINT_BYTES) {
    if (bytes[at] === (hash & 0xff) && bytes[at + 1] === ((hash >>> 8) & 0xff)) return true
  }
  return false
}

/** The length of the prints of so many keys, in base64. */
export function printsLength(keys: number): number {
  return Math.ceil((keys * PRINT_BYTES) / 3) * 4
}
