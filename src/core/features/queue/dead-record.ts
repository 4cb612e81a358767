// A record that no consumer could work off, as it lies in its dead-letter queue, and back: value, key and headers as they
// were, and what became of it in headers of ours.

import { fromUtf8, utf8 } from '../../base/bytes.js'
import { OWN_HEADER, OWN_PREFIX } from '../../base/own-headers.js'
import { bytesCodec } from '../../codec/bytes.js'
import type { RawRecord, StreamRecord } from '../../ports/stream-broker.js'
import type { DeadLetter } from './dead-letter.js'

const MAX_REASON_LENGTH = 1_000

/** A value that could not be read is kept as bytes, for whoever has not that codec or schema either; these say what it was. */
const CODEC = `${OWN_HEADER.dead}codec`
const SCHEMA = `${OWN_HEADER.dead}schema`

export interface DeadRecord {
  readonly record: StreamRecord
  readonly letter: DeadLetter
  readonly isUnreadable: boolean
}

/** `id`: it is stored once, however often it is appended. */
export function toDeadLetter({ record, letter, isUnreadable }: DeadRecord, id: string): RawRecord {
  const { codec, schema } = record
  const said: [name: string, value: string | number][] = []
  for (const [name, value] of Object.entries(letter)) said.push([OWN_HEADER.dead + name, value])
  if (isUnreadable) said.push([CODEC, codec])
  if (isUnreadable && schema !== undefined) said.push([SCHEMA, schema])
  const headers = said.map(([name, value]) => [name, utf8(String(value).slice(0, MAX_REASON_LENGTH))] as const)
  const stored = isUnreadable ? { codec: bytesCodec.id } : codecOf(codec, schema)
  return { ...common(record), headers: [...usersHeaders(record), ...headers], id, ...stored }
}

/** As it was before it was given up. */
export function fromDeadLetter(record: StreamRecord, id: string): RawRecord {
  const said = new Map(record.headers)
  const codec = said.get(CODEC)
  const schema = said.get(SCHEMA)
  const stored = codec === undefined ? codecOf(record.codec, record.schema) : codecOf(numberIn(codec), schema && numberIn(schema))
  return { ...common(record), headers: usersHeaders(record), id, ...stored }
}

function numberIn(bytes: Uint8Array): number {
  return Number(fromUtf8(bytes))
}

function common({ key, value }: StreamRecord): Pick<RawRecord, 'key' | 'value'> {
  return { value, ...(key === undefined ? {} : { key }) }
}

function codecOf(codec: number, schema: number | undefined): Pick<RawRecord, 'codec' | 'schema'> {
  return { codec, ...(schema === undefined ? {} : { schema }) }
}

function usersHeaders({ headers }: StreamRecord): StreamRecord['headers'] {
  return headers.filter(([name]) => !name.startsWith(OWN_PREFIX))
}
