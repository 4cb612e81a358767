// Names become keys that are safe on every medium: lower-case ASCII, one-to-one, in the order of the names' UTF-8 bytes.
// A letter before each component makes `con`, `nul`, `..` and trailing dots harmless.

import { fromUtf8, utf8 } from './bytes.js'
import { StorageError } from './errors.js'

const MAX_NAME_BYTES = 255

/**
 * Throws `invalid` for a name that is empty, holds NUL or a lone surrogate, or is longer than 255 UTF-8 bytes.
 * `what` names it in the message: `queue name`.
 */
export function checkName(what: string, name: unknown): asserts name is string {
  if (typeof name !== 'string') throw new StorageError('invalid', `a ${what} is a string`, { facts: { type: typeof name } })
  if (name === '') throw new StorageError('invalid', `a ${what} is not empty`)
  if (name.includes('\0')) throw new StorageError('invalid', `a ${what} holds no NUL`, { facts: { name } })
  if (hasLoneSurrogate(name)) throw new StorageError('invalid', `a ${what} holds no lone surrogate`, { facts: { name } })
  const bytes = utf8(name).length
  if (bytes > MAX_NAME_BYTES) {
    throw new StorageError('invalid', `a ${what} has at most ${MAX_NAME_BYTES} UTF-8 bytes`, {
      facts: { bytes, name: `${name.slice(0, 32)}…` },
    })
  }
}

/** Two such texts may have the same UTF-8. */
export function hasLoneSurrogate(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0xd800 || unit > 0xdfff) continue
    const next = text.charCodeAt(i + 1)
    if (unit > 0xdbff || !(next >= 0xdc00 && next <= 0xdfff)) return true
    i++
  }
  return false
}

/** Digits and lower-case letters stay; other bytes become a mark and two hex digits, the mark chosen so that order is kept. */
export function escapeName(name: string): string {
  let escaped = ''
  for (const byte of utf8(name)) escaped += escapeByte(byte)
  return escaped
}

function escapeByte(byte: number): string {
  const isDigit = byte >= 0x30 && byte <= 0x39
  const isLetter = byte >= 0x61 && byte <= 0x7a
  if (isDigit || isLetter) return String.fromCharCode(byte)
  const mark = byte < 0x30 ? '-' : byte <= 0x60 ? '_' : '~'
  return mark + byte.toString(16).padStart(2, '0')
}

/** The inverse of `escapeName`; throws `corrupt` for text that it never made. */
export function unescapeName(escaped: string): string {
  const bytes: number[] = []
  for (let i = 0; i < escaped.length; i++) {
    const mark = escaped[i] as string
    if (mark === '-' || mark === '_' || mark === '~') {
      bytes.push(Number.parseInt(escaped.slice(i + 1, i + 3), 16))
      i += 2
    } else {
      bytes.push(escaped.charCodeAt(i))
    }
  }
  let name: string | undefined
  try {
    name = fromUtf8(Uint8Array.from(bytes))
  } catch {
    name = undefined
  }
  if (name === undefined || escapeName(name) !== escaped) {
    throw new StorageError('corrupt', 'a stored key does not decode to a name', { key: escaped })
  }
  return name
}

/** `prefix` is one letter that says what the component is. */
export function keyComponent(prefix: string, name: string): string {
  return prefix + escapeName(name)
}
