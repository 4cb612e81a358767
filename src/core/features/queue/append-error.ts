import { isStorageError, StorageError } from '../../base/errors.js'
import type { Receipt } from './types.js'

/** What `appendMany` rejects with when some buckets were stored and others not: the error, and the receipts of what is stored. */
export interface PartialAppend {
  /** In input order; undefined where the record was not stored. */
  readonly receipts: readonly (Receipt | undefined)[]
}

export function partialAppendError(cause: unknown, receipts: readonly (Receipt | undefined)[]): unknown {
  if (!isStorageError(cause)) return cause
  const stored = receipts.filter((receipt) => receipt !== undefined).length
  const error = new StorageError(cause.code, `${stored} of ${receipts.length} records were stored: ${cause.message}`, {
    cause,
    operation: 'appendMany',
    ...(cause.backend === undefined ? {} : { backend: cause.backend }),
  })
  return Object.assign(error, { receipts })
}
