// Judges the appends of one commit by the table of what was said before, and by what those before them in the same commit say.
// The table itself changes only when they are stored.

import { StorageError } from '../base/errors.js'
import { OWN_HEADER, producerHeader } from '../base/own-headers.js'
import type { ProducerBatch, RawRecord } from '../ports/stream-broker.js'
import { type PendingAppend, type PlacedAppend, timestampOf } from './append-batch.js'
import type { AppendJudge, Verdict } from './append-plan.js'
import { type AppendTable, type KnownProducer, type KnownRecord, REMEMBERED_BATCHES } from './append-table.js'

export class TableJudge implements AppendJudge {
  /** The table, and what the appends of this commit say. */
  readonly #said: AppendTable
  /** Of this commit, ms. */
  readonly #now: number

  constructor(table: AppendTable, now: number) {
    this.#said = table.continued()
    this.#now = now
  }

  judge({ records, options, speaks }: PendingAppend, first: number): Verdict {
    const { producer, at } = options
    if (!speaks) return { place: { records } }
    if (producer !== undefined) return this.#judgeBatch(records, producer)
    // A copy has what its source has, also what that stored twice because it was too long ago.
    return at === undefined ? this.#judgeIds(records, first) : { place: { records: records.map(withId) } }
  }

  note(placed: PlacedAppend): void {
    if (placed.append.speaks) foldPlaced(this.#said, placed, this.#now)
  }

  #judgeBatch(records: readonly RawRecord[], said: ProducerBatch): Verdict {
    const known = this.#said.producer(said.id)
    const stored = known?.epoch === said.epoch ? known.recent.find(({ sequence }) => sequence === said.sequence) : undefined
    if (stored !== undefined) {
      const { offset, timestamp } = stored
      return { repeated: { first: offset, next: offset + records.length, timestamp, duplicate: true } }
    }
    const error = refusalOf(known, said)
    if (error !== undefined) return { refused: error }
    const [head, ...rest] = records as readonly [RawRecord, ...RawRecord[]]
    return { place: { records: [marked(head, OWN_HEADER.producer, producerHeader(said)), ...rest] } }
  }

  #judgeIds(records: readonly RawRecord[], first: number): Verdict {
    const fresh: RawRecord[] = []
    const known: (KnownRecord | undefined)[] = []
    const here = new Map<string, KnownRecord>()
    for (const record of records) {
      const before = record.id === undefined ? undefined : (here.get(record.id) ?? this.#said.id(record.id, this.#now))
      known.push(before)
      if (before !== undefined) continue
      if (record.id !== undefined) here.set(record.id, { offset: first + fresh.length, timestamp: this.#now })
      fresh.push(withId(record))
    }
    if (fresh.length === records.length) return { place: { records: fresh } }
    if (fresh.length > 0) return { place: { records: fresh, known } }
    const places = known as KnownRecord[]
    const offsets = places.map(({ offset }) => offset)
    const timestamps = places.map(({ timestamp }) => timestamp)
    const next = (offsets[offsets.length - 1] as number) + 1
    return { repeated: { first: offsets[0] as number, next, timestamp: timestamps[0] as number, duplicate: true, offsets, timestamps } }
  }
}

/** The same for the table and for what may become of it. */
export function foldPlaced(table: AppendTable, { append, records, first }: PlacedAppend, now: number): void {
  for (const [index, record] of records.entries()) {
    if (record.headers === undefined) continue
    table.fold({ offset: first + index, timestamp: timestampOf(append, record, now), headers: record.headers })
  }
}

function refusalOf(known: KnownProducer | undefined, { id, epoch, sequence, allowGaps = false }: ProducerBatch): StorageError | undefined {
  if (known !== undefined && epoch < known.epoch) {
    return new StorageError('fenced', 'the producer goes on in a newer epoch', {
      operation: 'append',
      facts: { producer: id, epoch, newest: known.epoch },
    })
  }
  const expected = known === undefined ? 0 : epoch > known.epoch ? sequence : known.next
  if (sequence === expected || (allowGaps && sequence > expected)) return undefined
  const oldest = known?.recent[0]?.sequence ?? expected
  const isStored = known !== undefined && sequence < oldest && sequence >= known.begin
  const message = isStored
    ? `the batch was stored before, longer ago than the ${REMEMBERED_BATCHES} whose places are remembered`
    : 'the batch is not the next one of its producer'
  const facts = { producer: id, sequence, expected, ...(isStored ? { stored: true } : {}) }
  return new StorageError('conflict', message, { operation: 'append', facts })
}

function withId(record: RawRecord): RawRecord {
  return record.id === undefined ? record : marked(record, OWN_HEADER.id, record.id)
}

function marked(record: RawRecord, name: string, text: string): RawRecord {
  return { ...record, headers: [...(record.headers ?? []).filter(([other]) => other !== name), [name, text]] }
}
