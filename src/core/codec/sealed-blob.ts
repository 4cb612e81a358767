// A blob sealed under the key of its store: a header whose checksums need no key, then the segments of `cipher`. Where a
// segment lies follows from its number alone, and the plain length from the stored one, so that ranges and listings need no more.
//
//  0  8  magic "VRVSEAL", format major     8  4  generation of the data key
// 12  4  flags (0)                        16 32  salt
// 48  8  plain length                     56  4  CRC32C of the segments
// 60  4  CRC32C of bytes 0-59

import { getU64, setU64, viewOf } from '../base/bytes.js'
import { StorageError } from '../base/errors.js'
import { boundOf, cipherFor, newCipherSalt, SALT_BYTES, SegmentCipher } from './cipher.js'
import { SEALED_HEADER_BYTES, SEGMENT_BYTES, sealedBytes, segmentCount, segmentStart } from './sealed-sizes.js'
import { crc32c } from './crc32c.js'
import { isSealedBlob, markSealedBlob } from './sealed-mark.js'

const MAJOR = 1
const SALT_AT = 16
/** Flag bits 0-15 unknown = refuse, 16-31 unknown = ignore. */
const REFUSED_FLAGS = 0xffff

/** What seals: a data key and where it belongs. */
export interface SealingKey {
  readonly storeId: Uint8Array
  readonly generation: number
  readonly key: Uint8Array
}

export interface SealedHeader {
  readonly generation: number
  readonly plainBytes: number
  readonly checksum: number
  /** As stored. */
  readonly bytes: Uint8Array
}

/** Segments `first` to below `end`. */
export interface SegmentRange {
  readonly first: number
  readonly end: number
}

/** `place` is the blob's key: under another one it does not open. */
export async function sealBlob(by: SealingKey, place: string, plain: Uint8Array): Promise<Uint8Array> {
  const sealed = new Uint8Array(sealedBytes(plain.length))
  const view = viewOf(sealed)
  markSealedBlob(sealed, MAJOR)
  view.setUint32(8, by.generation, true)
  sealed.set(newCipherSalt(), SALT_AT)
  setU64(view, 48, plain.length)
  const cipher = await blobCipher(by, place, sealed)
  const count = segmentCount(plain.length)
  await eachSegment({ first: 0, end: count }, async (index) => {
    const at = index * SEGMENT_BYTES
    const start = SEALED_HEADER_BYTES + segmentStart(index)
    const into = sealed.subarray(start, SEALED_HEADER_BYTES + segmentStart(index + 1))
    await cipher.sealInto(index, index === count - 1, plain.subarray(at, at + SEGMENT_BYTES), into)
  })
  view.setUint32(56, crc32c(sealed, SEALED_HEADER_BYTES, sealed.length), true)
  view.setUint32(60, crc32c(sealed, 0, 60), true)
  return sealed
}

/** `corrupt` for what is no whole header, `unsupported` for a newer one. */
export function readSealedHeader(stored: Uint8Array, place: string): SealedHeader {
  if (!isSealedBlob(stored) || stored.length < SEALED_HEADER_BYTES) {
    throw new StorageError('corrupt', 'a blob of an encrypted store is not encrypted, or cut off', { key: place })
  }
  const bytes = stored.subarray(0, SEALED_HEADER_BYTES)
  const view = viewOf(bytes)
  if (crc32c(bytes, 0, 60) !== view.getUint32(60, true)) {
    throw new StorageError('corrupt', 'the header of an encrypted blob fails its checksum', { key: place })
  }
  const flags = view.getUint32(12, true) & REFUSED_FLAGS
  if (bytes[7] !== MAJOR || flags !== 0) {
    const facts = { format: bytes[7], newestKnown: MAJOR, flags }
    throw new StorageError('unsupported', 'encrypted by a newer version of Varve', { key: place, facts })
  }
  return { generation: view.getUint32(8, true), plainBytes: getU64(view, 48), checksum: view.getUint32(56, true), bytes }
}

export function allSegments({ plainBytes }: SealedHeader): SegmentRange {
  return { first: 0, end: segmentCount(plainBytes) }
}

/** The segments that hold plain bytes from `start` to below `end`; the last one for none, so that what the header says is proved. */
export function segmentsFor(header: SealedHeader, start: number, end: number): SegmentRange {
  const all = allSegments(header)
  const last = Math.min(end, header.plainBytes)
  if (start >= last) return { first: all.end - 1, end: all.end }
  return { first: Math.floor(start / SEGMENT_BYTES), end: Math.ceil(last / SEGMENT_BYTES) }
}

/** Where these segments lie in the stored blob. */
export function storedRange({ plainBytes }: SealedHeader, { first, end }: SegmentRange): { readonly start: number; readonly end: number } {
  const start = SEALED_HEADER_BYTES + segmentStart(first)
  return { start, end: Math.max(start, Math.min(SEALED_HEADER_BYTES + segmentStart(end), sealedBytes(plainBytes))) }
}

/** Where the segment with the last of so many bytes ends at the latest. */
export function storedEnd(plainBytes: number): number {
  return SEALED_HEADER_BYTES + segmentStart(segmentCount(plainBytes))
}

/** The plain bytes of segments; `corrupt` where they, their place or their number are not what was sealed. */
export async function openSegments(
  by: SealingKey,
  place: string,
  header: SealedHeader,
  { range, sealed }: { readonly range: SegmentRange; readonly sealed: Uint8Array },
): Promise<Uint8Array> {
  const cipher = await blobCipher(by, place, header.bytes)
  const last = segmentCount(header.plainBytes) - 1
  const from = segmentStart(range.first)
  const plain = new Uint8Array(Math.max(0, Math.min(range.end * SEGMENT_BYTES, header.plainBytes) - range.first * SEGMENT_BYTES))
  await eachSegment(range, async (index) => {
    const segment = await cipher.open(index, index === last, sealed.subarray(segmentStart(index) - from, segmentStart(index + 1) - from))
    const at = (index - range.first) * SEGMENT_BYTES
    if (segment === undefined || segment.length !== Math.min(SEGMENT_BYTES, plain.length - at)) {
      throw new StorageError('corrupt', 'a part of an encrypted blob is damaged, or belongs to another place', {
        key: place,
        facts: { segment: index, of: last + 1, generation: header.generation, checksum: checksumOf(header, range, sealed) },
      })
    }
    plain.set(segment, at)
  })
  return plain
}

/** Tells accidents from what somebody did; undefined where not all segments are at hand. */
function checksumOf(header: SealedHeader, { first, end }: SegmentRange, sealed: Uint8Array): string | undefined {
  if (end - first < segmentCount(header.plainBytes)) return undefined
  return crc32c(sealed) === header.checksum ? 'holds' : 'fails'
}

async function blobCipher({ storeId, key }: SealingKey, place: string, header: Uint8Array): Promise<SegmentCipher> {
  const cipher = await cipherFor('blob', key, header.slice(SALT_AT, SALT_AT + SALT_BYTES))
  return new SegmentCipher(cipher, boundOf(storeId, place, header.slice(0, SALT_AT), header.slice(48, 56)))
}

/** Together: where a cipher works beside this thread, several do. */
async function eachSegment({ first, end }: SegmentRange, task: (index: number) => Promise<void>): Promise<void> {
  if (end - first === 1) return await task(first)
  await Promise.all(Array.from({ length: end - first }, (_, n) => task(first + n)))
}
