import { readdirSync } from 'node:fs'
import { resolve } from 'node:path'
import { BLOBS_FOLDER } from './blobs.js'
import { LOCK_FOLDER } from './directory.js'
import { asStorageError, systemCode } from './errors.js'
import { walkKeys } from './walk.js'

/**
 * True where a store of files was ever begun in the directory: its lock was taken, or a key lies there. Changes nothing.
 * Throws `denied` where it may not look.
 */
export async function holdsStore(directory: string): Promise<boolean> {
  const path = resolve(directory)
  try {
    if (readdirSync(resolve(path, LOCK_FOLDER)).some((name) => /^\d+$/.test(name))) return true
  } catch (error) {
    if (!['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) throw asStorageError(error, { operation: 'holdsStore', path })
  }
  // A copy may be without the lock.
  for await (const _found of walkKeys(resolve(path, BLOBS_FOLDER), '', undefined)) return true
  return false
}
