// A record as an entry of a Redis stream, in fields that any client can read: `timestamp` first, then `value` (absent in a
// tombstone), `encoding`, `key`, `codec`, `schema` and a field `h:<name>` for each header. The id is `0-<offset + 1>`.

import { StorageError } from '../../core/base/errors.js'
import { OWN_HEADER } from '../../core/base/own-headers.js'
import type { RawRecord, StreamRecord } from '../../core/ports/stream-broker.js'
import { type Reply, textOf } from './connection.js'
import { type Compression, compressed, inflated } from './encoding.js'
import { NAME } from './errors.js'
import type { Packable } from './pack.js'

/** As a reply has it: the id, then names and values in turn. */
export type Entry = readonly [id: Uint8Array, fields: readonly Uint8Array[]]

const HEADER = 'h:'
const ZERO = 0x30
/** Lua passes so many arguments at most, with room to spare. */
const MAX_HEADERS = 1_000

/** Names and values in turn; the time is the script's to add. */
export function fieldsOf({ key, value, headers = [], codec, schema }: RawRecord, compression: Compression): readonly Packable[] {
  if (headers.length > MAX_HEADERS) {
    throw new StorageError('invalid', 'a record has too many headers', {
      backend: NAME,
      operation: 'append',
      facts: { headers: headers.length, maximum: MAX_HEADERS },
    })
  }
  const fields: Packable[] = []
  const smaller = value === undefined ? undefined : compressed(value, compression)
  if (smaller !== undefined) fields.push('value', smaller, 'encoding', compression)
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
  const offset = offsetOfId(textOf(id))
  if (offset === undefined) throw foreign(id, 'its id is not 0-<offset + 1>')
  let [key, value, codec, timestamp, schema, encoding]: (Uint8Array | undefined)[] = []
  const headers: (readonly [string, Uint8Array])[] = []
  for (let at = 0; at + 1 < fields.length; at += 2) {
    const name = textOf(fields[at] as Uint8Array)
    const bytes = plain(fields[at + 1] as Uint8Array)
    if (name === 'timestamp') timestamp = bytes
    else if (name === 'value') value = bytes
    else if (name === 'key') key = bytes
    else if (name === 'codec') codec = bytes
    else if (name === 'schema') schema = bytes
    else if (name === 'encoding') encoding = bytes
    else if (name.startsWith(HEADER)) headers.push([name.slice(HEADER.length), bytes])
  }
  if (encoding !== undefined && value !== undefined) value = plain(inflated(value, textOf(encoding)))
  const record = { offset, timestamp: wholeNumber(timestamp), key, value, headers, codec: wholeNumber(codec) }
  if (record.timestamp === undefined || record.codec === undefined) throw foreign(id, 'it has no timestamp or no codec')
  const version = wholeNumber(schema)
  return { ...(record as StreamRecord), ...(version === undefined ? {} : { schema: version }) }
}

export function idOf(offset: number): string {
  return `0-${offset + 1}`
}

/** undefined for an id that is none of ours. */
export function offsetOfId(id: string): number | undefined {
  if (!/^0-[1-9]\d{0,15}$/.test(id)) return undefined
  return Number(id.slice(2)) - 1
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
function wholeNumber(bytes: Uint8Array | undefined): number | undefined {
  if (bytes === undefined || bytes.length === 0 || bytes.length > 16) return undefined
  let number = 0
  for (const byte of bytes) {
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
