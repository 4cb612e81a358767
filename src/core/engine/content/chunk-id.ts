// A chunk's name is the hash of what it is and what it holds. As text it is what trees and manifests say; as bytes, what
// packs and tables of packs hold.

import { utf8 } from '../../base/bytes.js'
import { sha256 } from '../../codec/hash.js'
import type { ChunkId, ChunkKind } from './chunks.js'

/** Of the algorithm: SHA-256 over a domain, the kind and the bytes. */
const ALGORITHM = 1
const HASH_BYTES = 32

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const DIGITS = makeDigits()
const DOMAINS: Readonly<Record<ChunkKind, Uint8Array>> = { leaf: utf8('varve chunk leaf\0'), node: utf8('varve chunk node\0') }
const KINDS: readonly (ChunkKind | undefined)[] = [undefined, 'leaf', 'node']

export async function idOf(kind: ChunkKind, plain: Uint8Array): Promise<ChunkId> {
  return idText(await sha256(plain, DOMAINS[kind]), ALGORITHM)
}

/** As one byte of a header. */
export function kindByte(kind: ChunkKind): number {
  return KINDS.indexOf(kind)
}

/** undefined for a byte that no kind has. */
export function kindOfByte(byte: number): ChunkKind | undefined {
  return KINDS[byte]
}

/** Text of 33 bytes: the algorithm, then the hash, 3 bytes in 4 characters. */
export function idText(hash: Uint8Array, algorithm: number): ChunkId {
  let text = ''
  for (let at = -1; at < HASH_BYTES; at += 3) {
    const first = at < 0 ? algorithm : (hash[at] as number)
    const bits = (first << 16) | ((hash[at + 1] as number) << 8) | (hash[at + 2] as number)
    text +=
      ALPHABET.charAt(bits >>> 18) + ALPHABET.charAt((bits >>> 12) & 63) + ALPHABET.charAt((bits >>> 6) & 63) + ALPHABET.charAt(bits & 63)
  }
  return text
}

/** Writes the hash at `at` and the algorithm behind it; false for a text that is no id. */
export function idInto(id: ChunkId, into: Uint8Array, at: number): boolean {
  if (typeof id !== 'string' || id.length !== 44) return false
  let seen = 0
  let to = at - 1
  for (let i = 0; i < 44; i += 4) {
    const a = digit(id, i)
    const b = digit(id, i + 1)
    const c = digit(id, i + 2)
    const d = digit(id, i + 3)
    seen |= a | b | c | d
    const bits = (a << 18) | (b << 12) | (c << 6) | d
    if (i === 0) into[at + HASH_BYTES] = bits >>> 16
    else into[to] = bits >>> 16
    into[to + 1] = bits >>> 8
    into[to + 2] = bits
    to += 3
  }
  return seen < 64
}

/** 64, or more, for what is no digit. */
function digit(id: string, at: number): number {
  return DIGITS[id.charCodeAt(at) & 0x7f] as number
}

function makeDigits(): Uint8Array {
  const digits = new Uint8Array(128).fill(64)
  for (let value = 0; value < ALPHABET.length; value++) digits[ALPHABET.charCodeAt(value)] = value
  return digits
}
