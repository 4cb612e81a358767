import { utf8 } from './bytes.js'
import { StorageError } from './errors.js'

const MAX_PREFIX_BYTES = 256

/** A prefix that several stores of one bucket or namespace are told apart by: `invalid` above 256 UTF-8 bytes. */
export function checkKeyPrefix(prefix: string, at: { readonly backend: string; readonly operation: string }): void {
  const bytes = utf8(prefix).length
  if (bytes <= MAX_PREFIX_BYTES) return
  throw new StorageError('invalid', 'the prefix is too long', { ...at, facts: { bytes, maxBytes: MAX_PREFIX_BYTES } })
}
