// The few assertions that suites need, without a test runner or a runtime behind them.

import { equalBytes } from '../core/base/bytes.js'
import { isStorageError, type StorageError, type StorageErrorCode } from '../core/base/errors.js'

/** What a failed expectation throws. */
export class AssertionFailure extends Error {
  constructor(message: string, options?: { readonly cause?: unknown }) {
    super(message, options)
    this.name = 'AssertionFailure'
  }
}

/** Throws always; says what was seen. */
export function fail(message: string, cause?: unknown): never {
  throw new AssertionFailure(message, cause === undefined ? undefined : { cause })
}

export function expectTrue(value: unknown, what = 'the condition'): asserts value {
  if (!value) fail(`${what} does not hold`)
}

/** Deep equality of plain data: primitives (with `Object.is`), arrays, plain objects, byte arrays, Date, Map, Set. */
export function expectEqual<T>(actual: T, expected: T, what = 'the value'): void {
  const path = difference(actual, expected, '')
  if (path !== undefined) fail(`${what} differs${path === '' ? '' : ` at ${path}`}: got ${show(actual)}, expected ${show(expected)}`)
}

/** Like `expectEqual` for bytes, with the place of the first difference instead of the bytes. */
export function expectBytes(actual: Uint8Array | undefined, expected: Uint8Array, what = 'the bytes'): void {
  if (actual === undefined) fail(`${what}: nothing there, expected ${expected.length} bytes`)
  if (equalBytes(actual, expected)) return
  const at = expected.findIndex((byte, i) => actual[i] !== byte)
  fail(`${what} differ: ${actual.length} bytes against ${expected.length}, first at ${at < 0 ? expected.length : at}`)
}

/** Awaits the promise (or what the function returns) and gives the error; fails when it resolves. A code or codes must match a StorageError's. */
export async function expectRejects(
  action: PromiseLike<unknown> | (() => unknown),
  code?: StorageErrorCode | readonly StorageErrorCode[],
  what = 'the call',
): Promise<StorageError> {
  let value: unknown
  try {
    value = await (typeof action === 'function' ? action() : action)
  } catch (error) {
    if (code !== undefined && !hasCode(error, code)) fail(`${what} failed with ${show(error)}, expected code ${code}`, error)
    return error as StorageError
  }
  fail(`${what} resolved to ${show(value)}, expected ${code === undefined ? 'a failure' : `code ${code}`}`)
}

function hasCode(error: unknown, code: StorageErrorCode | readonly StorageErrorCode[]): boolean {
  const codes = typeof code === 'string' ? [code] : code
  return codes.some((one) => isStorageError(error, one))
}

/** The path of the first difference, '' for the values themselves, undefined when there is none. */
function difference(a: unknown, b: unknown, path: string): string | undefined {
  if (Object.is(a, b)) return undefined
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return path
  if (Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return path
  if (a instanceof Uint8Array) return equalBytes(a, b as Uint8Array) ? undefined : path
  if (a instanceof Date) return a.getTime() === (b as Date).getTime() ? undefined : path
  if (a instanceof Map) return difference([...a], [...(b as Map<unknown, unknown>)], path)
  if (a instanceof Set) return difference([...a], [...(b as Set<unknown>)], path)
  return differentProperty(a as Record<string, unknown>, b as Record<string, unknown>, path)
}

function differentProperty(a: Record<string, unknown>, b: Record<string, unknown>, path: string): string | undefined {
  if (Array.isArray(a) && Array.isArray(b) && a.length !== b.length) return `${path}.length`
  for (const name of new Set([...Object.keys(a), ...Object.keys(b)])) {
    const found = difference(a[name], b[name], `${path}.${name}`)
    if (found !== undefined) return found
  }
  return undefined
}

function show(value: unknown): string {
  if (value instanceof Uint8Array) return `${value.length} bytes`
  if (value instanceof Error) return `${value.name}${isStorageError(value) ? `[${value.code}]` : ''}: ${value.message}`
  const text = typeof value === 'bigint' ? `${value}n` : (safeJson(value) ?? String(value))
  return text.length > 300 ? `${text.slice(0, 300)}…` : text
}

function safeJson(value: unknown): string | undefined {
  try {
    return JSON.stringify(value, (_name, inner) => (typeof inner === 'bigint' ? `${inner}n` : inner))
  } catch {
    return undefined
  }
}
