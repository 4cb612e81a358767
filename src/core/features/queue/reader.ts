// A reader: some buckets of a queue, and where in each the next read begins.

import { asyncDispose } from '../../base/async-dispose.js'
import type { Clock } from '../../base/clock.js'
import { StorageError } from '../../base/errors.js'
import { Latch, listenAll, POLL_MS, Wakes } from '../../base/latch.js'
import { Mutex } from '../../base/mutex.js'
import type { RecordStream, StreamRecord } from '../../ports/stream-broker.js'
import { checkReadLimit, checkWaitMs } from './checks.js'
import { offsetWithin } from './position.js'
import type { BucketOffsets, QueueReader, ReadBatchOptions, ReaderOptions, ReadNextOptions } from './reader-types.js'
import type { Position, StoredRecord } from './record-types.js'

const DEFAULT_LIMIT = 100
/** A batch of an iteration is waited for in steps; each looks whether the queue is still open. */
const BATCH_WAIT_MS = 60_000

/** What a reader needs of its queue. */
export interface ReaderInput<T> {
  readonly queue: string
  /** One a bucket, of the whole queue. */
  readonly streams: readonly RecordStream[]
  /** Up to the first that cannot be read; its error is thrown when that one comes first. */
  readonly decode: (bucket: number, records: readonly StreamRecord[]) => Promise<readonly StoredRecord<T>[]>
  readonly clock: Clock
  /** Throws `closed` once the queue is. */
  readonly checkOpen: (operation: string) => void
}

/** `invalid` for a rank, a world size or a position that cannot be. */
export async function openReader<T>(input: ReaderInput<T>, options: ReaderOptions): Promise<QueueReader<T>> {
  const { rank = 0, worldSize = 1, from = 'earliest' } = options
  const reader = new Reader(input, bucketsOf(input.streams.length, rank, worldSize), from)
  await reader.reset()
  return reader
}

function bucketsOf(count: number, rank: number, worldSize: number): readonly number[] {
  if (!Number.isSafeInteger(worldSize) || worldSize < 1 || !Number.isSafeInteger(rank) || rank < 0 || rank >= worldSize) {
    throw new StorageError('invalid', 'rank is a whole number from 0, below worldSize', {
      operation: 'reader',
      facts: { rank, worldSize },
    })
  }
  return Array.from({ length: count }, (_, bucket) => bucket).filter((bucket) => bucket % worldSize === rank)
}

class Reader<T> implements QueueReader<T> {
  readonly buckets: readonly number[]
  readonly #input: ReaderInput<T>
  readonly #from: Position | BucketOffsets
  readonly #next = new Map<number, number>()
  /** One looks and moves the offsets at a time; nobody waits for records in here. */
  readonly #turns = new Mutex()
  /** Ends waits when the offsets were set, or the reader closed. */
  readonly #changed = new Latch()
  /** Where in `buckets` the next read begins. */
  #start = 0
  #closed = false

  constructor(input: ReaderInput<T>, buckets: readonly number[], from: Position | BucketOffsets) {
    this.#input = input
    this.buckets = buckets
    this.#from = from
  }

  async read(options: ReadNextOptions = {}): Promise<readonly StoredRecord<T>[]> {
    this.#checkOpen('read')
    const limit = checkReadLimit(options.limit ?? DEFAULT_LIMIT, 'read')
    const waitMs = checkWaitMs(options.waitMs ?? 0, 'read')
    options.signal?.throwIfAborted()
    const records = await this.#turns.run(() => this.#readNow(limit))
    return records.length > 0 || waitMs === 0 ? records : await this.#waitAndRead(limit, waitMs, options.signal)
  }

