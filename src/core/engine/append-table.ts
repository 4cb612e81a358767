// What producers said and which ids were stored: a fold over the records of a log, by the headers that they carry. The same
// records give the same table everywhere; how a beginning of the log was folded can be stored, and the fold goes on from there.

import { fromUtf8 } from '../base/bytes.js'
import { StorageError } from '../base/errors.js'
import { OWN_HEADER, parseProducer, type SaidProducer } from '../base/own-headers.js'
import type { BytesOrText, DedupeWindow } from '../ports/stream-broker.js'

/** So many of a producer's last batches can be told where they are. */
export const REMEMBERED_BATCHES = 8
/** Of more, the one that was silent longest is forgotten. */
const MAX_PRODUCERS = 10_000

export interface KnownRecord {
  readonly offset: number
  /** Milliseconds since 1970. */
  readonly timestamp: number
}

/** Where a batch begins. */
export interface KnownBatch extends KnownRecord {
  readonly sequence: number
}

export interface KnownProducer {
  readonly epoch: number
  /** First sequence of this epoch. */
  readonly begin: number
  /** Greater than any that was stored. */
  readonly next: number
  /** The last ones, newest last. */
  readonly recent: readonly KnownBatch[]
}

/** A record as far as the table looks at it. */
export interface SpokenRecord extends KnownRecord {
  readonly headers: readonly (readonly [string, BytesOrText])[]
}

/** As JSON keeps it: everything below `upTo` is folded. */
export interface StoredTable {
  readonly format: 1
  /** Of the log when this was stored: tells whether a recovery dropped records since. */
  readonly epoch: number
  readonly upTo: number
  readonly producers: readonly (readonly [id: string, epoch: number, begin: number, next: number, recent: readonly StoredBatch[]])[]
  /** Oldest first. */
  readonly ids: readonly (readonly [id: string, offset: number, timestamp: number])[]
}

type StoredBatch = readonly [sequence: number, offset: number, timestamp: number]

export class AppendTable {
  /** Everything below is folded. */
  upTo = 0
  readonly #window: DedupeWindow
  /** The one that spoke last stands last. */
  readonly #producers = new Map<string, KnownProducer>()
  /** In the order of their offsets. */
  readonly #ids = new Map<string, KnownRecord>()
  readonly #base: AppendTable | undefined

  /** What a table says goes on from `base`, which stays as it is. */
  constructor(window: DedupeWindow, base?: AppendTable) {
    this.#window = window
    this.#base = base
  }

  /** `corrupt` for what was never stored, `unsupported` for a newer format. */
  static from(value: unknown, window: DedupeWindow): AppendTable {
    const stored = checkStored(value)
    const table = new AppendTable(window)
    table.upTo = stored.upTo
    for (const [id, epoch, begin, next, recent] of stored.producers) {
      const batches = recent.map(([sequence, offset, timestamp]) => ({ sequence, offset, timestamp }))
      table.#producers.set(id, { epoch, begin, next, recent: batches })
    }
    for (const [id, offset, timestamp] of stored.ids) table.#ids.set(id, { offset, timestamp })
    table.#forgetIds(Number.NEGATIVE_INFINITY)
    return table
  }

  toStored(epoch: number): StoredTable {
    const producers = [...this.#producers].map(([id, { epoch, begin, next, recent }]) => {
      return [id, epoch, begin, next, recent.map(({ sequence, offset, timestamp }) => [sequence, offset, timestamp] as const)] as const
    })
    const ids = [...this.#ids].map(([id, { offset, timestamp }]) => [id, offset, timestamp] as const)
    return { format: 1, epoch, upTo: this.upTo, producers, ids }
  }

  /** About how much there is to store. */
  get size(): number {
    return this.#producers.size + this.#ids.size
  }

