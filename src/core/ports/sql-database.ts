// Bound parameters only: the text of a statement never holds a value.

import type { Cancellable } from './options.js'

export type SqlValue = null | number | bigint | string | Uint8Array

export interface SqlStatement {
  readonly text: string
  readonly parameters?: readonly SqlValue[]
}

export interface SqlResult {
  readonly rows: readonly Readonly<Record<string, SqlValue>>[]
  readonly changes: number
}

export interface SqlTransaction {
  execute(statement: SqlStatement): Promise<SqlResult>
}

export interface SqlDatabase {
  /** One batch is one transaction. */
  execute(batch: readonly SqlStatement[], options?: Cancellable): Promise<readonly SqlResult[]>
  /** Absent where the platform has no interactive transactions (D1). */
  transaction?<T>(run: (tx: SqlTransaction) => Promise<T>): Promise<T>
}
