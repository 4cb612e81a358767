// Schemas of the ready-made records, written by hand: strict for what is appended, tolerant for what is read. Both drop
// fields that they do not know and fill in those that are missing.

import type { SchemaIssue, SchemaResult, StandardSchema } from '../features/queue/schema.js'

/** One field of a record. */
export interface Field<T> {
  readonly expected: string
  readonly accepts: (value: unknown) => boolean
  /** For a field that is missing; absent: it may be left out. */
  readonly fallback?: () => T
  /** It must be there, and not empty, in what is appended. */
  readonly required?: true
}

export type Fields<Output> = { readonly [Name in keyof Required<Output>]: Field<Output[Name]> }

export const text = (fallback: string): Field<string> => ({ ...optionalText(), fallback: () => fallback })

/** Read as empty where it is missing all the same. */
export const requiredText = (): Field<string> => ({ ...text(''), expected: 'a text that is not empty', required: true })

export const optionalText = (): Field<string> => ({ expected: 'a text', accepts: (value) => typeof value === 'string' })

export const count = (): Field<number> => ({ ...optionalTime(), expected: 'a whole number from 0', fallback: () => 0 })

/** Milliseconds since 1970. */
export const optionalTime = (): Field<number> => ({
  expected: 'a whole number of milliseconds',
  accepts: (value) => Number.isSafeInteger(value) && (value as number) >= 0,
})

export const texts = (): Field<readonly string[]> => ({
  expected: 'a list of texts',
  accepts: (value) => Array.isArray(value) && value.every((one) => typeof one === 'string'),
  fallback: () => [],
})

/** Whatever the codec keeps. */
export const anything = (): Field<unknown> => ({ expected: 'anything', accepts: () => true, fallback: () => ({}) })

/** `strict` refuses a record without what is required, which the tolerant one fills in. */
export function recordSchema<Output, Input>(fields: Fields<Output>, strict: boolean): StandardSchema<Input, Output> {
  return { '~standard': { version: 1, vendor: 'varve', validate: (value) => validate(fields, value, strict) } }
}

function validate<Output>(fields: Fields<Output>, value: unknown, strict: boolean): SchemaResult<Output> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return { issues: [{ message: 'expected an object with fields' }] }
  const record: Record<string, unknown> = {}
  const issues: SchemaIssue[] = []
  for (const [name, field] of Object.entries(fields) as [string, Field<unknown>][]) {
    const given = Object.hasOwn(value, name) ? (value as Record<string, unknown>)[name] : undefined
    const mustBeThere = strict && field.required === true
    if ((given === undefined || given === null) && !mustBeThere) {
      if (field.fallback !== undefined) record[name] = field.fallback()
    } else if (field.accepts(given) && !(mustBeThere && given === '')) record[name] = given
    else issues.push({ message: `expected ${field.expected}`, path: [name] })
  }
  return issues.length > 0 ? { issues } : { value: record as Output }
}
