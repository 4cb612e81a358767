// Helpers over Uint8Array that more than one module needs. Integers are little-endian.

import { StorageError } from './errors.js'

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Up to this many units a loop beats the encoder, in browsers many times over. */
const SHORT_TEXT = 48

export function utf8(text: string): Uint8Array {
  if (text.length > SHORT_TEXT) return encoder.encode(text)
  const bytes = new Uint8Array(text.length)
  return asciiInto(text, bytes, 0) ? bytes : encoder.encode(text)
}

/** Writes at `at`, where there must be room for three bytes a unit, and returns the position after it. */
export function utf8Into(text: string, into: Uint8Array, at: number): number {
  if (text.length <= SHORT_TEXT && asciiInto(text, into, at)) return at + text.length
  return at + encoder.encodeInto(text, into.subarray(at)).written
}

/** False where a character needs more than a byte. */
function asciiInto(text: string, into: Uint8Array, at: number): boolean {
  const { length } = text
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i)
    if (unit > 0x7f) return false
    into[at + i] = unit
  }
  return true
}

/** Throws `corrupt` where the bytes are not UTF-8: all that Varve stores as text is. */
export function fromUtf8(bytes: Uint8Array): string {
  const short = bytes.length > SHORT_BYTES ? undefined : asciiText(bytes, 0, bytes.length)
  if (short !== undefined) return short
  try {
    return decoder.decode(bytes)
  } catch (cause) {
    throw new StorageError('corrupt', 'stored text is not UTF-8', { cause, facts: { bytes: bytes.length } })
  }
}

/** The same of a part. */
export function textIn(bytes: Uint8Array, start: number, end: number): string {
  const short = end - start > SHORT_BYTES ? undefined : asciiText(bytes, start, end)
  return short ?? fromUtf8(bytes.subarray(start, end))
}

/** Up to this many bytes the decoder takes longer to call than to do it here. */
const SHORT_BYTES = 24

/** undefined where a byte is not a character. Eight at a time: growing a text by one costs most. */
function asciiText(bytes: Uint8Array, start: number, end: number): string | undefined {
  let all = 0
  for (let at = start; at < end; at++) all |= bytes[at] as number
  if (all > 0x7f) return undefined
  let text = ''
  let at = start
  for (; at + 8 <= end; at += 8) {
    const [a, b, c, d] = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]] as [number, number, number, number]
    const [e, f, g, h] = [bytes[at + 4], bytes[at + 5], bytes[at + 6], bytes[at + 7]] as [number, number, number, number]
    text += String.fromCharCode(a, b, c, d, e, f, g, h)
  }
  for (; at < end; at++) text += String.fromCharCode(bytes[at] as number)
  return text
}

export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const part of parts) length += part.length
  const whole = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

/** The first `used` bytes in memory for `needed` at least; more than asked for, so that growing often stays cheap. */
export function grow(bytes: Uint8Array, used: number, needed: number): Uint8Array<ArrayBuffer> {
  const grown = new Uint8Array(Math.max(needed, bytes.length * 2))
  grown.set(bytes.subarray(0, used))
  return grown
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

export function toHex(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; at++) text += HEX[bytes[at] as number]
  return text
}

/** Throws a RangeError unless the text is hexadecimal digits in pairs. */
export function fromHex(text: string): Uint8Array {
  if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) throw new RangeError('not hexadecimal')
  const bytes = new Uint8Array(text.length / 2)
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16)
  return bytes
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

const TWO_32 = 2 ** 32

/** Reads an unsigned integer below 2^53 from 8 bytes; anything larger gives a number above `Number.MAX_SAFE_INTEGER`. */
export function getU64(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * TWO_32 + view.getUint32(at, true)
}

export function setU64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true)
  view.setUint32(at + 4, Math.floor(value / TWO_32), true)
}
