// A record as the fields of a JSON line. A value that is JSON stands there as itself, when it comes back byte for byte from
// there; all others as base64 with their codec. So do keys and headers that are not UTF-8.

import { fromUtf8, utf8 } from '../base/bytes.js'
import { StorageError } from '../base/errors.js'
import type { BytesOrText, RawRecord, StreamRecord } from '../ports/stream-broker.js'
import { fromBase64, toBase64 } from './base64.js'

const JSON_CODEC = 1
/** Of a tombstone, unless the line says another one. */
const NO_CODEC = 0

/** `{"offset":…` up to the value and the headers, without an end. */
export function recordFields(record: RawRecord, offset: number, timestamp: number): string {
  const { key, headers, schema } = record
  const keyed = key === undefined ? '' : keyField(key)
  const named = headers === undefined || headers.length === 0 ? '' : headersField(headers)
  const versioned = schema === undefined ? '' : `,"schema":${schema}`
  return `{"offset":${offset},"timestamp":${timestamp}${keyed}${valueField(record)}${named}${versioned}`
}

function keyField(key: BytesOrText): string {
  const text = textOf(key)
  return text === undefined ? `,"key64":"${toBase64(bytesOf(key))}"` : `,"key":${JSON.stringify(text)}`
}

function valueField({ value, codec }: RawRecord): string {
  if (value === undefined) return `${codec === NO_CODEC ? '' : `,"codec":${codec}`},"tombstone":true`
  const json = codec === JSON_CODEC ? jsonOf(value) : undefined
  return json === undefined ? `,"codec":${codec},"base64":"${toBase64(bytesOf(value))}"` : `,"value":${json}`
}

/** The text of the value, where it is the one that its parsed value gives again. */
function jsonOf(value: BytesOrText): string | undefined {
  const text = textOf(value)
  if (text === undefined) return undefined
  try {
    return JSON.stringify(JSON.parse(text)) === text ? text : undefined
  } catch {
    return undefined
  }
}

type Headers = readonly (readonly [string, BytesOrText])[]

function headersField(headers: Headers): string {
  const names = new Set(headers.map(([name]) => name))
  const isObject = names.size === headers.length && !headers.some(([name]) => /^\d+$/.test(name)) // an object puts numbers first
  const texts = isObject ? headers.map(([, value]) => textOf(value)) : []
  if (!isObject || texts.includes(undefined)) {
    return `,"headers64":${JSON.stringify(headers.map(([name, value]) => [name, toBase64(bytesOf(value))]))}`
  }
  return `,"headers":{${headers.map(([name], index) => `${JSON.stringify(name)}:${JSON.stringify(texts[index])}`).join(',')}}`
}

function bytesOf(data: BytesOrText): Uint8Array {
  return typeof data === 'string' ? utf8(data) : data
}

/** undefined where it is no UTF-8. */
function textOf(data: BytesOrText): string | undefined {
  if (typeof data === 'string') return data
  try {
    return fromUtf8(data)
  } catch {
    return undefined
  }
}

interface Line {
  readonly offset: number
  readonly timestamp: number
  readonly key?: string
  readonly key64?: string
  readonly value?: unknown
  readonly codec?: number
  readonly base64?: string
  readonly tombstone?: true
  readonly headers?: Readonly<Record<string, string>>
  readonly headers64?: readonly (readonly [string, string])[]
  readonly schema?: number
}

/** `corrupt` for a line that no record was written as. */
export function readRecordLine(bytes: Uint8Array): StreamRecord {
  try {
    return recordOf(JSON.parse(fromUtf8(bytes)) as Line)
  } catch (cause) {
    throw new StorageError('corrupt', 'a line of the log does not hold a record', { cause })
  }
}

function recordOf(line: Line): StreamRecord {
  const { offset, timestamp, schema } = line
  return { offset, timestamp, key: keyOf(line), ...valueFrom(line), headers: headersOf(line), schema }
}

function keyOf({ key, key64 }: Line): Uint8Array | undefined {
  if (key64 !== undefined) return fromBase64(key64)
  return key === undefined ? undefined : utf8(key)
}

function valueFrom({ value, base64, codec, tombstone }: Line): Pick<StreamRecord, 'value' | 'codec'> {
  if (tombstone === true) return { value: undefined, codec: codec ?? NO_CODEC }
  if (base64 !== undefined) return { value: fromBase64(base64), codec: codec as number }
  return { value: utf8(JSON.stringify(value)), codec: JSON_CODEC }
}

function headersOf({ headers, headers64 }: Line): StreamRecord['headers'] {
  if (headers64 !== undefined) return headers64.map(([name, value]) => [name, fromBase64(value)] as const)
  return headers === undefined ? [] : Object.entries(headers).map(([name, value]) => [name, utf8(value)] as const)
}
