// Values of keys in a section: key, codec, expiry and bytes of each.

import { StorageError } from '../../base/errors.js'
import { ByteWriter } from '../byte-writer.js'
import { ByteCursor } from '../varint.js'

export interface ArchivedValue {
  readonly key: string
  /** Id of the codec of the bytes. */
  readonly codec: number
  /** Milliseconds since 1970; undefined where it never expires. */
  readonly expiresAt: number | undefined
  readonly bytes: Uint8Array
}

export interface ArchivedValues {
  readonly namespace: string
  readonly values: readonly ArchivedValue[]
}

export function encodeValues({ namespace, values }: ArchivedValues): Uint8Array {
  const writer = new ByteWriter()
  writer.text(namespace)
  writer.varint(values.length)
  for (const { key, codec, expiresAt, bytes } of values) {
    writer.text(key)
    writer.byte(codec)
    writer.varint(expiresAt ?? 0)
    writer.bytes(bytes)
  }
  return writer.finish()
}

export function decodeValues(body: Uint8Array): ArchivedValues {
  const cursor = new ByteCursor(body)
  const namespace = cursor.text(cursor.varint())
  const count = cursor.varint()
  if (count > body.length) throw new StorageError('corrupt', 'a section of the archive counts more values than it has bytes')
  const values: ArchivedValue[] = []
  for (let left = count; left > 0; left--) {
    const key = cursor.text(cursor.varint())
    const codec = cursor.byte()
    const expiresAt = cursor.varint()
    values.push({ key, codec, expiresAt: expiresAt === 0 ? undefined : expiresAt, bytes: cursor.take(cursor.varint()) })
  }
  if (cursor.at !== body.length) throw new StorageError('corrupt', 'a section of the archive does not end with its last value')
  return { namespace, values }
}
