// A line of input as a record, or what is wrong with it.

import { OWN_HEADER } from '../../core/base/own-headers.js'
import type { RecordInput } from '../../core/features/queue/types.js'
import type { JsonLine } from '../ndjson.js'

export interface InputFlags {
  /** The field that holds the key. */
  readonly key?: string
  /** The field that holds the id: a record of it is stored once. */
  readonly id?: string
  /** Lines are records, not values. */
  readonly records?: true
}

export type Input = { readonly record: RecordInput<unknown> } | { readonly problem: string }

export function inputOf(line: JsonLine, { key, id, records }: InputFlags): Input {
  if ('problem' in line) return { problem: line.problem }
  const input = records ? recordOf(line.value) : { record: { value: line.value } }
  return withField(withField(input, 'key', key), 'id', id)
}

/** What is in a field of the value. */
function withField(input: Input, what: 'key' | 'id', field: string | undefined): Input {
  if (field === undefined || 'problem' in input) return input
  const { value } = input.record
  const found = isObject(value) ? value[field] : undefined
  if (typeof found !== 'string' && typeof found !== 'number') return { problem: `has no text or number in its field ${field}` }
  return { record: { ...input.record, [what]: String(found) } }
}

/** Headers of our own: they belong to the place that a record was read from. An id stays one, so that it is stored once. */
const OWN = 'varve-'

/** Offset, time and bucket are given anew. */
function recordOf(line: unknown): Input {
  if (!isObject(line) || !('value' in line)) return { problem: 'is no record: it has no field value' }
  const { value, key, headers } = line
  if (key !== undefined && typeof key !== 'string') return { problem: 'is no record: its key is no text' }
  if (headers !== undefined && !isTexts(headers)) return { problem: 'is no record: its headers are no texts' }
  const { [OWN_HEADER.id]: id, ...all } = headers ?? {}
  const others = Object.entries(all).filter(([name]) => !name.startsWith(OWN))
  const record = { value, headers: Object.fromEntries(others), ...(id === undefined ? {} : { id }), ...(key === undefined ? {} : { key }) }
  return { record }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isTexts(value: unknown): value is Record<string, string> {
  return isObject(value) && Object.values(value).every((one) => typeof one === 'string')
}
