// A pack is a blob of many chunks, each behind a header of its own, and at the very end a table of them, so that one read of
// the end finds all. Its name is the SHA-256 of its bytes, before any encryption: nothing else is needed to tell whether it is whole.
//
// Header, 32 bytes:   0 7+1 "VARVPCK", format major   8 4 flags   12 16 random   28 4 CRC of bytes 0-27
// Chunk, 52 bytes:    0 4 "VCHK"   4 32 hash   36 1 algorithm   37 1 kind   38 1 compression   39 1 zero
//                     40 4 stored length   44 4 plain length   48 4 CRC of bytes 0-47 and the stored bytes, which follow
// Entry, 48 bytes:    0 36 as in the chunk (hash to zero)   36 4 position of its header   40 4 stored length   44 4 plain length
// Trailer, 32 bytes:  0 7+1 "VARVPTR", format major   8 8 position of the entries   16 4 how many   20 4 flags   24 4 zero
//                     28 4 CRC of the entries and bytes 0-27

import { concatBytes, getU64, setU64, utf8, viewOf } from '../../base/bytes.js'
import { StorageError } from '../../base/errors.js'
import { crc32c } from '../../codec/crc32c.js'
import { newSalt } from '../../codec/envelope.js'
import { idInto, idText, kindByte, kindOfByte } from './chunk-id.js'
import type { ChunkId, ChunkKind } from './chunks.js'
import { MAX_CHUNK_BYTES } from './content.js'

export const HEADER_BYTES = 32
export const CHUNK_HEADER_BYTES = 52
export const ENTRY_BYTES = 48
export const TRAILER_BYTES = 32
const MAJOR = 1
const HEADER_MAGIC = utf8('VARVPCK')
const TRAILER_MAGIC = utf8('VARVPTR')
const CHUNK_MAGIC = utf8('VCHK')
/** Of the flags, those that a reader must know. */
const REFUSED_FLAGS = 0xffff

/** Where a chunk lies. */
export interface ChunkPlace {
  /** Of its header. */
  readonly at: number
  readonly storedBytes: number
  readonly plainBytes: number
}

/** A chunk as it is stored. */
export interface StoredChunk {
  readonly id: ChunkId
  readonly kind: ChunkKind
  readonly compression: number
  readonly plainBytes: number
  readonly bytes: Uint8Array
}

export function packHeader(): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES)
  bytes.set(HEADER_MAGIC)
  bytes[7] = MAJOR
  bytes.set(newSalt(16), 12)
  viewOf(bytes).setUint32(28, crc32c(bytes, 0, 28), true)
  return bytes
}

/** Header and stored bytes of a chunk. */
export function chunkRecord(chunk: StoredChunk): Uint8Array {
  const record = new Uint8Array(CHUNK_HEADER_BYTES + chunk.bytes.length)
  writeRecord(chunk, record, 0)
  return record
}

/** The same at `at`, over whatever stood there. */
export function writeRecord({ id, kind, compression, plainBytes, bytes }: StoredChunk, into: Uint8Array, at: number): void {
  const view = viewOf(into)
  into.set(CHUNK_MAGIC, at)
  idInto(id, into, at + 4)
  into[at + 37] = kindByte(kind)
  into[at + 38] = compression
  into[at + 39] = 0
  view.setUint32(at + 40, bytes.length, true)
  view.setUint32(at + 44, plainBytes, true)
  into.set(bytes, at + CHUNK_HEADER_BYTES)
  view.setUint32(at + 48, recordChecksum(into, at, at + CHUNK_HEADER_BYTES + bytes.length), true)
}

/** The entry of a record that lies at `at`. */
export function entryOf(record: Uint8Array, at: number): Uint8Array {
  const entry = new Uint8Array(ENTRY_BYTES)
  writeEntry(record, at, entry, 0)
  return entry
}

/** The same at `to`; only the header of the record is looked at. */
export function writeEntry(record: Uint8Array, at: number, into: Uint8Array, to: number): void {
  into.set(record.subarray(4, 40), to)
  viewOf(into).setUint32(to + 36, at, true)
  into.set(record.subarray(40, 48), to + 40)
}

