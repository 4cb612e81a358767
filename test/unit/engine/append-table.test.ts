import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AppendTable, type SpokenRecord } from '../../../dist/core/engine/append-table.js'

const WINDOW = { ms: 100, ids: 4 }
const IDS = ['a', 'b', 'c', 'd', 'e', 'f']
const PRODUCERS = ['p', 'q/1']

interface Said {
  readonly id?: string
  readonly producer?: { readonly id: string; readonly epoch: number; readonly sequence: number }
  readonly afterMs: number
}

const saidArbitrary: fc.Arbitrary<Said> = fc.record(
  {
    id: fc.constantFrom(...IDS),
    producer: fc.record({
      id: fc.constantFrom(...PRODUCERS),
      epoch: fc.integer({ min: 0, max: 2 }),
      sequence: fc.integer({ min: 0, max: 30 }),
    }),
    afterMs: fc.integer({ min: 0, max: 40 }),
  },
  { requiredKeys: ['afterMs'] },
)

function recordsOf(said: readonly Said[]): SpokenRecord[] {
  let timestamp = 1_000
  return said.map(({ id, producer, afterMs }, offset) => {
    timestamp += afterMs
    const headers: [string, string][] = [['h', 'x']]
    if (id !== undefined) headers.push(['varve-id', id])
    if (producer !== undefined) headers.push(['varve-producer', `${producer.epoch}/${producer.sequence}/${producer.id}`])
    return { offset, timestamp, headers }
  })
}

/** The same, told by looking at all records every time. */
class NaiveTable {
  readonly records: SpokenRecord[]

  constructor(records: readonly SpokenRecord[]) {
    this.records = [...records]
  }

  id(id: string, now: number) {
    const withIds = this.records.flatMap(({ offset, timestamp, headers }) => {
      const [, own] = headers.find(([name]) => name === 'varve-id') ?? []
      return own === undefined ? [] : [{ own: String(own), offset, timestamp }]
    })
    const latest = new Map(withIds.map((one) => [one.own, one]))
    const newest = [...latest.values()].sort((a, b) => a.offset - b.offset).slice(-WINDOW.ids)
    const known = newest.find(({ own }) => own === id)
    return known !== undefined && now - known.timestamp < WINDOW.ms ? { offset: known.offset, timestamp: known.timestamp } : undefined
  }

  producer(id: string) {
    const batches = this.records.flatMap(({ offset, timestamp, headers }) => {
      const [, text] = headers.find(([name]) => name === 'varve-producer') ?? []
      const [epoch, sequence, ...rest] = String(text).split('/')
      return text !== undefined && rest.join('/') === id ? [{ epoch: Number(epoch), sequence: Number(sequence), offset, timestamp }] : []
    })
    const stored: typeof batches = []
    for (const batch of batches) {
      const last = stored[stored.length - 1]
      const isNext = last === undefined || batch.epoch > last.epoch || (batch.epoch === last.epoch && batch.sequence > last.sequence)
      if (isNext) stored.push(batch)
    }
    const last = stored[stored.length - 1]
    if (last === undefined) return undefined
    const ofEpoch = stored.filter(({ epoch }) => epoch === last.epoch)
    const recent = ofEpoch.slice(-8).map(({ sequence, offset, timestamp }) => ({ sequence, offset, timestamp }))
    return { epoch: last.epoch, begin: ofEpoch[0]?.sequence, next: last.sequence + 1, recent }
  }
}

function fold(records: readonly SpokenRecord[], table = new AppendTable(WINDOW)): AppendTable {
  for (const record of records) table.fold(record)
  return table
}

function expectSame(table: AppendTable, naive: NaiveTable, now: number): void {
  for (const id of IDS) expect(table.id(id, now)).toEqual(naive.id(id, now))
  for (const id of PRODUCERS) expect(table.producer(id)).toEqual(naive.producer(id))
}

const runs = fc.array(saidArbitrary, { maxLength: 60 })

describe('what ids and producers said', () => {
  test('is what a look at all records tells', () => {
    fc.assert(
      fc.property(runs, (said) => {
        const records = recordsOf(said)
        const now = (records.at(-1)?.timestamp ?? 0) + 10
        expectSame(fold(records), new NaiveTable(records), now)
      }),
    )
  })

  test('is the same when it was stored in between, and when it was told of twice', () => {
    fc.assert(
      fc.property(runs, fc.nat(60), (said, at) => {
        const records = recordsOf(said)
        const stored = JSON.parse(JSON.stringify(fold(records.slice(0, at)).toStored(3)))
        const table = fold(records.slice(at), AppendTable.from(stored, WINDOW))
        expect(table.toStored(0)).toEqual(fold(records).toStored(0))
        const overlay = fold(records.slice(at), fold(records.slice(0, at)).continued())
        for (const id of PRODUCERS) expect(overlay.producer(id)).toEqual(table.producer(id))
      }),
    )
  })

  test('forgets nothing but the records that are cut off', () => {
    fc.assert(
      fc.property(runs, fc.nat(60), (said, at) => {
        const records = recordsOf(said)
        const table = fold(records)
        table.cut(at)
        const left = records.slice(0, at)
        const now = records.at(-1)?.timestamp ?? 0
        expect(table.upTo).toBe(left.length)
        for (const id of IDS) {
          const known = table.id(id, now)
          if (known !== undefined)
            expect(known).toEqual(left[known.offset] && { offset: known.offset, timestamp: left[known.offset]?.timestamp })
        }
        for (const id of PRODUCERS) for (const { offset } of table.producer(id)?.recent ?? []) expect(offset).toBeLessThan(at)
      }),
    )
  })

  test('expects a producer to send again what was cut off', () => {
    const records = recordsOf([0, 1, 2, 3].map((sequence) => ({ producer: { id: 'p', epoch: 1, sequence }, afterMs: 1 })))
    const table = fold(records)
    table.cut(2)
    expect(table.producer('p')).toMatchObject({ epoch: 1, next: 2, recent: [{ sequence: 0 }, { sequence: 1 }] })
  })

  test('keeps 10 000 producers, and forgets the one that was silent longest', () => {
    const table = new AppendTable(WINDOW)
    const say = (id: string, offset: number) => table.fold({ offset, timestamp: 1, headers: [['varve-producer', `0/${offset}/${id}`]] })
    for (let n = 0; n < 10_000; n++) say(`p${n}`, n)
    say('p0', 10_000)
    say('new', 10_001)
    expect(table.producer('p0')?.next).toBe(10_001)
    expect(table.producer('p1')).toBeUndefined()
    expect(table.producer('p2')).toBeDefined()
  })

  test('what nobody can have said is passed over', () => {
    const table = new AppendTable(WINDOW)
    const bytes = new Uint8Array([0xff, 0xfe])
    for (const [offset, value] of [bytes, 'no', '1/x/p', '-1/0/p'].entries()) {
      table.fold({ offset, timestamp: 1, headers: [['varve-producer', value]] })
    }
    expect([table.size, table.upTo]).toEqual([0, 4])
  })
})
