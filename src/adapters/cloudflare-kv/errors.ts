// What KV says, in the words that callers act on. A binding throws plain errors with the status in the message:
// `KV PUT failed: 429 Too Many Requests`.

import { isStorageError, StorageError, type StorageErrorCode } from '../../core/base/errors.js'

export const NAME = 'cloudflare-kv'

/** Statuses that trying again does not change. All others (429, 5xx, a lost connection) are `unavailable`. */
const CODES: Readonly<Record<number, StorageErrorCode>> = {
  400: 'invalid',
  401: 'denied',
  403: 'denied',
  404: 'missing',
  413: 'invalid',
  414: 'invalid',
}

/** A StorageError for anything the binding throws; abort errors and StorageErrors pass as they are. */
export function asStorageError(error: unknown, operation: string, key?: string): unknown {
  if (isStorageError(error) || (error as { name?: unknown } | null)?.name === 'AbortError') return error
  const reason = error instanceof Error ? error.message : String(error)
  const found = /failed: (\d{3})\b/.exec(reason)
  const status = found === null ? undefined : Number(found[1])
  const code = error instanceof TypeError ? 'invalid' : (CODES[status ?? 0] ?? 'unavailable')
  return new StorageError(code, `KV refused: ${reason}`, { backend: NAME, operation, key, cause: error, facts: { status } })
}
