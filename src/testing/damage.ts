// Damage on purpose: what a failing disk or a foreign program would do to stored bytes.

import { StorageError } from '../core/base/errors.js'
import type { Backend } from '../core/ports/backend.js'

/** The keys of all stored blobs with the prefix, ascending. */
export async function storedKeys(backend: Backend, prefix = ''): Promise<string[]> {
  const keys: string[] = []
  for await (const { key } of backend.blobs.list({ prefix })) keys.push(key)
  return keys
}

/** Flips one bit of the stored blob; `at` counts from the end when negative. `missing` when there is no such blob. */
export async function flipStoredByte(backend: Backend, key: string, at = -1): Promise<void> {
  const blob = await backend.blobs.get(key)
  if (blob === undefined) throw new StorageError('missing', 'nothing is stored there', { key })
  const bytes = blob.data.slice()
  const position = at < 0 ? bytes.length + at : at
  bytes[position] = (bytes[position] as number) ^ 0x10
  await backend.blobs.put(key, bytes)
}
