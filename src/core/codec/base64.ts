// Bytes as text and back (RFC 4648, section 4, with padding).

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const PIECE = 3 * 4096

export function toBase64(bytes: Uint8Array): string {
  const parts: string[] = []
  for (let at = 0; at < bytes.length; at += PIECE) parts.push(encodePiece(bytes.subarray(at, at + PIECE)))
  return parts.join('')
}

function encodePiece(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += 3) {
    const left = bytes.length - at
    const bits = ((bytes[at] as number) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0)
    text += ALPHABET.charAt(bits >>> 18) + ALPHABET.charAt((bits >>> 12) & 63)
    text += (left > 1 ? ALPHABET.charAt((bits >>> 6) & 63) : '=') + (left > 2 ? ALPHABET.charAt(bits & 63) : '=')
  }
  return text
}

/** Throws a RangeError for what `toBase64` never makes. */
export function fromBase64(text: string): Uint8Array {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) throw new RangeError('not base64')
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0
  const bytes = new Uint8Array((text.length / 4) * 3 - padding)
  let bits = 0
  for (let at = 0, to = 0; at < text.length; at++) {
    bits = (bits << 6) | Math.max(0, ALPHABET.indexOf(text.charAt(at)))
    if (at % 4 !== 3) continue
    bytes[to++] = bits >>> 16
    if (to < bytes.length) bytes[to++] = bits >>> 8
    if (to < bytes.length) bytes[to++] = bits
    bits = 0
  }
  return bytes
}
