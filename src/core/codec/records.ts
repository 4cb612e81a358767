// Records in the body of a frame: length; attributes (low 4 bits = codec, 0x10 = has a schema version); timestamp delta;
// key length + 1 and key; value length + 1 (0 = tombstone) and value; header count, then name and value of each with
// their lengths; the schema version, if there is one.

import { StorageError } from '../base/errors.js'
import type { StreamRecord } from '../ports/stream-broker.js'
import type { FrameHeader } from './frame.js'
import { ByteCursor, unzigzag, writeVarint } from './varint.js'

const CODEC = 0x0f
export const HAS_SCHEMA = 0x10
const KNOWN_ATTRIBUTES = CODEC | HAS_SCHEMA

/** Records that are read at once share memory of about this size: each for itself, they would cost more to get than to fill. */
const SHARED_BYTES = 16 * 1024

/** What a reader of records must know of the frame. */
export type RecordsHeader = Pick<FrameHeader, 'baseOffset' | 'timestamp' | 'count' | 'isCompacted'>

/**
 * The records of a body from offset `from` on, at most `limit`; keys and values are copies.
 * `corrupt` where the bytes say something impossible, `unsupported` where a record has attributes of a newer version.
 */
export function readRecords(body: Uint8Array, header: RecordsHeader, from: number, limit: number): StreamRecord[] {
  return new RecordReader(body, header).read(from, limit)
}

/** Where the record with number `index` begins; all before are below offset `next`. */
interface RecordPlace {
  readonly at: number
  readonly index: number
  readonly next: number
}

const BEGINNING: RecordPlace = { at: 0, index: 0, next: 0 }

/** The same for who reads on where the last read ended: what lies before is not looked at again. */
export class RecordReader {
  readonly #body: Uint8Array
  readonly #header: RecordsHeader
  #place = BEGINNING

  constructor(body: Uint8Array, header: RecordsHeader) {
    this.#body = body
    this.#header = header
  }

  read(from: number, limit: number): StreamRecord[] {
    const header = this.#header
    let { at, index, next } = from < this.#place.next ? BEGINNING : this.#place
    const cursor = new ByteCursor(this.#body, at)
    const records: StreamRecord[] = []
    for (let copied = 0; index < header.count && records.length < limit; index++) {
      at = cursor.at
      const offset = header.baseOffset + (header.isCompacted ? cursor.varint() : index)
      const end = cursor.varint() + cursor.at
      if (offset >= from) {
        if (end > copied) {
          copied = this.#sharedEnd(at, Math.min(header.count - index, limit - records.length))
          cursor.copyUntil(copied)
        }
        records.push(readRecord(cursor, end, header, offset))
      }
      cursor.goTo(end)
      next = offset + 1
    }
    this.#place = { at: cursor.at, index, next }
    return records
  }

  /** The end of the records from `at` on that are copied at once, `most` at most: as many as fit, one at least. */
  #sharedEnd(at: number, most: number): number {
    const cursor = new ByteCursor(this.#body, at)
    let end = at
    for (let left = most; left > 0; left--) {
      if (this.#header.isCompacted) cursor.varint()
      cursor.goTo(cursor.varint() + cursor.at)
      if (end > at && cursor.at - at > SHARED_BYTES) break
      end = cursor.at
    }
    return end
  }
}

/** The body with only the records that `keeps` wants, each with its offset delta before it. */
export function keepRecords(body: Uint8Array, header: FrameHeader, keeps: (offset: number) => boolean): Uint8Array {
  const kept = new Uint8Array(body.length + header.count * MAX_DELTA_BYTES)
  const cursor = new ByteCursor(body)
  let at = 0
  for (let index = 0; index < header.count; index++) {
    const delta = header.isCompacted ? cursor.varint() : index
    const start = cursor.at
    cursor.goTo(cursor.varint() + cursor.at)
    if (!keeps(header.baseOffset + delta)) continue
    at = writeVarint(kept, at, delta)
    kept.set(body.subarray(start, cursor.at), at)
    at += cursor.at - start
  }
  return kept.slice(0, at)
}

/** Of a number below 2^32. */
const MAX_DELTA_BYTES = 5

/** The record whose attributes come next. */
function readRecord(cursor: ByteCursor, end: number, header: RecordsHeader, offset: number): StreamRecord {
  cursor.end = end
  const attributes = cursor.byte()
  if ((attributes & ~KNOWN_ATTRIBUTES) !== 0) throw newerRecord(offset, attributes)
  const timestamp = header.timestamp + unzigzag(cursor.varint())
  const key = readOptional(cursor)
  const value = readOptional(cursor)
  const count = cursor.varint()
  if (count > cursor.end - cursor.at)
    throw new StorageError('corrupt', 'a record counts more headers than it has bytes', { facts: { count } })
  const headers: [string, Uint8Array][] = []
  for (let i = 0; i < count; i++) {
    const name = cursor.text(cursor.varint())
    headers.push([name, cursor.take(cursor.varint())])
  }
  const schema = (attributes & HAS_SCHEMA) === 0 ? undefined : cursor.varint()
  cursor.end = cursor.bytes.length
  return { offset, timestamp, key, value, headers, codec: attributes & CODEC, schema }
}

function newerRecord(offset: number, attributes: number): StorageError {
  return new StorageError('unsupported', 'the log holds a record with a feature that this version does not know', {
    facts: { offset, attributes },
  })
}

function readOptional(cursor: ByteCursor): Uint8Array | undefined {
  const length = cursor.varint()
  return length === 0 ? undefined : cursor.take(length - 1)
}
