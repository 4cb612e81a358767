// What is wrong with stored bytes, as opposed to a store that cannot be reached now.

import { isStorageError, StorageError } from '../../base/errors.js'

export function isDamage(error: unknown): error is StorageError {
  return isStorageError(error, 'corrupt') || isStorageError(error, 'unsupported') || isStorageError(error, 'missing')
}

export function missing(facts: Readonly<Record<string, unknown>>): StorageError {
  return new StorageError('missing', 'there is no such snapshot', { facts })
}
