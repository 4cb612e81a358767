// The public shapes of a reader.

import type { Cancellable, Handle } from '../../ports/options.js'
import type { Position, StoredRecord } from './record-types.js'

/** An offset for each bucket: of an array its index, of an object its keys. What `JSON` makes of it can be stored. */
export type BucketOffsets = Readonly<Record<number, number>>

export interface ReaderOptions {
  /** Which part of the buckets is read: those i with `i mod worldSize = rank`. Default 0, of a `worldSize` of 1: all. */
  readonly rank?: number
  readonly worldSize?: number
  /** One position for all its buckets, or an offset for each, as `offsets()` gave them. Default `earliest`. */
  readonly from?: Position | BucketOffsets
}

export interface ReadBatchOptions extends Cancellable {
  /** Largest number of records; default 100, at most 10 000. */
  readonly limit?: number
}

export interface ReadNextOptions extends ReadBatchOptions {
  /** 0-60 000, default 0: returns as soon as anything is there, and at the latest then. */
  readonly waitMs?: number
}

/**
 * Reads buckets of a queue from positions of its own, which it keeps in memory: it moves no group, and nobody else knows of
 * it. Calls at the same time never return the same record twice.
 */
export interface QueueReader<T> extends Handle {
  /** The buckets it reads; none where there are fewer than its rank asks for. */
  readonly buckets: readonly number[]
  /**
   * The next records, in order within a bucket, and goes behind them. One bucket does not keep the others waiting: each
   * call begins at another. Stays in front of a record that cannot be read (`setOffset` passes it).
   */
  read(options?: ReadNextOptions): Promise<readonly StoredRecord<T>[]>
  /** Batch after batch, waiting for each; a batch holds at least one record. Ends normally on abort, and when the reader is closed. */
  batches(options?: ReadBatchOptions): AsyncIterableIterator<readonly StoredRecord<T>[]>
  /** Where the next read begins, of each of its buckets: store it with what was made of the records, and begin there again. */
  offsets(): BucketOffsets
  /** `invalid` for a bucket that it does not read, and past the high-water mark, with the maximum. */
  setOffset(bucket: number, position: Position): Promise<void>
  /** Back to where it began: positions such as `earliest` are looked up anew. */
  reset(): Promise<void>
}
