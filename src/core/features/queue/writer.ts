// A writer: records go through a bounded room into the lane of their bucket, where they become batches.

import { asyncDispose } from '../../base/async-dispose.js'
import { StorageError } from '../../base/errors.js'
import { checkName } from '../../base/key.js'
import type { StoreContext } from '../../derived/store-context.js'
import type { RawRecord, RecordStream } from '../../ports/stream-broker.js'
import { bucketOf } from './record-codec.js'
import type { Receipt } from './record-types.js'
import { entryBytes, type WriterEntry } from './writer-entry.js'
import { WriterLane } from './writer-lane.js'
import { WriterRoom } from './writer-room.js'
import type { QueueWriter, WriteOptions, WriterOptions } from './writer-types.js'

const DEFAULT_IN_FLIGHT_BYTES = 16 * 1024 * 1024
const DEFAULT_BATCH_RECORDS = 1_000
const MAX_BATCH_RECORDS = 10_000
const MAX_LINGER_MS = 60_000

interface RoutedRecord {
  readonly bucket: number
  readonly raw: RawRecord
}

/** What a writer needs of its queue. */
export interface WriterInput<In> {
  readonly queue: string
  readonly context: StoreContext
  readonly streams: readonly RecordStream[]
  /** The record as it is stored, and its bucket; a promise where the schema is asynchronous, in the order of the calls. */
  readonly route: (value: In, beside: WriteOptions) => RoutedRecord | Promise<RoutedRecord>
  /** Throws `closed` once the queue is. */
  readonly checkOpen: (operation: string) => void
  /** Closes the writer with the queue; returns how to forget it. */
  readonly onClose: (writer: QueueWriter<In>) => () => void
}

type CheckedOptions = Required<Omit<WriterOptions, 'epoch'>> & Pick<WriterOptions, 'epoch'>

/** `invalid` for options that cannot be, `denied` in read mode. */
export async function openWriter<In>(input: WriterInput<In>, options: WriterOptions): Promise<QueueWriter<In>> {
  const checked = checkOptions(options, input.context.backend.requestScoped === true)
  await input.context.writable('writer')
  return new Writer(input, checked)
}

class Writer<In> implements QueueWriter<In> {
  readonly producerId: string
  readonly #input: WriterInput<In>
  readonly #options: CheckedOptions
  readonly #room: WriterRoom
  readonly #lanes = new Map<number, WriterLane>()
  /** Of the records that are not stored yet. */
  readonly #outstanding = new Set<Promise<Receipt>>()
  /** How many wait for all of them. */
  #flushes = 0
  readonly #forget: () => void
  /** Why records that were sent are not stored, until somebody is told. */
  #unreported: { readonly error: unknown } | undefined
  #closing: Promise<void> | undefined

  constructor(input: WriterInput<In>, options: CheckedOptions) {
    this.#input = input
    this.#options = options
    this.producerId = options.producerId
    this.#room = new WriterRoom(options.maxInFlightBytes, (entry) => this.#lane(entry.bucket).add(entry))
    this.#forget = input.onClose(this)
  }

  append(value: In, options: WriteOptions = {}): Promise<Receipt> {
    return this.#track(this.#write(value, options, () => {}))
  }

