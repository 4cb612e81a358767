import { deleteDB } from 'idb'
import { systemClock } from '../../core/base/clock.js'
import { checkName } from '../../core/base/key.js'
import { blocked } from './connection.js'
import { DEFAULT_BLOCKED_MS } from './indexed-db.js'
import { toStorageError } from './native-errors.js'
import { databaseName } from './schema.js'
import { removeCanary } from './wipe-canary.js'

/**
 * Deletes the store `name` and all that is in it; resolves also when there is none. Other tabs are asked to let go, and
 * their next use fails with `corrupt`; `unavailable` when one does not answer within `blockedMs` (the browser then
 * deletes as soon as it does).
 */
export async function destroyIndexedDb(name: string, options: { readonly blockedMs?: number } = {}): Promise<void> {
  checkName('store name', name)
  const blockedMs = options.blockedMs ?? DEFAULT_BLOCKED_MS
  await removeCanary(name)
  let cancel: () => void = () => {}
  const tooLate = new Promise<never>((_resolve, reject) => {
    cancel = systemClock.after(blockedMs, () => reject(blocked(name, 'destroy', blockedMs)))
  })
  const deleting = deleteDB(databaseName(name))
  try {
    await Promise.race([deleting, tooLate])
  } catch (error) {
    deleting.catch(() => {})
    throw toStorageError(error, 'destroy')
  } finally {
    cancel()
  }
}
