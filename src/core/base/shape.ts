// Whether parsed JSON is what somebody counts on. A checksum says that bytes are those that were written, not who wrote them.

export type Check = (value: unknown) => boolean

/** The parts of an object or a tuple, in their order. What is not named is passed by. */
export type Shape = readonly (readonly [name: string, check: Check])[]

export const isText: Check = (value) => typeof value === 'string'
export const isNumber: Check = (value) => Number.isFinite(value)
export const isFlag: Check = (value) => typeof value === 'boolean'
/** A whole number, 0 or more. */
export const isCount: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0
export const isList: Check = (value) => Array.isArray(value)

export function isListOf(check: Check): Check {
  return (value) => Array.isArray(value) && value.every(check)
}

export function isTupleOf(shape: Shape): Check {
  return (value) => wrongItem(value, shape) === undefined
}

export function isObjectOf(shape: Shape): Check {
  return (value) => wrongPart(value, shape) === undefined
}

export function isAbsentOr(check: Check): Check {
  return (value) => value === undefined || check(value)
}

/** The name of the first part of an object that is not as it should be; undefined where all are. */
export function wrongPart(value: unknown, shape: Shape): string | undefined {
  if (typeof value !== 'object' || value === null) return 'all'
  return shape.find(([name, check]) => !check((value as Readonly<Record<string, unknown>>)[name]))?.[0]
}

/** The same of a tuple, whose parts stand in their order. */
export function wrongItem(value: unknown, shape: Shape): string | undefined {
  if (!Array.isArray(value)) return 'all'
  return shape.find(([, check], at) => !check(value[at]))?.[0]
}
