// What OPFS throws becomes what a caller can act on; by name, because classes differ between browsers.

import { isStorageError, StorageError, type StorageErrorCode } from '../../core/base/errors.js'

export const BACKEND = 'opfs'

export function toStorageError(error: unknown, operation: string, key?: string): unknown {
  if (isStorageError(error)) return error
  const [code, message] = meaning(nameOf(error))
  return new StorageError(code, message, { backend: BACKEND, operation, key, cause: error, facts: { native: nameOf(error) } })
}

export function isNotFound(error: unknown): boolean {
  return nameOf(error) === 'NotFoundError'
}

/** A snapshot of a file is void once the file has changed. */
export function isChanged(error: unknown): boolean {
  return nameOf(error) === 'NotReadableError'
}

function meaning(name: string): readonly [StorageErrorCode, string] {
  if (name === 'NotFoundError') return ['missing', 'the file is not there']
  if (name === 'QuotaExceededError') return ['quota', 'the browser gives this origin no more room']
  if (name === 'NoModificationAllowedError') return ['denied', 'another tab or worker has the file open for writing']
  if (name === 'SecurityError' || name === 'NotAllowedError') return ['denied', 'the browser refuses storage to this page']
  if (name === 'NotReadableError') return ['unavailable', 'the file changed while it was read']
  return ['unavailable', 'the browser failed to use its file system']
}

function nameOf(error: unknown): string {
  const name = (error as { name?: unknown } | undefined)?.name
  return typeof name === 'string' ? name : typeof error
}

/** Runs it with its failures translated. */
export async function guarded<T>(operation: string, key: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    throw toStorageError(error, operation, key)
  }
}
