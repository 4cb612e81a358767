// One transaction, settled by what the browser says at its end: a failed commit arrives as an abort after every request succeeded.

import type { WriteDurability } from '../../core/ports/options.js'
import type { Database, ReadTransaction, StoreNames, WriteTransaction } from './schema.js'

/** Resolves when the transaction is complete. Whatever `body` throws aborts it. */
export async function write<T>(
  db: Database,
  stores: StoreNames,
  durability: WriteDurability,
  body: (tx: WriteTransaction) => Promise<T>,
): Promise<T> {
  const tx = db.transaction(stores, 'readwrite', { durability })
  // The end is awaited below in every case; until then its failure must not count as unhandled.
  tx.done.catch(() => {})
  let result: T
  try {
    result = await body(tx)
  } catch (error) {
    throw (await abort(tx)) ?? error
  }
  await tx.done
  return result
}

export async function read<T>(db: Database, stores: StoreNames, body: (tx: ReadTransaction) => Promise<T>): Promise<T> {
  const tx = db.transaction(stores, 'readonly')
  tx.done.catch(() => {})
  return body(tx)
}

/** The reason when the browser, not the body, ended the transaction: the first request only says that it was aborted. */
async function abort(tx: WriteTransaction): Promise<unknown> {
  try {
    tx.abort()
    return undefined
  } catch {
    return tx.done.then(
      () => undefined,
      (reason: unknown) => reason,
    )
  }
}
