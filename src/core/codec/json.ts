// JSON that refuses what would not come back equal: one walk that finds the first such place and its path, then
// JSON.stringify. `__proto__` is data like any other key: JSON.parse makes it an own property.

import { fromUtf8, utf8 } from '../base/bytes.js'
import { StorageError } from '../base/errors.js'
import type { Codec } from './codec.js'
import { classOf, isPlainArray, isPlainObject, MAX_DEPTH } from './value-kind.js'
import { faultAt, refuseValue, type ValueFault, within } from './value-path.js'

/**
 * The default codec. `encode` throws `invalid`, with the path in the value, for Date, Map, Set, bigint, undefined (also
 * nested), NaN, infinities, -0, class instances, cycles, sparse arrays, symbols, functions and byte arrays inside a value.
 */
export const jsonCodec: Codec = {
  name: 'json',
  id: 1,
  encode: (value) => utf8(jsonText(value)),
  decode(bytes) {
    try {
      return JSON.parse(fromUtf8(bytes)) as unknown
    } catch (cause) {
      throw new StorageError('corrupt', 'stored bytes are not JSON', { cause, facts: { bytes: bytes.length } })
    }
  },
}

/** What `encode` gives the bytes of, with its refusals. */
export function jsonText(value: unknown): string {
  checkJson(value)
  try {
    return JSON.stringify(value)
  } catch (cause) {
    throw new StorageError('invalid', '$ is too large for one JSON text', { cause, facts: { path: '$' } })
  }
}

/** Throws `invalid`, with the path, where JSON would change the value. */
export function checkJson(value: unknown): void {
  const fault = check(value, [])
  if (fault !== undefined) throw refuseValue(fault, '; use codec: structured')
}

/** The first place that JSON would change; `ancestors` is the way down to here. */
function check(value: unknown, ancestors: object[]): ValueFault | undefined {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return undefined
    case 'number':
      return checkNumber(value)
    case 'object':
      return value === null ? undefined : checkObject(value, ancestors)
    default:
      return faultAt(`is ${typeof value === 'undefined' ? 'undefined' : `a ${typeof value}`}, which JSON cannot keep`)
  }
}

function checkNumber(value: number): ValueFault | undefined {
  if (Number.isFinite(value) && (value !== 0 || 1 / value > 0)) return undefined
  return faultAt(`is ${Object.is(value, -0) ? '-0' : value}, which JSON cannot keep`)
}

function checkObject(value: object, ancestors: object[]): ValueFault | undefined {
  if (ancestors.includes(value)) return faultAt('leads back to a value that holds it, which JSON cannot keep')
  if (ancestors.length >= MAX_DEPTH) return faultAt(`lies more than ${MAX_DEPTH} levels deep`)
  const isArray = Array.isArray(value)
  if (isArray ? !isPlainArray(value) : !isPlainObject(value)) return faultAt(`is a ${classOf(value)}, which JSON cannot keep`)
  if (typeof (value as { toJSON?: unknown }).toJSON === 'function') return faultAt('has a toJSON function, which would change it')
  if (Object.getOwnPropertySymbols(value).length > 0) return faultAt('has a symbol as a key, which JSON cannot keep')
  ancestors.push(value)
  const fault = isArray ? checkItems(value, ancestors) : checkProperties(value as Record<string, unknown>, ancestors)
  ancestors.pop()
  return fault
}

function checkItems(items: readonly unknown[], ancestors: object[]): ValueFault | undefined {
  for (let index = 0; index < items.length; index++) {
    const item = items[index]
    if (item === undefined && !(index in items)) return within(faultAt('is a hole in an array, which JSON cannot keep'), index)
    const fault = check(item, ancestors)
    if (fault !== undefined) return within(fault, index)
  }
  if (Object.keys(items).length !== items.length) return faultAt('is an array with named properties, which JSON cannot keep')
  return undefined
}

function checkProperties(record: Record<string, unknown>, ancestors: object[]): ValueFault | undefined {
  for (const key of Object.keys(record)) {
    const fault = check(record[key], ancestors)
    if (fault !== undefined) return within(fault, key)
  }
  return undefined
}
