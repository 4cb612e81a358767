// Bytes made wrong on purpose, the same for the same seed.

import { seededRandom } from 'varve/testing'

/** Numbers that lengths and counts go wrong at. */
const EDGES = [0, 1, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff]
const MOST_RANDOM_BYTES = 200

export interface Draw {
  /** A whole number from 0 to below the limit. */
  below(limit: number): number
}

export function draw(seed: number): Draw {
  const random = seededRandom(seed)
  return { below: (limit) => Math.floor(random() * limit) }
}

/** One of the valid inputs with a few changes; now and then bytes that were never valid. */
export function mutate(valid: readonly Uint8Array[], drawn: Draw): Uint8Array {
  if (drawn.below(16) === 0) return Uint8Array.from({ length: drawn.below(MOST_RANDOM_BYTES) }, () => drawn.below(256))
  let bytes: Uint8Array = (valid[drawn.below(valid.length)] as Uint8Array).slice()
  for (let left = 1 + drawn.below(4); left > 0; left--) bytes = change(bytes, valid, drawn)
  return bytes
}

function change(bytes: Uint8Array, valid: readonly Uint8Array[], drawn: Draw): Uint8Array {
  const at = drawn.below(bytes.length + 1)
  const length = drawn.below(1 + Math.min(32, bytes.length - at))
  switch (drawn.below(8)) {
    case 0:
      return bytes.slice(0, at)
    case 1:
      return joined(bytes.subarray(0, at), bytes.subarray(at + length))
    case 2:
      return joined(bytes.subarray(0, at + length), bytes.subarray(at))
    case 3: {
      const other = valid[drawn.below(valid.length)] as Uint8Array
      return joined(bytes.subarray(0, at), other.subarray(drawn.below(other.length + 1)))
    }
    case 4:
      return withNumber(bytes, at, EDGES[drawn.below(EDGES.length)] as number, 1 << drawn.below(3))
    default:
      return withNumber(bytes, at, drawn.below(2) === 0 ? drawn.below(256) : (bytes[at] ?? 0) ^ (1 << drawn.below(8)), 1)
  }
}

/** Little-endian, as much of it as fits. */
function withNumber(bytes: Uint8Array, at: number, value: number, length: number): Uint8Array {
  for (let i = 0; i < length && at + i < bytes.length; i++) bytes[at + i] = Math.floor(value / 256 ** i) % 256
  return bytes
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const whole = new Uint8Array(a.length + b.length)
  whole.set(a)
  whole.set(b, a.length)
  return whole
}
