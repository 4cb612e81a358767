// What the system says, in the words that callers act on.

import { StorageError, type StorageErrorCode } from '../../core/base/errors.js'

export const NAME = 'node-fs'

const CODES: Readonly<Record<string, StorageErrorCode>> = {
  ENOSPC: 'quota',
  EDQUOT: 'quota',
  EFBIG: 'quota',
  EACCES: 'denied',
  EPERM: 'denied',
  EROFS: 'denied',
  ELOOP: 'denied',
  ENAMETOOLONG: 'invalid',
  ENOTDIR: 'invalid',
}

export interface Doing {
  readonly operation: string
  readonly key?: string
  readonly path?: string
}

/** A StorageError for any error of `node:fs`; a StorageError passes as it is. */
export function asStorageError(error: unknown, doing: Doing): StorageError {
  if (error instanceof StorageError) return error
  const system = systemCode(error)
  const code = CODES[system ?? ''] ?? 'unavailable'
  const reason = error instanceof Error ? error.message : String(error)
  const facts = { errno: system, path: doing.path }
  return new StorageError(code, reason, { backend: NAME, operation: doing.operation, key: doing.key, cause: error, facts })
}

export function systemCode(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' ? code : undefined
}

export function isMissing(error: unknown): boolean {
  return systemCode(error) === 'ENOENT'
}
