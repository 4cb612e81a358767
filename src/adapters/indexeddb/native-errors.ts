// What the browser throws becomes what a caller can act on. Errors are matched by name: their classes differ between browsers.

import { isStorageError, StorageError, type StorageErrorCode } from '../../core/base/errors.js'

export const BACKEND = 'indexeddb'

/** A conflict, or a read of a handle that is gone, is thrown as a StorageError already. */
export function toStorageError(error: unknown, operation: string, key?: string): unknown {
  if (isStorageError(error)) return error
  const name = nameOf(error)
  const [code, message] = meaning(name)
  return new StorageError(code, message, { backend: BACKEND, operation, key, cause: error, facts: { native: name } })
}

/**
 * True where the connection may be gone: the browser closed it (storage cleared, a suspended device, its storage process died).
 * An abort that nobody here asked for counts too.
 */
export function isLostConnection(error: unknown): boolean {
  const name = nameOf(error)
  return name === 'InvalidStateError' || name === 'UnknownError' || name === 'AbortError' || name === 'TransactionInactiveError'
}

function meaning(name: string): readonly [StorageErrorCode, string] {
  if (name === 'QuotaExceededError') return ['quota', 'the browser gives this origin no more room']
  if (name === 'SecurityError' || name === 'NotAllowedError') return ['denied', 'the browser refuses storage to this page']
  if (name === 'VersionError') return ['unsupported', 'the database was written by a newer version of this library: load that one']
  if (name === 'NotReadableError' || name === 'DataError') return ['corrupt', 'the browser cannot read a stored value']
  return ['unavailable', 'the browser failed to use its database']
}

function nameOf(error: unknown): string {
  const name = (error as { name?: unknown } | undefined)?.name
  return typeof name === 'string' ? name : typeof error
}
