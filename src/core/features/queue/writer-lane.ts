// The way of a writer into one bucket: one batch is sent at a time, and what comes meanwhile is the next one.

import { backOff, type BackoffOptions } from '../../base/backoff.js'
import type { Clock } from '../../base/clock.js'
import { isStorageError, StorageError } from '../../base/errors.js'
import type { AppendResult, ProducerBatch, RecordStream } from '../../ports/stream-broker.js'
import { receiptsOf } from './receipts.js'
import type { WriterEntry } from './writer-entry.js'

const MAX_BATCH_BYTES = 4 * 1024 * 1024
const MAX_SENDS = 6
const BACKOFF: BackoffOptions = { firstMs: 50, maxMs: 2_000 }

export interface LaneOptions {
  readonly bucket: number
  readonly stream: RecordStream
  readonly clock: Clock
  readonly producerId: string
  readonly epoch: number | undefined
  readonly lingerMs: number
  readonly maxBatchRecords: number
  readonly allowGaps: boolean
  /** True while others wait for room, or somebody for all to be stored: nothing lingers then. */
  readonly isHurried: () => boolean
  /** Called once for each record that is done, whatever became of it. */
  readonly left: (entry: WriterEntry) => void
  /** A batch failed, and all that was behind it. */
  readonly failed: (error: unknown) => void
}

export class WriterLane {
  readonly #options: LaneOptions
  #waiting: WriterEntry[] = []
  /** Of what waits and what is being sent. */
  #bytes = 0
  #running: Promise<void> | undefined
  #hurries = false
  #cancelTimer: (() => void) | undefined
  /** The epoch it writes in, once it has asked. */
  #epoch: number | undefined
  /** Number of the next batch; undefined when the stream has to be asked. */
  #next: number | undefined

  constructor(options: LaneOptions) {
    this.#options = options
    this.#epoch = options.epoch
  }

  add(entry: WriterEntry): void {
    this.#waiting.push(entry)
    this.#bytes += entry.bytes
    this.#runOrLinger()
  }

  /** False when it is being sent, or was. */
  withdraw(entry: WriterEntry): boolean {
    const place = this.#waiting.indexOf(entry)
    if (place < 0) return false
    this.#waiting.splice(place, 1)
    this.#leave(entry)
    return true
  }

  /** Nothing that is here now lingers any longer. */
  hurry(): void {
    this.#hurries = this.#waiting.length > 0
    this.#runOrLinger()
  }

  #leave(entry: WriterEntry): void {
    this.#bytes -= entry.bytes
    this.#options.left(entry)
  }

  #runOrLinger(): void {
    if (this.#running !== undefined || this.#waiting.length === 0) return
    if (this.#isDue()) {
      this.#running = this.#run()
      return
    }
    this.#cancelTimer ??= this.#options.clock.after(this.#options.lingerMs, () => {
      this.#cancelTimer = undefined
      this.hurry()
    })
  }

  #isDue(): boolean {
    const { lingerMs, maxBatchRecords, isHurried } = this.#options
    if (lingerMs === 0 || this.#hurries || isHurried()) return true
    const isFull = this.#waiting.length >= maxBatchRecords || this.#bytes >= MAX_BATCH_BYTES
    return isFull || this.#waiting.some(({ sequence }) => sequence !== undefined)
  }

  /** Never rejects: what fails reaches the records. */
  async #run(): Promise<void> {
    await undefined // what is written in the same turn shares a batch
    while (this.#waiting.length > 0 && this.#isDue()) await this.#sendBatch(this.#nextBatch())
    this.#running = undefined
    this.#hurries = false
    this.#runOrLinger()
  }

  #nextBatch(): readonly WriterEntry[] {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    return this.#waiting.splice(0, this.#batchLength())
  }

  #batchLength(): number {
    if (this.#waiting[0]?.sequence !== undefined) return 1
    let bytes = 0
    const end = this.#waiting.slice(0, this.#options.maxBatchRecords).findIndex((entry, index) => {
      bytes += entry.bytes
      return entry.sequence !== undefined || (index > 0 && bytes > MAX_BATCH_BYTES)
    })
    return end < 0 ? this.#options.maxBatchRecords : end
  }

  async #sendBatch(entries: readonly WriterEntry[]): Promise<void> {
    try {
      const result = await this.#append(entries)
      const receipts = receiptsOf(this.#options.bucket, result, entries.length)
      for (const [index, receipt] of receipts.entries()) entries[index]?.resolve(receipt)
    } catch (error) {
      this.#next = undefined
      entries = [...entries, ...this.#waiting.splice(0)]
      for (const entry of entries) entry.reject(error)
      this.#options.failed(error)
    }
    for (const entry of entries) this.#leave(entry)
  }

  async #append(entries: readonly WriterEntry[]): Promise<AppendResult> {
    const { producerId: id, allowGaps } = this.#options
    const own = entries[0]?.sequence
    if (this.#epoch === undefined || (this.#next === undefined && own === undefined)) await this.#ask()
    const epoch = this.#epoch as number
    const sequence = own ?? (this.#next as number)
    const { result, sends } = await this.#send(entries, { id, epoch, sequence, allowGaps })
    if (result.duplicate === true && own === undefined && sends === 1) {
      throw new StorageError('conflict', 'another writer uses the id and epoch of this producer', {
        operation: 'append',
        facts: { producer: id, epoch, sequence },
      })
    }
    if (this.#next !== undefined) this.#next = Math.max(this.#next, sequence + 1)
    return result
  }

  /** A batch whose answer was lost is sent again: the stream knows its number. */
  async #send(
    entries: readonly WriterEntry[],
    producer: ProducerBatch,
  ): Promise<{ readonly result: AppendResult; readonly sends: number }> {
    const { stream, clock } = this.#options
    const records = entries.map(({ raw }) => raw)
    for (let sends = 1; ; sends++) {
      try {
        return { result: await stream.append({ records }, { producer }), sends }
      } catch (error) {
        if (sends === MAX_SENDS || !isStorageError(error, 'unavailable')) throw error
        await backOff(clock, sends - 1, BACKOFF)
      }
    }
  }

  /** Where the producer is, which this lane goes on from; the epoch it began in stays its own. */
  async #ask(): Promise<void> {
    const known = await this.#options.stream.producer(this.#options.producerId)
    this.#epoch ??= known?.epoch ?? 0
    this.#next = known?.epoch === this.#epoch ? known.sequence : 0
  }
}