  send(value: In, options: WriteOptions = {}): Promise<void> {
    return new Promise((resolve, reject) => {
      const { error } = this.#takeReport()
      if (error !== undefined) {
        reject(error)
        return
      }
      let isIn = false
      const admitted = (): void => {
        isIn = true
        resolve()
      }
      this.#track(this.#write(value, options, admitted)).catch((reason) => {
        if (isIn) this.#unreported ??= { error: reason }
        else reject(reason)
      })
    })
  }

  async flush(): Promise<void> {
    this.#input.checkOpen('flush')
    await this.#settleAll()
  }

  close(): Promise<void> {
    this.#closing ??= this.#settleAll()
    this.#forget()
    return this.#closing
  }

  [asyncDispose](): Promise<void> {
    return this.close()
  }

  #track(stored: Promise<Receipt>): Promise<Receipt> {
    this.#outstanding.add(stored)
    const done = (): void => {
      this.#outstanding.delete(stored)
    }
    stored.then(done, done)
    return stored
  }

  /** Resolves with the receipt; `admitted` is called when the record has room. */
  async #write(value: In, options: WriteOptions, admitted: () => void): Promise<Receipt> {
    this.#checkOpen('append')
    options.signal?.throwIfAborted()
    checkSequence(options.sequence)
    const routed = this.#input.route(value, options) // before any wait: the caller may change the value
    const { bucket, raw } = routed instanceof Promise ? await routed : routed
    return this.#enter(this.#bucketFor(bucket, raw, options), raw, options, admitted)
  }

  /** What is written again has to meet the one that was stored. */
  #bucketFor(bucket: number, raw: RawRecord, { sequence }: WriteOptions): number {
    return sequence === undefined || raw.key !== undefined ? bucket : bucketOf(this.producerId, this.#input.streams.length)
  }

  #enter(bucket: number, raw: RawRecord, { sequence, signal }: WriteOptions, admitted: () => void): Promise<Receipt> {
    return new Promise((resolve, reject) => {
      const abort = (): void => {
        if (!this.#room.withdraw(entry)) this.#lane(bucket).withdraw(entry)
        entry.reject(signal?.reason)
      }
      const done = (): void => signal?.removeEventListener('abort', abort)
      const entry: WriterEntry = {
        bucket,
        raw,
        bytes: entryBytes(raw),
        sequence,
        admitted,
        resolve: (receipt) => {
          done()
          resolve(receipt)
        },
        reject: (error) => {
          done()
          reject(error)
        },
      }
      signal?.addEventListener('abort', abort, { once: true })
      this.#room.enter(entry)
      if (this.#room.isFull) this.#hurry()
    })
  }

  #lane(bucket: number): WriterLane {
    let lane = this.#lanes.get(bucket)
    if (lane === undefined) {
      lane = this.#newLane(bucket)
      this.#lanes.set(bucket, lane)
    }
    return lane
  }

  #newLane(bucket: number): WriterLane {
    const { producerId, epoch, lingerMs, maxBatchRecords, allowGaps } = this.#options
    const { context, streams } = this.#input
    return new WriterLane({
      bucket,
      stream: streams[bucket] as RecordStream,
      clock: context.clock,
      producerId,
      epoch,
      lingerMs,
      maxBatchRecords,
      allowGaps,
      isHurried: () => this.#room.isFull || this.#flushes > 0,
      left: (entry) => this.#room.leave(entry),
      failed: (error) => {
        for (const entry of this.#room.turnAway(bucket)) entry.reject(error)
      },
    })
  }

  #hurry(): void {
    for (const lane of this.#lanes.values()) lane.hurry()
  }

  async #settleAll(): Promise<void> {
    const all = Promise.allSettled(this.#outstanding)
    this.#flushes++
    this.#hurry()
    const outcomes = await all
    this.#flushes--
    const failure = outcomes.find((outcome) => outcome.status === 'rejected')
    const { error = failure?.reason } = this.#takeReport()
    if (error !== undefined) throw error
  }

  #takeReport(): { readonly error?: unknown } {
    const report = this.#unreported ?? {}
    this.#unreported = undefined
    return report
  }

  #checkOpen(operation: string): void {
    this.#input.checkOpen(operation)
    if (this.#closing === undefined) return
    throw new StorageError('closed', 'the writer is closed', { operation, facts: { queue: this.#input.queue, producer: this.producerId } })
  }
}

function checkOptions(options: WriterOptions, isRequestScoped: boolean): CheckedOptions {
  const { producerId, epoch, lingerMs = 0, maxInFlightBytes = DEFAULT_IN_FLIGHT_BYTES } = options
  const { maxBatchRecords = DEFAULT_BATCH_RECORDS, allowGaps = false } = options
  checkName('producer id', producerId)
  if (epoch !== undefined) checkWhole({ epoch }, 0, Number.MAX_SAFE_INTEGER)
  if (!(lingerMs >= 0 && lingerMs <= MAX_LINGER_MS)) throw outside({ lingerMs }, 0, MAX_LINGER_MS)
  checkWhole({ maxInFlightBytes }, 1, Number.MAX_SAFE_INTEGER)
  checkWhole({ maxBatchRecords }, 1, MAX_BATCH_RECORDS)
  const checked = { producerId, lingerMs: isRequestScoped ? 0 : lingerMs, maxInFlightBytes, maxBatchRecords, allowGaps }
  return epoch === undefined ? checked : { ...checked, epoch }
}

function checkSequence(sequence: number | undefined): void {
  if (sequence !== undefined) checkWhole({ sequence }, 0, Number.MAX_SAFE_INTEGER)
}

function checkWhole(named: Readonly<Record<string, number>>, least: number, most: number): void {
  const [value] = Object.values(named)
  if (!Number.isInteger(value) || (value as number) < least || (value as number) > most) throw outside(named, least, most)
}

function outside(named: Readonly<Record<string, number>>, least: number, most: number): StorageError {
  const [name] = Object.keys(named)
  return new StorageError('invalid', `${name} is a number from ${least} to ${most}`, { operation: 'writer', facts: named })
}
