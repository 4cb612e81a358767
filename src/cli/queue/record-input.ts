// A line of input as a record, or what is wrong with it.

import type { RecordInput } from '../../core/features/queue/types.js'
import type { JsonLine } from '../ndjson.js'

export interface InputFlags {
  /** The field that holds the key. */
  readonly key?: string
  /** Lines are records, not values. */
  readonly records?: true
}

export type Input = { readonly record: RecordInput<unknown> } | { readonly problem: string }

export function inputOf(line: JsonLine, { key, records }: InputFlags): Input {
  if ('problem' in line) return { problem: line.problem }
  const input = records ? recordOf(line.value) : { record: { value: line.value } }
  return key === undefined || 'problem' in input ? input : keyed(input.record, key)
}

function keyed(record: RecordInput<unknown>, field: string): Input {
  const { value } = record
  const key = isObject(value) ? value[field] : undefined
  if (typeof key !== 'string' && typeof key !== 'number') return { problem: `has no text or number in its field ${field}` }
  return { record: { ...record, key: String(key) } }
}

/** Offset, time and bucket are given anew. */
function recordOf(line: unknown): Input {
  if (!isObject(line) || !('value' in line)) return { problem: 'is no record: it has no field value' }
  const { value, key, headers } = line
  if (key !== undefined && typeof key !== 'string') return { problem: 'is no record: its key is no text' }
  if (headers !== undefined && !isTexts(headers)) return { problem: 'is no record: its headers are no texts' }
  return { record: { value, ...(key === undefined ? {} : { key }), ...(headers === undefined ? {} : { headers }) } }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isTexts(value: unknown): value is Record<string, string> {
  return isObject(value) && Object.values(value).every((one) => typeof one === 'string')
}
