// A file that grows, sealed: a header, then records of up to 64 KiB, each under a random nonce and bound to its place in the
// plain file. Every record says where it begins there, so that what lies behind damage is found again, and the part in
// between reads as zeros: the log above has checksums of its own, and judges it as it judges a file that is not sealed.
//
// File:    0 8 magic "VRVFILE", format major   8 4 generation of the data key   12 4 flags (0)
//         16 32 salt                          48 12 zeros                       60 4 CRC32C of bytes 0-59
// Record:  0 4 magic                           4 4 plain length                  8 8 where it begins
//         16 12 nonce                         28 4 CRC32C of the salt and bytes 0-27
//         32 … sealed bytes, 16 longer than the plain ones

import { concatBytes, getU64, setU64, viewOf } from '../base/bytes.js'
import { StorageError } from '../base/errors.js'
import { boundOf, cipherFor, newCipherSalt, newNonce, SALT_BYTES } from './cipher.js'
import { SEGMENT_BYTES, TAG_BYTES } from './sealed-sizes.js'
import { crc32c } from './crc32c.js'
import type { SealingKey } from './sealed-blob.js'
import type { Cipher } from '#primitives'

export const SEALED_FILE_HEADER_BYTES = 64
export const RECORD_HEADER_BYTES = 32
const MAGIC = [0x56, 0x52, 0x56, 0x46, 0x49, 0x4c, 0x45] // VRVFILE, then the format major
const MAJOR = 1
const SALT_AT = 16
const RECORD_MAGIC = 0xa7d3915e
const FIRST_MAGIC_BYTE = 0x5e
/** What of a record's header is authenticated with it. */
const PLACE_BYTES = 16
const NONCE_AT = 16
/** Flag bits 0-15 unknown = refuse, 16-31 unknown = ignore. */
const REFUSED_FLAGS = 0xffff

export interface SealedRecord {
  /** Where it begins in the plain file. */
  readonly start: number
  readonly plainBytes: number
}

/** Header and tag included. */
export function recordBytes(plainBytes: number): number {
  return RECORD_HEADER_BYTES + plainBytes + TAG_BYTES
}

export function newSealedFileHeader(generation: number): Uint8Array {
  const header = new Uint8Array(SEALED_FILE_HEADER_BYTES)
  const view = viewOf(header)
  header.set([...MAGIC, MAJOR])
  view.setUint32(8, generation, true)
  header.set(newCipherSalt(), SALT_AT)
  view.setUint32(60, crc32c(header, 0, 60), true)
  return header
}

/** The generation of its key; undefined where it is no whole header; `unsupported` for a newer one. */
export function readSealedFileHeader(header: Uint8Array, path: string): number | undefined {
  if (header.length < SEALED_FILE_HEADER_BYTES || !MAGIC.every((byte, at) => header[at] === byte)) return undefined
  const view = viewOf(header)
  if (crc32c(header, 0, 60) !== view.getUint32(60, true)) return undefined
  const flags = view.getUint32(12, true) & REFUSED_FLAGS
  if (header[7] !== MAJOR || flags !== 0) {
    const facts = { path, format: header[7], newestKnown: MAJOR, flags }
    throw new StorageError('unsupported', 'encrypted by a newer version of Varve', { facts })
  }
  return view.getUint32(8, true)
}

/** What seals and opens the records of one file. */
export class SealedRecords {
  readonly header: Uint8Array
  readonly #cipher: Cipher
  readonly #bound: Uint8Array
  /** Of the salt, continued by a record's header. */
  readonly #salted: number

  private constructor(header: Uint8Array, cipher: Cipher, bound: Uint8Array) {
    this.header = header
    this.#cipher = cipher
    this.#bound = bound
    this.#salted = crc32c(header, SALT_AT, SALT_AT + SALT_BYTES)
  }

  static async of(by: SealingKey, path: string, header: Uint8Array): Promise<SealedRecords> {
    const cipher = await cipherFor('file', by.key, header.slice(SALT_AT, SALT_AT + SALT_BYTES))
    return new SealedRecords(header, cipher, boundOf(by.storeId, path, header.subarray(0, SALT_AT)))
  }

  /** Bytes that begin at `start` of the plain file, as records. */
  async seal(plain: Uint8Array, start: number): Promise<Uint8Array[]> {
    const records: Promise<Uint8Array>[] = []
    for (let at = 0; at < plain.length; at += SEGMENT_BYTES) {
      records.push(this.#sealOne(plain.subarray(at, at + SEGMENT_BYTES), start + at))
    }
    return await Promise.all(records)
  }

  /** The header at `at`; undefined where there is none that is whole and can stand at this place of the stored file. */
  recordAt(bytes: Uint8Array, at: number, position: number): SealedRecord | undefined {
    if (bytes.length - at < RECORD_HEADER_BYTES) return undefined
    const view = viewOf(bytes)
    if (view.getUint32(at, true) !== RECORD_MAGIC) return undefined
    if (crc32c(bytes, at, at + 28, this.#salted) !== view.getUint32(at + 28, true)) return undefined
    const plainBytes = view.getUint32(at + 4, true)
    const start = getU64(view, at + 8)
    const isPossible = plainBytes > 0 && plainBytes <= SEGMENT_BYTES && start <= position - SEALED_FILE_HEADER_BYTES
    return isPossible ? { start, plainBytes } : undefined
  }

  /** What, behind the torn header in which a file ends, keeps it from becoming a whole one with the bytes of the next record. */
  fillBehind(tail: Uint8Array, position: number): Uint8Array {
    for (let byte = 0; ; byte++) {
      const fill = new Uint8Array(RECORD_HEADER_BYTES - 1).fill(byte)
      const bytes = concatBytes([tail, fill])
      if (tail.every((_, at) => this.recordAt(bytes, at, position + at) === undefined)) return fill
    }
  }

  /** The plain bytes of a whole record; undefined where they are not what was sealed at this place. */
  async open(record: Uint8Array): Promise<Uint8Array | undefined> {
    const nonce = record.subarray(NONCE_AT, NONCE_AT + 12)
    return await this.#cipher.open(nonce, record.subarray(RECORD_HEADER_BYTES), this.#boundTo(record))
  }

  async #sealOne(plain: Uint8Array, start: number): Promise<Uint8Array> {
    const record = new Uint8Array(recordBytes(plain.length))
    const view = viewOf(record)
    view.setUint32(0, RECORD_MAGIC, true)
    view.setUint32(4, plain.length, true)
    setU64(view, 8, start)
    const nonce = newNonce()
    record.set(nonce, NONCE_AT)
    view.setUint32(28, crc32c(record, 0, 28, this.#salted), true)
    record.set(await this.#cipher.seal(nonce, plain, this.#boundTo(record)), RECORD_HEADER_BYTES)
    return record
  }

  #boundTo(record: Uint8Array): Uint8Array {
    return concatBytes([this.#bound, record.subarray(0, PLACE_BYTES)])
  }
}

/** The next place from `at` on where a record may begin; -1 where there is none. */
export function nextRecordMagic(bytes: Uint8Array, at: number): number {
  return bytes.indexOf(FIRST_MAGIC_BYTE, at)
}

/** The same, backwards. */
export function previousRecordMagic(bytes: Uint8Array, at: number): number {
  return at < 0 ? -1 : bytes.lastIndexOf(FIRST_MAGIC_BYTE, at)
}
