// What R2 says, in the words that callers act on. A binding throws plain errors whose message ends with R2's number:
// `put: We encountered an internal error. Please try again. (10001)`.

import { isStorageError, StorageError, type StorageErrorCode } from '../../core/base/errors.js'

export const NAME = 'cloudflare-r2'

const INVALID_RANGE = 10039
const UNSPECIFIED = 0

/** Numbers that trying again does not change. All others (429, 5xx, a lost connection) are `unavailable`. */
const CODES: Readonly<Record<number, StorageErrorCode>> = {
  10002: 'denied',
  10003: 'denied',
  10006: 'missing',
  10012: 'invalid',
  10020: 'invalid',
  10029: 'invalid',
  10031: 'conflict',
  10042: 'denied',
  100100: 'invalid',
}

/** Statuses, where the error shows one instead of R2's number. */
const STATUS_CODES: Readonly<Record<number, StorageErrorCode>> = {
  400: 'invalid',
  401: 'denied',
  403: 'denied',
  412: 'conflict',
  413: 'invalid',
  414: 'invalid',
  507: 'quota',
}

/** A StorageError for anything the binding throws; abort errors and StorageErrors pass as they are. */
export function asStorageError(error: unknown, operation: string, key?: string): unknown {
  if (isStorageError(error) || (error as { name?: unknown } | null)?.name === 'AbortError') return error
  const number = numberOf(error)
  const status = statusOf(error)
  const code = error instanceof TypeError ? 'invalid' : (CODES[number ?? 0] ?? STATUS_CODES[status ?? 0] ?? 'unavailable')
  const reason = error instanceof Error ? error.message : String(error)
  return new StorageError(code, `R2 refused: ${reason}`, { backend: NAME, operation, key, cause: error, facts: { number, status } })
}

/** True when the range may begin at or past the end of the object: the local runtime says nothing more than 0 where it begins at the end. */
export function mayBePastTheEnd(error: unknown): boolean {
  const number = numberOf(error)
  return number === INVALID_RANGE || number === UNSPECIFIED || statusOf(error) === 416
}

function numberOf(error: unknown): number | undefined {
  const code = (error as { code?: unknown } | null)?.code
  if (typeof code === 'number') return code
  const found = /\((\d+)\)\s*$/.exec(error instanceof Error ? error.message : '')
  return found === null ? undefined : Number(found[1])
}

function statusOf(error: unknown): number | undefined {
  const status = (error as { status?: unknown } | null)?.status
  return typeof status === 'number' ? status : undefined
}
