// The public shapes of a writer.

import type { Cancellable, Handle } from '../../ports/options.js'
import type { Receipt } from './record-types.js'

export interface WriterOptions {
  /** Who writes, 1-255 bytes; a bucket keeps its numbers apart from those of others. One writer at a time has an id and epoch. */
  readonly producerId: string
  /**
   * A higher one than the last shuts out every older writer of this id, with `fenced`. Default the one that a bucket knows
   * of the id, or 0: a writer that was closed or killed is gone on with.
   */
  readonly epoch?: number
  /** How long a record waits for others to share its batch, 0-60 000; default 0. No batch waits where nothing outlives a request. */
  readonly lingerMs?: number
  /** So many bytes of records may be on their way; more wait until there is room. Default 16 MiB. */
  readonly maxInFlightBytes?: number
  /** Largest batch, 1-10 000; default 1 000. */
  readonly maxBatchRecords?: number
  /** Sequences of one's own need only rise. */
  readonly allowGaps?: boolean
}

export interface WriteOptions extends Cancellable {
  readonly key?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Groups deliver the record so much later, ms. */
  readonly delayMs?: number
  /**
   * The number of this record as its source counts, from 0 in each bucket: it is a batch of its own then, and stored once,
   * however often it is written. Without a key it goes into the bucket of the producer's id. `conflict` with the number that
   * is `expected` for a gap.
   */
  readonly sequence?: number
}

/**
 * Writes in batches, each of them once: batches have numbers, one series a bucket, and one whose answer was lost is sent
 * again with the same number. Records of a bucket are stored in the order of the calls. When a batch fails, all that waits
 * behind it in its bucket fails too, so that nothing overtakes it; what is written after that begins anew.
 *
 * `conflict` for a number that another writer of the same id and epoch has used: nothing of that batch is stored.
 */
export interface QueueWriter<In> extends Handle {
  readonly producerId: string
  /** Resolves when the record is stored. Takes the value as it is at the call. */
  append(value: In, options?: WriteOptions): Promise<Receipt>
  /**
   * Resolves as soon as there is room for the record: a loop that awaits this is as fast as the log, and no faster. When the
   * record is not stored in the end, the next `send`, `flush` or `close` rejects with the reason.
   */
  send(value: In, options?: WriteOptions): Promise<void>
  /** Sends all that waits. Resolves when it is stored, rejects when any of it was not. */
  flush(): Promise<void>
  /** Flushes; what comes later is `closed`. */
  close(): Promise<void>
}