  async *batches({ limit, signal }: ReadBatchOptions = {}): AsyncGenerator<readonly StoredRecord<T>[]> {
    const options = { waitMs: BATCH_WAIT_MS, ...(limit === undefined ? {} : { limit }), ...(signal === undefined ? {} : { signal }) }
    while (!signal?.aborted && !this.#closed) {
      const batch = await this.read(options).catch((error) => {
        if (signal?.aborted || this.#closed) return []
        throw error
      })
      if (batch.length > 0) yield batch
    }
  }

  offsets(): BucketOffsets {
    return Object.fromEntries(this.#next)
  }

  async setOffset(bucket: number, position: Position): Promise<void> {
    this.#checkOpen('setOffset')
    if (!this.buckets.includes(bucket)) {
      throw new StorageError('invalid', 'the reader does not read this bucket', {
        operation: 'setOffset',
        facts: { queue: this.#input.queue, bucket, buckets: this.buckets },
      })
    }
    await this.#turns.run(async () => {
      this.#next.set(bucket, await this.#resolve(bucket, position, 'setOffset'))
    })
    this.#changed.wake()
  }

  async reset(): Promise<void> {
    this.#checkOpen('reset')
    await this.#turns.run(async () => {
      const offsets = await Promise.all(this.buckets.map((bucket) => this.#resolve(bucket, this.#positionOf(bucket), 'reader')))
      for (const [index, bucket] of this.buckets.entries()) this.#next.set(bucket, offsets[index] as number)
    })
    this.#changed.wake()
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#changed.wake()
  }

  [asyncDispose](): Promise<void> {
    return this.close()
  }

  async #waitAndRead(limit: number, waitMs: number, signal: AbortSignal | undefined): Promise<readonly StoredRecord<T>[]> {
    const { clock } = this.#input
    const end = clock.now() + waitMs
    const wakes = new Wakes((wake) => this.#listen(wake))
    try {
      for (;;) {
        signal?.throwIfAborted()
        const records = await this.#turns.run(() => this.#readNow(limit))
        const leftMs = end - clock.now()
        if (records.length > 0 || leftMs <= 0) return records
        await wakes.next(clock, Math.min(POLL_MS, leftMs), signal)
      }
    } finally {
      wakes.stop()
    }
  }

  async #readNow(limit: number): Promise<StoredRecord<T>[]> {
    this.#checkOpen('read')
    const start = this.#start++
    const records: StoredRecord<T>[] = []
    for (let step = 0; step < this.buckets.length && records.length < limit; step++) {
      const bucket = this.buckets[(start + step) % this.buckets.length] as number
      try {
        for (const record of await this.#readBucket(bucket, limit - records.length)) records.push(record)
      } catch (error) {
        if (records.length === 0) throw error
        break // it comes first when another read begins at this bucket
      }
    }
    for (const { bucket, offset } of records) this.#next.set(bucket, offset + 1)
    return records
  }

  async #readBucket(bucket: number, limit: number): Promise<readonly StoredRecord<T>[]> {
    const { streams, decode } = this.#input
    const stream = streams[bucket] as RecordStream
    return decode(bucket, await stream.read({ from: this.#next.get(bucket) as number, limit }))
  }

  #resolve(bucket: number, position: Position, operation: string): Promise<number> {
    const { queue, streams } = this.#input
    return offsetWithin(streams[bucket] as RecordStream, position, { operation, queue, bucket })
  }

  #positionOf(bucket: number): Position {
    return isPosition(this.#from) ? this.#from : (this.#from[bucket] as number)
  }

  #listen(wake: () => void): () => void {
    const streams = this.buckets.map((bucket) => this.#input.streams[bucket] as RecordStream)
    return listenAll([...streams, this.#changed], wake)
  }

  #checkOpen(operation: string): void {
    this.#input.checkOpen(operation)
    if (this.#closed) throw new StorageError('closed', 'the reader is closed', { operation, facts: { queue: this.#input.queue } })
  }
}

function isPosition(from: Position | BucketOffsets): from is Position {
  return typeof from !== 'object' || from === null || 'time' in from || 'last' in from
}
