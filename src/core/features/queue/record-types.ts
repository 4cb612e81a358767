// What everything about a queue speaks of: positions, receipts and stored records.

import type { Durability } from '../../ports/options.js'

/**
 * Where to begin: an offset, the oldest record, the next to be written (`latest`), the first at or after a time
 * (Date or ms), or the last n.
 */
export type Position = number | 'earliest' | 'latest' | { readonly time: Date | number } | { readonly last: number }

/** What became of an appended record: where it is, and how durable it was when the promise resolved. */
export interface Receipt {
  readonly bucket: number
  readonly offset: number
  /** Milliseconds since 1970. */
  readonly timestamp: number
  readonly durability: Durability
  readonly duplicate?: true
}

export interface StoredRecord<T> {
  readonly bucket: number
  readonly offset: number
  /** Milliseconds since 1970. */
  readonly timestamp: number
  readonly key?: string
  /** undefined for a tombstone. Bytes may share memory with the values that were read with them. */
  readonly value: T
  readonly headers: Readonly<Record<string, string>>
  /** Version of the schema that it was written with; absent where there was none. The value may be of a newer one by now. */
  readonly schemaVersion?: number
}
