// The little that has to be known of JSON text to find places in it.

import { fromUtf8 } from '../../base/bytes.js'
import { StorageError } from '../../base/errors.js'
import type { Json } from '../../codec/codec.js'

const QUOTE = 0x22
const BACKSLASH = 0x5c

/** Up to so many bytes a loop finds a quote sooner than the runtime's own search. */
const NEAR_BYTES = 32

/** Where the string ends that begins with the quote at `at`; past the end where it does not. */
export function closingQuote(bytes: Uint8Array, at: number): number {
  const { length } = bytes
  for (let next = at + 1; next < length; ) {
    const near = Math.min(length, next + NEAR_BYTES)
    for (; next < near; next++) {
      const byte = bytes[next]
      if (byte === QUOTE) return next
      if (byte === BACKSLASH) next++
    }
    const quote = bytes.indexOf(QUOTE, next)
    if (quote < 0) return length
    if (!isEscaped(bytes, quote)) return quote
    next = quote + 1
  }
  return length
}

/** Backslashes in front of it are escapes themselves, in pairs. */
function isEscaped(bytes: Uint8Array, quote: number): boolean {
  let before = quote - 1
  while (bytes[before] === BACKSLASH) before--
  return (quote - before) % 2 === 0
}

/** `corrupt` where stored text is not JSON. */
export function parseJson(bytes: Uint8Array): Json {
  return parseText(fromUtf8(bytes))
}

/** The items of a fragment of a list. */
export function parseItems(fragment: Uint8Array, expected: number): readonly Json[] {
  const items = parseText(`[${fromUtf8(fragment)}]`) as readonly Json[]
  checkCount(items.length, expected)
  return items
}

/** The entries of a fragment of a map. `__proto__` is a key like any other. */
export function parseEntries(fragment: Uint8Array, expected: number): Readonly<Record<string, Json>> {
  const entries = parseText(`{${fromUtf8(fragment)}}`) as Readonly<Record<string, Json>>
  checkCount(Object.keys(entries).length, expected)
  return entries
}

function checkCount(actual: number, expected: number): void {
  if (actual !== expected)
    throw new StorageError('corrupt', 'a chunk holds other items than its node says', { facts: { expected, actual } })
}

function parseText(text: string): Json {
  try {
    return JSON.parse(text) as Json
  } catch (cause) {
    throw new StorageError('corrupt', 'stored text is not JSON', { facts: { length: text.length }, cause })
  }
}

/** As data, also where the key is `__proto__`. */
export function setOwn(target: Record<string, unknown>, key: string, value: unknown): void {
  if (key !== '__proto__') target[key] = value
  else Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true })
}
