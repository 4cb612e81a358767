// A block of a blob as a cache keeps it: an envelope, whose checksum shows what went bad here, with what a reader is told of the blob.
//
// Body: 8 bytes the blob's length, 2 the length of its version, the version, the bytes of the block.

import { fromUtf8, getU64, setU64, utf8, viewOf } from '../base/bytes.js'
import { StorageError } from '../base/errors.js'
import { openEnvelope, sealEnvelope } from '../codec/envelope.js'

/** What names of blocks begin with. */
export const BLOCKS = 'cached/blocks/'
/** Blobs are cut at multiples of it. */
export const BLOCK_BYTES = 256 * 1024
const HEAD_BYTES = 10
const BYTES_CODEC = 0

export interface Block {
  /** Of the whole blob. */
  readonly blobBytes: number
  /** Of the blob, as the store gave it. */
  readonly version: string
  readonly data: Uint8Array
}

export function sealBlock({ blobBytes, version, data }: Block): Uint8Array {
  const name = utf8(version)
  const body = new Uint8Array(HEAD_BYTES + name.length + data.length)
  const view = viewOf(body)
  setU64(view, 0, blobBytes)
  view.setUint16(8, name.length, true)
  body.set(name, HEAD_BYTES)
  body.set(data, HEAD_BYTES + name.length)
  return sealEnvelope({ kind: 'cached', codec: BYTES_CODEC }, body)
}

/** `corrupt` where it is damaged, or not the block of that number. */
export function openBlock(stored: Uint8Array, key: string, index: number): Block {
  const { body } = openEnvelope(stored, 'cached', key)
  const view = viewOf(body)
  const from = body.length < HEAD_BYTES ? HEAD_BYTES : HEAD_BYTES + view.getUint16(8, true)
  const blobBytes = body.length < from ? 0 : getU64(view, 0)
  const length = Math.min(BLOCK_BYTES, blobBytes - index * BLOCK_BYTES)
  if (body.length !== from + length) {
    throw new StorageError('corrupt', 'a cached block is not of the length it should be', { key, facts: { bytes: stored.length } })
  }
  return { blobBytes, version: fromUtf8(body.subarray(HEAD_BYTES, from)), data: body.subarray(from) }
}

/** A blob, as far as whoever keeps a part of it has to know. */
export interface BlobPart {
  readonly key: string
  /** Of the whole blob. */
  readonly bytes: number
  readonly version: string
  /** Where `data` begins. */
  readonly start: number
  readonly data: Uint8Array
}

export function blockName(key: string, index: number): string {
  return `${BLOCKS}${key}/${index}`
}

/** Of the blob. */
export function keyOfBlock(name: string): string {
  return name.slice(BLOCKS.length, name.lastIndexOf('/'))
}

/** Those that lie whole in the part, sealed, by their names. */
export function blocksIn({ key, bytes, version, start, data }: BlobPart): Map<string, Uint8Array> {
  const blocks = new Map<string, Uint8Array>()
  for (let index = Math.ceil(start / BLOCK_BYTES); ; index++) {
    const from = index * BLOCK_BYTES
    const to = Math.min(bytes, from + BLOCK_BYTES)
    if (to > start + data.length || (from >= bytes && index > 0)) return blocks
    blocks.set(blockName(key, index), sealBlock({ blobBytes: bytes, version, data: data.subarray(from - start, to - start) }))
    if (bytes === 0) return blocks
  }
}
