// The table of what ids and producers said, kept beside the log: a cell holds it as it was for a beginning of the log, never
// for more than is durable, and the rest is read from the log. The cell is there before the first record that speaks, and is
// brought forward before any record goes, so that a log without one never heard of ids.

import type { Clock } from '../base/clock.js'
import type { BlobStore } from '../ports/blob-store.js'
import type { DedupeWindow, ProducerState } from '../ports/stream-broker.js'
import type { PlacedAppend } from './append-batch.js'
import { foldPlaced, TableJudge } from './append-judge.js'
import type { AppendJudge } from './append-plan.js'
import { AppendTable, type StoredTable } from './append-table.js'
import { BlockReader } from './block-reader.js'
import { Cell } from './cell.js'
import type { Log, LogEnd } from './log.js'

export interface AppendHistoryOptions {
  readonly log: Log
  readonly blobs: BlobStore
  readonly clock: Clock
  /** Of the cell. */
  readonly key: string
  readonly window: DedupeWindow
}

const CHECKPOINT_EVERY = 4_096
/** The more there is to store, the less often: what is written stays within a few times what is appended. */
const RECORDS_PER_ENTRY = 2
const READ_RECORDS = 4_096
const READ_BYTES = 4 * 1024 * 1024

/**
 * What it stores is put strictly: records that speak, and the removal of others, rest on it. All its calls but `judge` and
 * `stored` come between commits.
 */
export class AppendHistory {
  readonly #options: AppendHistoryOptions
  readonly #cell: Cell<StoredTable>
  #table: AppendTable | undefined
  /** What the cell covers, as last known here. */
  #checkpoint = 0
  /** From here on it is counted how much was appended since the last try. */
  #tried = 0
  /** Whether something was said here since. */
  #isChanged = false

  constructor(options: AppendHistoryOptions) {
    this.#options = options
    const { blobs, clock, key } = options
    this.#cell = new Cell({ blobs, clock, key })
  }

  /** Judges what is to be appended at `at`, in a commit of this time (ms). */
  async judge(at: LogEnd, now: number): Promise<AppendJudge> {
    return new TableJudge((await this.#tableAt(at.next)) ?? (await this.#begin(at)), now)
  }

  /** What was placed at offset `from` is stored as the log goes on to `next`, and as durable as it will be. */
  stored(
    placed: readonly PlacedAppend[],
    { from, next, now }: { readonly from: number; readonly next: number; readonly now: number },
  ): void {
    const table = this.#table
    if (table?.upTo !== from) return // reading catches up
    for (const one of placed) {
      if (!one.append.speaks) continue
      foldPlaced(table, one, now)
      this.#isChanged = true
    }
    table.upTo = next
  }

  /** undefined for a producer that said nothing in the log as it is now. */
  async producer(id: string): Promise<ProducerState | undefined> {
    const { next } = await this.#options.log.end(true)
    const known = (await this.#tableAt(next))?.producer(id)
    return known === undefined ? undefined : { epoch: known.epoch, sequence: known.next }
  }

  /** Whether so much was appended that reading it again would take long. */
  get isDue(): boolean {
    if (this.#table === undefined || !this.#isChanged) return false
    return this.#table.upTo - this.#tried >= Math.max(CHECKPOINT_EVERY, RECORDS_PER_ENTRY * this.#table.size)
  }

  /** Stores what was said here, so that it need not be read again. Everything in the log has to be durable. */
  async checkpoint(): Promise<void> {
    const { next, epoch } = await this.#options.log.end()
    this.#tried = next
    if (this.#table !== undefined && this.#isChanged && this.#table.upTo <= next) await this.#store(this.#table, epoch)
  }

  /** Records below the offset that it resolves to may go: what they said is kept. Everything in the log has to be durable. */
  async keep(): Promise<number> {
    const { next, epoch } = await this.#options.log.end(true)
    const table = await this.#tableAt(next)
    if (table === undefined) return next
    if (table.upTo > this.#checkpoint) await this.#store(table, epoch)
    return table.upTo
  }

  /** For all records below `next`; undefined while nobody ever spoke. */
  async #tableAt(next: number): Promise<AppendTable | undefined> {
    const { log } = this.#options
    // A failed sync took records back.
    if (this.#table !== undefined && this.#table.upTo > next && this.#table.upTo > (await log.end()).next) this.#table = undefined
    this.#table ??= await this.#load(next)
    if (this.#table !== undefined) await this.#catchUp(this.#table, next)
    return this.#table
  }

  async #load(next: number): Promise<AppendTable | undefined> {
    const { log, window } = this.#options
    const { value } = await this.#cell.read()
    if (value === undefined) return undefined
    const table = AppendTable.from(value, window)
    if (value.upTo > next) await log.end(true) // others may have appended so much
    table.cut(log.rewindTo(value.upTo, value.epoch))
    this.#checkpoint = table.upTo
    this.#tried = table.upTo
    return table
  }

  /** The first to speak says so before it does. */
  async #begin({ next, durable, epoch }: LogEnd): Promise<AppendTable> {
    const { durability } = this.#options.log
    const upTo = durability.written === durability.synced ? next : durable
    const empty: StoredTable = { format: 1, epoch, upTo, producers: [], ids: [] }
    await this.#cell.update((stored) => (stored === undefined ? empty : undefined), undefined, 'strict')
    return (await this.#tableAt(next)) as AppendTable
  }

  async #catchUp(table: AppendTable, next: number): Promise<void> {
    if (table.upTo === next) return
    const blocks = new BlockReader()
    try {
      while (table.upTo < next) await this.#foldNext(table, next, blocks)
    } finally {
      await blocks.close()
    }
  }

  async #foldNext(table: AppendTable, next: number, blocks: BlockReader): Promise<void> {
    const place = { from: table.upTo, end: next, limit: READ_RECORDS, maxBytes: READ_BYTES }
    const records = (await blocks.read(this.#options.log, place)).filter(({ offset }) => offset < next)
    for (const record of records) table.fold(record)
    if (records.length === 0) table.upTo = next
  }

  /** Unless somebody stored as much. */
  async #store(table: AppendTable, epoch: number): Promise<void> {
    const mine = table.toStored(epoch)
    const isNewer = (stored: StoredTable): boolean => stored.epoch > epoch || (stored.epoch === epoch && stored.upTo >= mine.upTo)
    await this.#cell.update((stored) => (stored !== undefined && isNewer(stored) ? undefined : mine), undefined, 'strict')
    this.#checkpoint = mine.upTo
    this.#isChanged = table.upTo > mine.upTo
  }
}
