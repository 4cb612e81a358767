// Between what users write and what a stream stores.

import { fromUtf8, utf8 } from '../../base/bytes.js'
import { StorageError } from '../../base/errors.js'
import { OWN_HEADER, OWN_PREFIX } from '../../base/own-headers.js'
import { bytesCodec } from '../../codec/bytes.js'
import { murmur3 } from '../../codec/murmur3.js'
import type { Codec } from '../../codec/codec.js'
import { decodeValue, encodeValue, readyToDecode } from '../../codec/codecs.js'
import { jsonCodec, jsonText } from '../../codec/json.js'
import type { BytesOrText, RawRecord, StreamRecord } from '../../ports/stream-broker.js'
import type { SchemaGate } from './schema-gate.js'
import type { QueueOptions, RecordInput, StoredRecord } from './types.js'

const DEFAULT_MAX_RECORD_BYTES = 1024 * 1024
const LARGEST_MAX_RECORD_BYTES = 64 * 1024 * 1024
/** Longer ones become bytes at once, so that little memory is set aside for what a text may need at most. */
const LONGEST_TEXT = 16 * 1024
/** Of UTF-8, for one unit of a string. */
const MAX_UNIT_BYTES = 3

type Writable<T> = { -readonly [Name in keyof T]: T[Name] }

export class RecordCodec<T> {
  readonly #codec: Codec
  readonly #schema: SchemaGate<T> | undefined
  readonly #keyOf: ((value: T) => string) | undefined
  readonly #maxBytes: number

  constructor(codec: Codec, schema: SchemaGate<T> | undefined, options: Pick<QueueOptions<T>, 'key' | 'maxRecordBytes'>) {
    this.#codec = codec
    this.#schema = schema
    this.#keyOf = options.key
    this.#maxBytes = checkMaxBytes(options.maxRecordBytes ?? DEFAULT_MAX_RECORD_BYTES)
  }

  /** The key that decides the bucket: given, or derived from the value. `invalid` on a keyed queue when there is none. */
  keyOf(value: T, given: string | undefined): string | undefined {
    const key = given ?? this.#keyOf?.(value)
    if (key === undefined && this.#keyOf !== undefined) {
      throw new StorageError('invalid', 'every record of this queue needs a key', { operation: 'append' })
    }
    if (key !== undefined && typeof key !== 'string') {
      throw new StorageError('invalid', 'a key is a string', { operation: 'append', facts: { type: typeof key } })
    }
    return key
  }

  /** `dueAt` is when groups may deliver it first, ms. */
  encode(value: T, key: string | undefined, { headers, id }: Pick<RecordInput<T>, 'headers' | 'id'>, dueAt?: number): RawRecord {
    const raw = this.#encodeValue(value)
    if (typeof raw.value !== 'string' && raw.value.length > this.#maxBytes) {
      throw new StorageError('invalid', 'a record is larger than the queue allows', {
        operation: 'append',
        facts: { bytes: raw.value.length, maxRecordBytes: this.#maxBytes },
      })
    }
    if (this.#schema !== undefined) raw.schema = this.#schema.version
    if (key !== undefined) raw.key = key
    if (id !== undefined) raw.id = id
    if (headers !== undefined) raw.headers = headerList(headers)
    if (dueAt !== undefined) raw.headers = [...(raw.headers ?? []), [OWN_HEADER.due, String(dueAt)]]
    return raw
  }

  /** Text where it is surely small enough: it cannot change any more, and becomes bytes where they are stored. */
  #encodeValue(value: T): Writable<RawRecord> & { readonly value: BytesOrText } {
    const chosen = this.#codec
    if (chosen === jsonCodec && !(value instanceof Uint8Array)) {
      const text = jsonText(value)
      const isSmall = text.length <= LONGEST_TEXT && text.length * MAX_UNIT_BYTES <= this.#maxBytes
      return { codec: jsonCodec.id, value: isSmall ? text : utf8(text) }
    }
    const { codec, bytes } = encodeValue(chosen, value)
    // Bytes that came from the caller are copied: they may change before they are stored.
    return { codec, value: (value as unknown) === bytes ? bytes.slice() : bytes }
  }

  tombstone(key: string): RawRecord {
    return { codec: 0, value: undefined, key }
  }

  /** In their order, up to the first that cannot be read; the error is thrown when that one comes first. */
  async decode(bucket: number, records: readonly StreamRecord[]): Promise<StoredRecord<T>[]> {
    await readyToDecode(records.map(({ codec }) => codec))
    const decoded: StoredRecord<T>[] = []
    for (const record of records) {
      try {
        const value = this.#valueOf(bucket, record)
        decoded.push(storedRecord(bucket, record, value instanceof Promise ? await value : value))
      } catch (error) {
        if (decoded.length === 0) throw error
        break
      }
    }
    return decoded
  }

  /** undefined for a tombstone; a promise only where a value of an older schema is made one of the present one. */
  #valueOf(bucket: number, { offset, codec, value, schema }: StreamRecord): T | Promise<T> {
    if (value === undefined) return undefined as T
    const decoded = codec === bytesCodec.id ? value : decodeValue(codec, value, this.#codec)
    return this.#schema === undefined ? (decoded as T) : this.#schema.upgrade(decoded, schema, { bucket, offset })
  }
}

function storedRecord<T>(bucket: number, record: StreamRecord, value: T): StoredRecord<T> {
  const { offset, timestamp, key, schema } = record
  const stored: Writable<StoredRecord<T>> = {
    bucket,
    offset,
    timestamp,
    value,
    headers: headersOf(record),
  }
  if (key !== undefined) stored.key = fromUtf8(key)
  if (schema !== undefined) stored.schemaVersion = schema
  return stored
}

/** The same everywhere: murmur3-32 of the key's UTF-8 bytes, modulo the number of buckets. */
export function bucketOf(key: BytesOrText, buckets: number): number {
  return buckets === 1 ? 0 : murmur3(typeof key === 'string' ? utf8(key) : key) % buckets
}

/** A plain assignment is much faster, and wrong for one name only. */
export function headersOf({ headers }: StreamRecord): Record<string, string> {
  const texts: Record<string, string> = {}
  for (const [name, bytes] of headers) {
    if (name === '__proto__')
      Object.defineProperty(texts, name, { value: fromUtf8(bytes), enumerable: true, configurable: true, writable: true })
    else texts[name] = fromUtf8(bytes)
  }
  return texts
}

function headerList(headers: Readonly<Record<string, string>>): [name: string, text: string][] {
  const list: [name: string, text: string][] = []
  for (const name of Object.keys(headers)) {
    if (name.startsWith(OWN_PREFIX)) throw ownHeader(name)
    list.push([name, `${headers[name]}`])
  }
  return list
}

function ownHeader(name: string): StorageError {
  return new StorageError('invalid', `headers that begin with ${OWN_PREFIX} are Varve's own`, {
    operation: 'append',
    facts: { header: name },
  })
}

function checkMaxBytes(maxBytes: number): number {
  if (Number.isInteger(maxBytes) && maxBytes >= 1 && maxBytes <= LARGEST_MAX_RECORD_BYTES) return maxBytes
  throw new StorageError('invalid', 'maxRecordBytes is a whole number from 1 to 64 MiB', {
    operation: 'openQueue',
    facts: { maxRecordBytes: maxBytes },
  })
}
