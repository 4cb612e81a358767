// The bytes of a blob's file: a header of 32 bytes (magic, CRC-32 of all that follows it, data length, generation, 8 random
// bytes), then the data. Generation and random bytes are the version.

import { getU64, setU64, toHex, viewOf } from '../../core/base/bytes.js'
import { crc32 } from './crc32.js'

export interface BlobHeader {
  /** Of a key's two files the greater one is newer. */
  readonly generation: number
  readonly version: string
}

export const HEADER_BYTES = 32
const MAGIC = 0x31424c56 // "VLB1"
const CHECKED_FROM = 8

export function encodeBlob(generation: number, data: Uint8Array): { readonly bytes: Uint8Array; readonly header: BlobHeader } {
  const bytes = new Uint8Array(HEADER_BYTES + data.length)
  const view = viewOf(bytes)
  view.setUint32(0, MAGIC, true)
  setU64(view, 8, data.length)
  setU64(view, 16, generation)
  crypto.getRandomValues(bytes.subarray(24, HEADER_BYTES))
  bytes.set(data, HEADER_BYTES)
  view.setUint32(4, crc32(bytes.subarray(CHECKED_FROM)), true)
  return { bytes, header: headerOf(bytes) }
}

/** From the first bytes of a file and its size; undefined when the file does not end where the header says. */
export function readHeader(start: Uint8Array, fileBytes: number): BlobHeader | undefined {
  if (start.length < HEADER_BYTES) return undefined
  const view = viewOf(start)
  const isWhole = view.getUint32(0, true) === MAGIC && getU64(view, 8) === fileBytes - HEADER_BYTES
  return isWhole ? headerOf(start) : undefined
}

/** True when a file was written to its end and is undamaged. */
export function isIntact(file: Uint8Array): boolean {
  return readHeader(file, file.length) !== undefined && viewOf(file).getUint32(4, true) === crc32(file.subarray(CHECKED_FROM))
}

function headerOf(bytes: Uint8Array): BlobHeader {
  const generation = getU64(viewOf(bytes), 16)
  return { generation, version: `${generation}-${toHex(bytes.subarray(24, HEADER_BYTES))}` }
}
