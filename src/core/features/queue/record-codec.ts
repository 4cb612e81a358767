// Between what users write and what a stream stores.

import { fromUtf8, utf8 } from '../../base/bytes.js'
import { StorageError } from '../../base/errors.js'
import { murmur3 } from '../../codec/murmur3.js'
import type { Codec } from '../../codec/codec.js'
import { decodeValue, encodeValue, readyToDecode } from '../../codec/codecs.js'
import type { RawRecord, StreamRecord } from '../../ports/stream-broker.js'
import type { QueueOptions, RecordInput, StoredRecord } from './types.js'

const DEFAULT_MAX_RECORD_BYTES = 1024 * 1024
const LARGEST_MAX_RECORD_BYTES = 64 * 1024 * 1024

export class RecordCodec<T> {
  readonly #codec: Codec
  readonly #keyOf: ((value: T) => string) | undefined
  readonly #maxBytes: number

  constructor(codec: Codec, options: QueueOptions<T>) {
    this.#codec = codec
    this.#keyOf = options.key
    this.#maxBytes = checkMaxBytes(options.maxRecordBytes ?? DEFAULT_MAX_RECORD_BYTES)
  }

  /** The key that decides the bucket: given, or derived from the value. `invalid` on a keyed queue when there is none. */
  keyOf(input: RecordInput<T>): string | undefined {
    const key = input.key ?? this.#keyOf?.(input.value)
    if (key === undefined && this.#keyOf !== undefined) {
      throw new StorageError('invalid', 'every record of this queue needs a key', { operation: 'append' })
    }
    if (key !== undefined && typeof key !== 'string') {
      throw new StorageError('invalid', 'a key is a string', { operation: 'append', facts: { type: typeof key } })
    }
    return key
  }

  encode(input: RecordInput<T>, key: string | undefined): RawRecord {
    const { codec, bytes } = encodeValue(this.#codec, input.value)
    if (bytes.length > this.#maxBytes) {
      throw new StorageError('invalid', 'a record is larger than the queue allows', {
        operation: 'append',
        facts: { bytes: bytes.length, maxRecordBytes: this.#maxBytes },
      })
    }
    // Bytes that came from the caller are copied: they may change before they are stored.
    const value = (input.value as unknown) === bytes ? bytes.slice() : bytes
    return { codec, value, ...keyAndHeaders(key, input.headers) }
  }

  tombstone(key: string): RawRecord {
    return { codec: 0, value: undefined, ...keyAndHeaders(key, undefined) }
  }

  /** In their order. */
  async decode(bucket: number, records: readonly StreamRecord[]): Promise<StoredRecord<T>[]> {
    await readyToDecode(records.map(({ codec }) => codec))
    return records.map((record) => this.#decodeOne(bucket, record))
  }

  #decodeOne(bucket: number, record: StreamRecord): StoredRecord<T> {
    const { offset, timestamp, key, value, headers, codec } = record
    const decoded = value === undefined ? undefined : decodeValue(codec, value, this.#codec)
    const names = Object.fromEntries(headers.map(([name, bytes]) => [name, fromUtf8(bytes)]))
    const stored = { bucket, offset, timestamp, value: decoded as T, headers: names }
    return key === undefined ? stored : { ...stored, key: fromUtf8(key) }
  }
}

/** The same everywhere: murmur3-32 of the key's UTF-8 bytes, modulo the number of buckets. */
export function bucketOf(key: string, buckets: number): number {
  return murmur3(utf8(key)) % buckets
}

function keyAndHeaders(key: string | undefined, headers: Readonly<Record<string, string>> | undefined): Pick<RawRecord, 'key' | 'headers'> {
  const named = Object.entries(headers ?? {}).map(([name, value]) => [name, utf8(value)] as const)
  return { ...(key === undefined ? {} : { key: utf8(key) }), ...(named.length === 0 ? {} : { headers: named }) }
}

function checkMaxBytes(maxBytes: number): number {
  if (Number.isInteger(maxBytes) && maxBytes >= 1 && maxBytes <= LARGEST_MAX_RECORD_BYTES) return maxBytes
  throw new StorageError('invalid', 'maxRecordBytes is a whole number from 1 to 64 MiB', {
    operation: 'openQueue',
    facts: { maxRecordBytes: maxBytes },
  })
}
