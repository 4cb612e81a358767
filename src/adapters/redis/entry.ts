// A record as an entry of a Redis stream, in fields that any client can read: `timestamp` first, then `value` (absent in a
// tombstone), `encoding`, `key`, `codec`, `schema` and a field `h:<name>` for each header. The id is `0-<offset + 1>`.

import { StorageError } from '../../core/base/errors.js'
import { OWN_HEADER } from '../../core/base/own-headers.js'
import type { RawRecord, StreamRecord } from '../../core/ports/stream-broker.js'
import { type Reply, textOf } from './connection.js'
import { type Packed, compressed, inflated } from './encoding.js'
import { NAME } from './errors.js'
import type { Packable } from './pack.js'

/** As a reply has it: the id, then names and values in turn. */
export type Entry = readonly [id: Uint8Array, fields: readonly Uint8Array[]]

const HEADER = 'h:'
const H = 0x68
const COLON = 0x3a
const ZERO = 0x30
const DASH = 0x2d
/** Of the number in an id. */
const ID_START = 2
const NAMES = {
  timestamp: Buffer.from('timestamp'),
  value: Buffer.from('value'),
  key: Buffer.from('key'),
  codec: Buffer.from('codec'),
  schema: Buffer.from('schema'),
  encoding: Buffer.from('encoding'),
}
/** Lua passes so many arguments at most, with room to spare. */
const MAX_HEADERS = 1_000

/** Names and values in turn, the value first where there is one; the time is the script's to add. */
export function fieldsOf({ key, value, headers = [], codec, schema }: RawRecord, packed: Packed): Packable[] {
  if (headers.length > MAX_HEADERS) {
    throw new StorageError('invalid', 'a record has too many headers', {
      backend: NAME,
      operation: 'append',
      facts: { headers: headers.length, maximum: MAX_HEADERS },
    })
  }
  const fields: Packable[] = []
  const smaller = value === undefined ? undefined : compressed(value, packed)
  if (smaller !== undefined) fields.push('value', smaller, 'encoding', packed.compression)
  else if (value !== undefined) fields.push('value', value)
  if (key !== undefined) fields.push('key', key)
  fields.push('codec', String(codec))
  if (schema !== undefined) fields.push('schema', String(schema))
  for (const [name, header] of headers) fields.push(HEADER + name, header)
  return fields
}

/** Throws `corrupt` for an entry that no append of ours made. */
export function recordOf(entry: Entry): StreamRecord {
  const [id, fields] = entry
  const offset = offsetOfId(id)
  if (offset === undefined) throw foreign(id, 'its id is not 0-<offset + 1>')
  let [key, value, codec, timestamp, schema, encoding]: (Uint8Array | undefined)[] = []
  const headers: (readonly [string, Uint8Array])[] = []
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const name = fields[at] as Uint8Array
    const bytes = fields[at + 1] as Uint8Array
    if (isName(name, NAMES.timestamp)) timestamp = bytes
    else if (isName(name, NAMES.value)) value = bytes
    else if (isName(name, NAMES.key)) key = bytes
    else if (isName(name, NAMES.codec)) codec = bytes
    else if (isName(name, NAMES.schema)) schema = bytes
    else if (isName(name, NAMES.encoding)) encoding = bytes
    else if (name[0] === H && name[1] === COLON) headers.push([textOf(name.subarray(HEADER.length)), plain(bytes)])
  }
  if (encoding !== undefined && value !== undefined) value = inflated(value, textOf(encoding))
  const time = wholeNumber(timestamp)
  const codecId = wholeNumber(codec)
  if (time === undefined || codecId === undefined) throw foreign(id, 'it has no timestamp or no codec')
  const record = { offset, timestamp: time, key: key && plain(key), value: value && plain(value), headers, codec: codecId }
  const version = wholeNumber(schema)
  return version === undefined ? record : { ...record, schema: version }
}

/** Bytes are compared where they lie: a text for every name of every entry costs more than all else. */
function isName(bytes: Uint8Array, name: Uint8Array): boolean {
  if (bytes.length !== name.length) return false
  for (let at = 0; at < name.length; at++) if (bytes[at] !== name[at]) return false
  return true
}

export function idOf(offset: number): string {
  return `0-${offset + 1}`
}

/** undefined for an id that is none of ours. */
export function offsetOfId(id: Uint8Array): number | undefined {
  if (id[0] !== ZERO || id[1] !== DASH || id[2] === ZERO) return undefined
  const next = wholeNumber(id, ID_START)
  return next === undefined ? undefined : next - 1
}

/** What an entry takes of the limit of a read. */
export function bytesOf([, fields]: Entry): number {
  let bytes = 0
  for (const field of fields) bytes += field.length
  return bytes
}

export function entriesOf(reply: Reply): readonly Entry[] {
  return (reply ?? []) as unknown as readonly Entry[]
}

/** Of XREADGROUP, in either version of the protocol: a map with one stream, a list of pairs, or a pair. */
export function entriesRead(reply: unknown): readonly Entry[] {
  if (reply === null || reply === undefined) return []
  if (!Array.isArray(reply)) return (reply instanceof Map ? [...reply.values()] : Object.values(reply))[0] as readonly Entry[]
  const [first, second] = reply
  return (Array.isArray(first) ? first[1] : second) as readonly Entry[]
}

/** When the record may be delivered, ms; 0: at once. */
export function dueOf({ headers }: StreamRecord): number {
  for (const [name, value] of headers) if (name === OWN_HEADER.due) return wholeNumber(value) ?? 0
  return 0
}

/** undefined for what is no whole number of at most 16 digits. */
function wholeNumber(bytes: Uint8Array | undefined, start = 0): number | undefined {
  if (bytes === undefined || bytes.length === start || bytes.length > start + 16) return undefined
  let number = 0
  for (let at = start; at < bytes.length; at++) {
    const byte = bytes[at] as number
    if (byte < ZERO || byte > ZERO + 9) return undefined
    number = number * 10 + (byte - ZERO)
  }
  return number
}

function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

function foreign(id: Uint8Array, why: string): StorageError {
  return new StorageError('corrupt', `an entry of the stream is not a record of Varve: ${why}`, {
    backend: NAME,
    operation: 'read',
    facts: { id: textOf(id) },
  })
}
