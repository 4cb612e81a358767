// One file that holds parts of a store: a header, then sections, each with its length and checksums, then one that says how
// many there were and what all of them hash to. A header has a checksum of its own, so that its lengths can be trusted
// before anything is fetched. The tables stand in docs/format.md, "Archives".

import { getU64, setU64, viewOf } from '../../base/bytes.js'
import { StorageError } from '../../base/errors.js'
import { crc32c } from '../crc32c.js'
import { newSalt } from '../envelope.js'

export const ARCHIVE_HEADER_BYTES = 48
export const SECTION_HEADER_BYTES = 32
/** Of the body of a section, as it is stored and inflated: bounds what a length from a file may ask for. */
export const MAX_SECTION_BYTES = 96 * 1024 * 1024

const MAGIC = [0x56, 0x41, 0x52, 0x56, 0x41, 0x52, 0x43] // "VARVARC"
const MAJOR = 1
const ARCHIVE_ID_BYTES = 16
const SECTION_MAGIC = 0x43455356 // "VSEC"
const OPTIONAL = 0x01
const MUST_KNOW_FLAGS = 0xffff

/** What a section holds. Numbers are for ever. */
export const SECTION = {
  end: 1,
  contents: 2,
  queue: 16,
  records: 17,
  bucketEnd: 18,
  group: 19,
  marks: 20,
  values: 32,
  valuePart: 33,
  snapshot: 48,
  chunks: 50,
  snapshotGone: 51,
} as const

export type SectionType = keyof typeof SECTION

const NAMES = new Map<number, SectionType>(Object.entries(SECTION).map(([name, type]) => [type, name as SectionType]))

export interface ArchiveHeader {
  /** Milliseconds since 1970. */
  readonly createdAt: number
  /** Random, in every section's checksum: one of another archive is not read. */
  readonly id: Uint8Array
}

export interface SectionHeader {
  readonly type: number
  /** Whoever does not know its type goes on behind it. */
  readonly isOptional: boolean
  /** Id, as everywhere. */
  readonly compression: number
  readonly storedLength: number
  readonly plainLength: number
  /** Of the body as it is stored. */
  readonly bodyCrc: number
}

export function sectionName(type: number): SectionType | undefined {
  return NAMES.get(type)
}

export function encodeArchiveHeader(createdAt: number): { readonly bytes: Uint8Array; readonly id: Uint8Array } {
  const bytes = new Uint8Array(ARCHIVE_HEADER_BYTES)
  const view = viewOf(bytes)
  const id = newSalt(ARCHIVE_ID_BYTES)
  bytes.set([...MAGIC, MAJOR])
  view.setUint16(8, ARCHIVE_HEADER_BYTES, true)
  setU64(view, 16, createdAt)
  bytes.set(id, 24)
  view.setUint32(44, crc32c(bytes, 0, 44), true)
  return { bytes, id }
}

/** `corrupt` for what is no archive, `unsupported` for one of a newer version. */
export function decodeArchiveHeader(bytes: Uint8Array | undefined): ArchiveHeader {
  const hasMagic = bytes !== undefined && bytes.length === ARCHIVE_HEADER_BYTES && MAGIC.every((byte, at) => bytes[at] === byte)
  if (!hasMagic) throw new StorageError('corrupt', 'this is no archive of Varve', { operation: 'openArchive', facts: { position: 0 } })
  const view = viewOf(bytes)
  if (view.getUint32(44, true) !== crc32c(bytes, 0, 44)) {
    throw new StorageError('corrupt', 'the header of the archive fails its checksum', { operation: 'openArchive', facts: { position: 0 } })
  }
  const flags = view.getUint32(12, true)
  if (bytes[7] !== MAJOR || (flags & MUST_KNOW_FLAGS) !== 0) {
    throw new StorageError('unsupported', 'the archive was written by a newer version of Varve', {
      operation: 'openArchive',
      facts: { format: bytes[7], newestKnown: MAJOR, flags },
    })
  }
  return { createdAt: getU64(view, 16), id: bytes.slice(24, 24 + ARCHIVE_ID_BYTES) }
}

/** What the checksum of a section's header begins with: the archive, and how many sections there were before. */
export interface SectionPlace {
  readonly id: Uint8Array
  readonly number: number
}

export function encodeSectionHeader(header: Omit<SectionHeader, 'bodyCrc'>, body: Uint8Array, place: SectionPlace): Uint8Array {
  const bytes = new Uint8Array(SECTION_HEADER_BYTES)
  const view = viewOf(bytes)
  view.setUint32(0, SECTION_MAGIC, true)
  view.setUint16(4, header.type, true)
  view.setUint8(6, header.compression)
  view.setUint8(7, header.isOptional ? OPTIONAL : 0)
  view.setUint32(8, place.number, true)
  view.setUint32(12, header.storedLength, true)
  view.setUint32(16, header.plainLength, true)
  view.setUint32(20, crc32c(body), true)
  view.setUint32(28, headerCrc(bytes, place), true)
  return bytes
}

/** `corrupt` unless it is the one that belongs here. */
export function decodeSectionHeader(bytes: Uint8Array, place: SectionPlace): SectionHeader {
  const view = viewOf(bytes)
  const isWhole = view.getUint32(0, true) === SECTION_MAGIC && view.getUint32(28, true) === headerCrc(bytes, place)
  if (!isWhole) throw new StorageError('corrupt', 'the header of a section fails its checksum')
  const [number, flags] = [view.getUint32(8, true), view.getUint8(7)]
  if (number !== place.number) throw new StorageError('corrupt', 'a section of the archive is missing')
  const header = {
    type: view.getUint16(4, true),
    isOptional: (flags & OPTIONAL) !== 0,
    compression: view.getUint8(6),
    storedLength: view.getUint32(12, true),
    plainLength: view.getUint32(16, true),
    bodyCrc: view.getUint32(20, true),
  }
  if ((flags & ~OPTIONAL) !== 0 || view.getUint32(24, true) !== 0) {
    throw new StorageError('unsupported', 'a section with a feature that this version does not know')
  }
  if (header.storedLength > MAX_SECTION_BYTES || header.plainLength > MAX_SECTION_BYTES) {
    throw new StorageError('corrupt', 'a section is longer than any may be')
  }
  return header
}

function headerCrc(bytes: Uint8Array, { id }: SectionPlace): number {
  return crc32c(bytes, 0, 28, crc32c(id))
}
