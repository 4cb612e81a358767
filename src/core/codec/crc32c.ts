// CRC-32C (Castagnoli, reflected polynomial 0x82f63b78; RFC 3720 appendix B.4), slicing by 16: in plain TypeScript
// three times faster than a table of bytes, and in Chromium twice as fast by words as by bytes. Long pieces are given to what
// the runtime has for it.

import { tableChecksum } from '#primitives'

const SLICES = 16
const POLYNOMIAL = 0x82f63b78
const IS_LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1
const TABLE = makeTable()

function makeTable(): Int32Array {
  const table = new Int32Array(SLICES * 256)
  for (let byte = 0; byte < 256; byte++) {
    let remainder = byte
    for (let bit = 0; bit < 8; bit++) remainder = remainder & 1 ? (remainder >>> 1) ^ POLYNOMIAL : remainder >>> 1
    table[byte] = remainder
  }
  for (let slice = 1; slice < SLICES; slice++) {
    for (let byte = 0; byte < 256; byte++) {
      const previous = table[(slice - 1) * 256 + byte] as number
      table[slice * 256 + byte] = (previous >>> 8) ^ (table[previous & 0xff] as number)
    }
  }
  return table
}

/** From here on it pays to make a view, or to call what is not JavaScript. */
const LONG_BYTES = 256
let native: ReturnType<NonNullable<typeof tableChecksum>> | undefined

/** The checksum of `bytes[start, end)` as an unsigned 32-bit number. `previous` continues an earlier checksum. */
export function crc32c(bytes: Uint8Array, start = 0, end = bytes.length, previous = 0): number {
  if (tableChecksum !== undefined && end - start >= LONG_BYTES) {
    native ??= tableChecksum(TABLE)
    return ~native(bytes, start, end, ~previous) >>> 0
  }
  return ~plainChecksum(bytes, start, end, ~previous) >>> 0
}

function plainChecksum(bytes: Uint8Array, start: number, end: number, previous: number): number {
  if (!IS_LITTLE_ENDIAN || end - start < LONG_BYTES) return checkBytes(bytes, start, end, previous)
  const aligned = start + (-(bytes.byteOffset + start) & 3)
  const words = new Int32Array(bytes.buffer, bytes.byteOffset + aligned, ((end - aligned) >>> 4) * 4)
  const crc = checkWords(words, checkBytes(bytes, start, aligned, previous))
  return checkBytes(bytes, aligned + words.byteLength, end, crc)
}

/** Four at a time. */
function checkWords(words: Int32Array, previous: number): number {
  const t = TABLE
  let crc = previous
  for (let at = 0; at < words.length; at += 4) {
    const a = (words[at] as number) ^ crc
    const b = words[at + 1] as number
    const c = words[at + 2] as number
    const d = words[at + 3] as number
    crc =
      (t[3840 + (a & 0xff)] as number) ^
      (t[3584 + ((a >>> 8) & 0xff)] as number) ^
      (t[3328 + ((a >>> 16) & 0xff)] as number) ^
      (t[3072 + (a >>> 24)] as number) ^
      (t[2816 + (b & 0xff)] as number) ^
      (t[2560 + ((b >>> 8) & 0xff)] as number) ^
      (t[2304 + ((b >>> 16) & 0xff)] as number) ^
      (t[2048 + (b >>> 24)] as number) ^
      (t[1792 + (c & 0xff)] as number) ^
      (t[1536 + ((c >>> 8) & 0xff)] as number) ^
      (t[1280 + ((c >>> 16) & 0xff)] as number) ^
      (t[1024 + (c >>> 24)] as number) ^
      (t[768 + (d & 0xff)] as number) ^
      (t[512 + ((d >>> 8) & 0xff)] as number) ^
      (t[256 + ((d >>> 16) & 0xff)] as number) ^
      (t[d >>> 24] as number)
  }
  return crc
}

/** Eight at a time where there are as many: headers are too short for words or for another module. */
function checkBytes(bytes: Uint8Array, start: number, end: number, previous: number): number {
  const t = TABLE
  let crc = previous
  let at = start
  for (; at + 8 <= end; at += 8) {
    crc =
      (t[1792 + ((crc ^ (bytes[at] as number)) & 0xff)] as number) ^
      (t[1536 + (((crc >>> 8) ^ (bytes[at + 1] as number)) & 0xff)] as number) ^
      (t[1280 + (((crc >>> 16) ^ (bytes[at + 2] as number)) & 0xff)] as number) ^
      (t[1024 + ((crc >>> 24) ^ (bytes[at + 3] as number))] as number) ^
      (t[768 + (bytes[at + 4] as number)] as number) ^
      (t[512 + (bytes[at + 5] as number)] as number) ^
      (t[256 + (bytes[at + 6] as number)] as number) ^
      (t[bytes[at + 7] as number] as number)
  }
  for (; at < end; at++) crc = (crc >>> 8) ^ (t[(crc ^ (bytes[at] as number)) & 0xff] as number)
  return crc
}