  /** One that goes on from this one. */
  continued(): AppendTable {
    return new AppendTable(this.#window, this)
  }

  producer(id: string): KnownProducer | undefined {
    return this.#producers.get(id) ?? this.#base?.producer(id)
  }

  /** Where the record with this id is, when it was stored less than the window before `now`. */
  id(id: string, now: number): KnownRecord | undefined {
    const known = this.#ids.get(id)
    if (known === undefined) return this.#base?.id(id, now)
    return now - known.timestamp < this.#window.ms ? known : undefined
  }

  /** Records come in the order of their offsets, each once. */
  fold({ offset, timestamp, headers }: SpokenRecord): void {
    for (const [name, value] of headers) {
      if (name !== OWN_HEADER.id && name !== OWN_HEADER.producer) continue
      const text = textOf(value)
      if (text === undefined) continue
      if (name === OWN_HEADER.id) this.#foldId(text, { offset, timestamp })
      else this.#foldBatch(parseProducer(text), { offset, timestamp })
    }
    this.upTo = offset + 1
  }

  /** What was said by records from `next` on was never stored, or is lost: those offsets belong to others now. */
  cut(next: number): void {
    if (next >= this.upTo) return
    this.upTo = next
    for (const [id, { offset }] of this.#ids) if (offset >= next) this.#ids.delete(id)
    for (const [id, known] of this.#producers) {
      const lost = known.recent.find(({ offset }) => offset >= next)
      if (lost === undefined) continue
      this.#producers.set(id, { ...known, next: lost.sequence, recent: known.recent.filter(({ offset }) => offset < next) })
    }
  }

  #foldId(id: string, record: KnownRecord): void {
    this.#ids.delete(id)
    this.#ids.set(id, record)
    this.#forgetIds(record.timestamp)
  }

  /** The oldest, when there are more than the window has room for, or they left it. */
  #forgetIds(now: number): void {
    for (const [id, { timestamp }] of this.#ids) {
      if (this.#ids.size <= this.#window.ids && now - timestamp < this.#window.ms) return
      this.#ids.delete(id)
    }
  }

  #foldBatch(said: SaidProducer | undefined, place: KnownRecord): void {
    if (said === undefined) return
    const before = this.producer(said.id)
    const after = withBatch(before, said, place)
    if (after === before) return
    this.#producers.delete(said.id)
    this.#producers.set(said.id, after)
    if (this.#producers.size <= MAX_PRODUCERS) return
    for (const silent of this.#producers.keys()) {
      this.#producers.delete(silent)
      return
    }
  }
}

function checkStored(value: unknown): StoredTable {
  const stored = Object(value) as Partial<StoredTable>
  const { format, epoch, upTo, producers, ids } = stored
  if (typeof format === 'number' && format !== 1) {
    throw new StorageError('unsupported', 'stored by a newer version of Varve', { facts: { format, newestKnown: 1 } })
  }
  const isWhole =
    format === 1 &&
    areNumbers([epoch, upTo]) &&
    Array.isArray(producers) &&
    producers.every((one) => isTuple(one, 5) && areNumbers(one.slice(1, 4)) && isBatches(one[4])) &&
    Array.isArray(ids) &&
    ids.every((one) => isTuple(one, 3) && areNumbers(one.slice(1)))
  if (isWhole) return stored as StoredTable
  throw new StorageError('corrupt', 'what is known of ids and producers does not hold a table of them')
}

function isTuple(value: unknown, length: number): boolean {
  return Array.isArray(value) && value.length === length && typeof value[0] === 'string'
}

function isBatches(value: unknown): boolean {
  return Array.isArray(value) && value.every((batch) => Array.isArray(batch) && batch.length === 3 && areNumbers(batch))
}

function areNumbers(values: readonly unknown[]): boolean {
  return values.every((value) => Number.isSafeInteger(value))
}

/** What is known of a producer once this batch is stored; the same object where it says nothing new. */
export function withBatch(known: KnownProducer | undefined, { epoch, sequence }: SaidProducer, place: KnownRecord): KnownProducer {
  const batch = { sequence, offset: place.offset, timestamp: place.timestamp }
  if (known === undefined || epoch > known.epoch) return { epoch, begin: sequence, next: sequence + 1, recent: [batch] }
  if (epoch < known.epoch || sequence < known.next) return known
  return { ...known, next: sequence + 1, recent: [...known.recent.slice(1 - REMEMBERED_BATCHES), batch] }
}

/** undefined for bytes that are no text: nobody said that through an append of ours. */
function textOf(value: BytesOrText): string | undefined {
  if (typeof value === 'string') return value
  try {
    return fromUtf8(value)
  } catch {
    return undefined
  }
}
