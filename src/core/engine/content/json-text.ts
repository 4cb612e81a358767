// The little that has to be known of JSON text to find places in it.

const QUOTE = 0x22
const BACKSLASH = 0x5c

/** Where the string ends that begins with the quote at `at`; past the end where it does not. */
export function closingQuote(bytes: Uint8Array, at: number): number {
  const { length } = bytes
  for (let next = at + 1; next < length; next++) {
    const byte = bytes[next]
    if (byte === QUOTE) return next
    if (byte === BACKSLASH) next++
  }
  return length
}