/** Trailer behind entries, one or more in a piece; `at` is where they begin. */
export function packTail(entries: readonly Uint8Array[], at: number): Uint8Array {
  const bytes = concatBytes([...entries, new Uint8Array(TRAILER_BYTES)])
  const start = bytes.length - TRAILER_BYTES
  bytes.set(TRAILER_MAGIC, start)
  bytes[start + 7] = MAJOR
  const view = viewOf(bytes)
  setU64(view, start + 8, at)
  view.setUint32(start + 16, start / ENTRY_BYTES, true)
  view.setUint32(start + 28, crc32c(bytes, 0, start + 28), true)
  return bytes
}

/**
 * The entries of a pack of `size` bytes, out of its last ones; a number when it takes so many of the last bytes to read
 * them. `corrupt` when damaged, `unsupported` when of a newer format.
 */
export function openTail(tail: Uint8Array, size: number, name: string): Uint8Array | number {
  if (tail.length < TRAILER_BYTES) throw damaged(name, 'its end is missing', { bytes: size })
  const start = tail.length - TRAILER_BYTES
  const view = viewOf(tail)
  if (!startsWith(tail, start, TRAILER_MAGIC)) throw damaged(name, 'its table has no valid trailer', { bytes: size })
  const at = getU64(view, start + 8)
  const count = view.getUint32(start + 16, true)
  if (at < HEADER_BYTES || at + count * ENTRY_BYTES + TRAILER_BYTES !== size)
    throw damaged(name, 'its table has another length', { at, count, size })
  const needed = size - at
  if (needed > tail.length) return needed
  const from = tail.length - needed
  const actual = crc32c(tail, from, start + 28)
  const expected = view.getUint32(start + 28, true)
  if (actual !== expected) throw damaged(name, 'its table fails its checksum', { expected, actual })
  const isNewer = tail[start + 7] !== MAJOR || (view.getUint32(start + 20, true) & REFUSED_FLAGS) !== 0
  if (isNewer) throw new StorageError('unsupported', 'a pack stored by a newer version of Varve', { key: name })
  return tail.subarray(from, start)
}

/** The entries of all chunks that are whole, where the table is not to be read: found by their headers. */
export function scanPack(bytes: Uint8Array): Uint8Array {
  const entries: Uint8Array[] = []
  for (let at = HEADER_BYTES; at + CHUNK_HEADER_BYTES <= bytes.length; ) {
    const length = recordLength(bytes, at)
    if (length === undefined) {
      at++
      continue
    }
    entries.push(entryOf(bytes.subarray(at, at + length), at))
    at += length
  }
  return concatBytes(entries)
}

/** The chunk of a record, still compressed. `corrupt` when damaged; `name` goes into the error. */
export function openRecord(record: Uint8Array, name: string): StoredChunk {
  const isWhole = recordLength(record, 0) === record.length
  const kind = kindOfByte(record[37] ?? 0)
  if (!isWhole || kind === undefined) throw damaged(name, 'a chunk in it fails its checksum', { bytes: record.length })
  const plainBytes = viewOf(record).getUint32(44, true)
  // Nobody inflates it on its own word.
  if (plainBytes > MAX_CHUNK_BYTES)
    throw damaged(name, 'a chunk in it is longer than any may be', { plainBytes, maxBytes: MAX_CHUNK_BYTES })
  return {
    id: idText(record.subarray(4, 36), record[36] as number),
    kind,
    compression: record[38] as number,
    plainBytes,
    bytes: record.subarray(CHUNK_HEADER_BYTES),
  }
}

/** Of the whole record that begins at `at`; undefined where none does. */
function recordLength(bytes: Uint8Array, at: number): number | undefined {
  if (!startsWith(bytes, at, CHUNK_MAGIC) || at + CHUNK_HEADER_BYTES > bytes.length) return undefined
  const view = viewOf(bytes)
  const length = CHUNK_HEADER_BYTES + view.getUint32(at + 40, true)
  if (at + length > bytes.length) return undefined
  return view.getUint32(at + 48, true) === recordChecksum(bytes, at, at + length) ? length : undefined
}

function recordChecksum(bytes: Uint8Array, start: number, end: number): number {
  return crc32c(bytes, start + CHUNK_HEADER_BYTES, end, crc32c(bytes, start, start + 48))
}

function startsWith(bytes: Uint8Array, at: number, magic: Uint8Array): boolean {
  for (let i = 0; i < magic.length; i++) if (bytes[at + i] !== magic[i]) return false
  return true
}

function damaged(name: string, what: string, facts: Readonly<Record<string, unknown>>): StorageError {
  return new StorageError('corrupt', `a pack is damaged: ${what}`, { key: name, facts })
}
