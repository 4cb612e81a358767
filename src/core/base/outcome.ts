// How something ended that did not succeed, as those are told who only look on.

import { isStorageError, type StorageErrorCode } from './errors.js'

export interface Outcome {
  /** Why it failed; `unknown` for what is no StorageError. */
  readonly error?: StorageErrorCode | 'unknown'
  /** Its signal ended it, which is no error. */
  readonly aborted?: true
}

export function outcomeOf(error: unknown, signal: AbortSignal | undefined): Outcome {
  if (signal?.aborted === true && error === signal.reason) return { aborted: true }
  return { error: isStorageError(error) ? error.code : 'unknown' }
}

/** For those who look on: what they throw, or reject with where they are asynchronous, is dropped. */
export function quietly(tell: () => unknown): void {
  try {
    const told = tell()
    if (told instanceof Promise) told.catch(() => {})
  } catch {}
}
