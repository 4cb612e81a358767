// Changes of keys and appends to queues in one commit: all of them are stored, or none.

import { loadPart } from '../base/load-part.js'
import { contextOf, type Store } from '../derived/resolve.js'
import type { Kv, KvKey } from '../features/kv/types.js'
import type { Queue, TransactionAppendOptions } from '../features/queue/types.js'
import type { Backend } from '../ports/backend.js'
import type {
  AppendOperation,
  DeleteOperation,
  PutOperation,
  TransactionOperation,
  TransactionPutOptions,
  TransactionResult,
} from './transaction-operations.js'

export type {
  AppendOperation,
  DeleteOperation,
  PutOperation,
  TransactionOperation,
  TransactionPutOptions,
  TransactionResult,
} from './transaction-operations.js'

export function toAppend<Output, Input>(
  queue: Queue<Output, Input>,
  value: Input,
  options: TransactionAppendOptions = {},
): AppendOperation {
  return { append: { queue, value, options } }
}

export function toPut<Shape, Key extends KvKey<Shape>>(
  kv: Kv<Shape>,
  key: Key,
  value: Shape[Key],
  options: TransactionPutOptions = {},
): PutOperation {
  return { put: { kv, key, value, options } }
}

/** With `when: { version }` only the value that was seen. */
export function toDelete<Shape>(kv: Kv<Shape>, key: KvKey<Shape>, options: Pick<TransactionPutOptions, 'when'> = {}): DeleteOperation {
  return { delete: { kv, key, options } }
}

/**
 * Stores all of it in one commit, or nothing: `transaction(store, [toPut(stock, 'pen', 4), toAppend(orders, order)])`. Resolves
 * to what became of each operation, in their order. Keys and queues belong to this store; values must not change until it
 * resolves. Records of one bucket follow one another, in order.
 *
 * Errors: `unsupported` where the backend has no such commit (memory and IndexedDB have), `conflict` when a condition failed,
 * `invalid` (a key twice, a handle of another store, and as `put` and `append`), `closed`, and `unavailable`: then it may be stored.
 */
export async function transaction<const Operations extends readonly TransactionOperation[]>(
  store: Store | Backend,
  operations: Operations,
): Promise<{ -readonly [Index in keyof Operations]: TransactionResult<Operations[Index]> }> {
  const { commitAll } = await loadPart('transactions', () => import('./commit-all.js'))
  const results = await commitAll(contextOf(store), operations)
  return results as { -readonly [Index in keyof Operations]: TransactionResult<Operations[Index]> }
}
