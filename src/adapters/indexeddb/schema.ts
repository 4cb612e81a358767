// One database a store. `blobs` holds the bytes; `index` repeats key, version and size in small rows of its own, written
// in the same transaction, so that a listing never loads a value.

import type { DBSchema, IDBPDatabase, IDBPTransaction } from 'idb'

export interface BlobRow {
  readonly data: Uint8Array
  readonly version: string
}

export interface IndexRow {
  readonly key: string
  readonly version: string
  readonly bytes: number
}

export interface Schema extends DBSchema {
  readonly blobs: { key: string; value: BlobRow }
  readonly index: { key: string; value: IndexRow }
  /** `id`: 128 random bits, drawn when the database was made. */
  readonly meta: { key: string; value: string }
}

export type Database = IDBPDatabase<Schema>
export type StoreNames = ('blobs' | 'index' | 'meta')[]
export type WriteTransaction = IDBPTransaction<Schema, StoreNames, 'readwrite'>
export type ReadTransaction = IDBPTransaction<Schema, StoreNames, 'readonly'>

export const SCHEMA_VERSION = 1

export function databaseName(name: string): string {
  return `varve-${name}`
}

/** Fills a database that was just made. */
export function createStores(db: Database, id: string): void {
  db.createObjectStore('blobs')
  db.createObjectStore('index', { keyPath: 'key' })
  // A failure ends the upgrade, which the open reports.
  db.createObjectStore('meta')
    .put(id, 'id')
    .catch(() => {})
}
