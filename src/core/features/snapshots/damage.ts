// What is wrong with stored bytes, as opposed to a store that cannot be reached now.

import { isStorageError, StorageError } from '../../base/errors.js'

export function isDamage(error: unknown): error is StorageError {
  return isStorageError(error, 'corrupt') || isStorageError(error, 'unsupported') || isStorageError(error, 'missing')
}

export function missing(facts: Readonly<Record<string, unknown>>): StorageError {
  return new StorageError('missing', 'there is no such snapshot', { facts })
}

/** For those to whom what cannot be read is as good as not there. */
export async function unlessDamaged(run: () => Promise<void>): Promise<void> {
  try {
    await run()
  } catch (error) {
    if (!isDamage(error)) throw error
  }
}
