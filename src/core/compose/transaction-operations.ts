// What a transaction is made of, and what becomes of each part.

import type { KvPutOptions } from '../features/kv/types.js'
import type { Receipt, TransactionAppendOptions } from '../features/queue/types.js'
import type { Cancellable } from '../ports/options.js'

/** One record of a queue. Made by `toAppend`. */
export interface AppendOperation {
  readonly append: { readonly queue: unknown; readonly value: unknown; readonly options: TransactionAppendOptions }
}

/** A value under a key. Made by `toPut`. */
export interface PutOperation {
  readonly put: { readonly kv: unknown; readonly key: string; readonly value: unknown; readonly options: TransactionPutOptions }
}

/** No value under a key. Made by `toDelete`. */
export interface DeleteOperation {
  readonly delete: { readonly kv: unknown; readonly key: string; readonly options: Pick<TransactionPutOptions, 'when'> }
}

export type TransactionOperation = AppendOperation | PutOperation | DeleteOperation
export type TransactionPutOptions = Omit<KvPutOptions, keyof Cancellable>

/** What became of an operation. The version is undefined where somebody else has changed the key since. */
export type TransactionResult<Operation> = Operation extends AppendOperation
  ? Receipt
  : Operation extends PutOperation
    ? { readonly version: string | undefined }
    : undefined
