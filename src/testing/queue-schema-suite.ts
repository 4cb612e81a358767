// Queues with a schema: what goes in fits it, and what an older one stored comes out as the newest one has it.

import type { StorageError } from '../core/base/errors.js'
import type { Store } from '../core/derived/resolve.js'
import { openQueue } from './queue-format.js'
import type { SchemaResult, StandardSchema } from '../core/features/queue/schema.js'
import type { Queue, StoredRecord } from '../core/features/queue/types.js'
import { expectEqual, expectRejects, expectTrue } from './assert.js'
import { collect, storeCase, storeOn } from './queue-place.js'
import type { BackendSuiteOptions, MakeBackend, SuiteCase } from './suite.js'

interface Item {
  readonly item: string
}

interface Counted extends Item {
  readonly count: number
}

interface Priced extends Counted {
  readonly price: { readonly amount: number; readonly currency: string }
}

function schemaOf<Input, Output>(
  validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>,
): StandardSchema<Input, Output> {
  return { '~standard': { version: 1, vendor: 'suite', validate } }
}

const items = schemaOf<Item, Item>((value) => {
  const { item } = Object(value)
  return typeof item === 'string' ? { value: { item } } : { issues: [{ message: 'is no text', path: ['item'] }] }
})

/** The count is new, and 1 where there is none. */
const counted = schemaOf<Item & Partial<Counted>, Counted>((value) => {
  const { item, count = 1 } = Object(value)
  return typeof item === 'string' && typeof count === 'number'
    ? { value: { item, count } }
    : { issues: [{ message: 'is no counted item', path: [{ key: 'count' }] }] }
})

/** The price is an object; version 3 stored it as a number, in another field. */
const priced = schemaOf<Priced, Priced>((value) => {
  const { item, count, price } = Object(value)
  return typeof Object(price).amount === 'number'
    ? { value: { item, count, price } }
    : { issues: [{ message: 'has no amount', path: ['price', 'amount'] }] }
})

const V1 = { version: 1, schema: items }
const V2 = { version: 2, schema: counted }
const V4 = {
  version: 4,
  schema: priced,
  upcasters: {
    1: (value: Item): Counted => ({ ...value, count: 1 }),
    2: (value: Counted) => ({ ...value, cents: 0 }),
    3: ({ item, count, cents }: Counted & { cents: number }): Priced => ({ item, count, price: { amount: cents / 100, currency: 'EUR' } }),
  },
}

/** Part of `queueSuite`. */
export function schemaCases(make: MakeBackend, { reopen }: BackendSuiteOptions): readonly SuiteCase[] {
  return [
    ...appendCases(make),
    ...asynchronousCases(make),
    ...evolutionCases(make),
    ...newerCases(make),
    ...tolerantCases(make),
    ...(reopen === undefined ? [] : [versionsSurvive(make, reopen)]),
  ]
}

function values<T>(records: readonly StoredRecord<T>[]): T[] {
  return records.map(({ value }) => value)
}

function appendCases(make: MakeBackend): readonly SuiteCase[] {
  return [
    storeCase('schema: what the schema makes of a value is stored, with its version', make, async (store) => {
      const queue = await openQueue(store, 'q', { schema: V2, buckets: 4, key: ({ item, count }) => `${item} ${count}` })
      const { bucket } = await queue.append({ item: 'pen' })
      const [record] = await queue.read({ bucket })
      expectEqual(record?.value, { item: 'pen', count: 1 })
      expectEqual([record?.key, record?.schemaVersion], ['pen 1', 2], 'the key is made of what is stored')
      const [raw] = await (await openQueue(store, 'q')).read({ bucket })
      expectEqual([raw?.value, raw?.schemaVersion], [{ item: 'pen', count: 1 }, 2])
    }),
    storeCase('schema: a schema that is given alone is version 1', make, async (store) => {
      const queue = await openQueue(store, 'q', { schema: items })
      await queue.append({ item: 'pen' })
      expectEqual((await queue.read())[0]?.schemaVersion, 1)
    }),
    storeCase('schema: a value that does not fit is invalid with its issues, and nothing of its call is stored', make, async (store) => {
      const queue = await openQueue(store, 'q', { schema: items, buckets: 2 })
      const wrong = { item: 5 } as unknown as Item
      const single = await expectRejects(queue.append(wrong), 'invalid')
      expectEqual(single.facts.issues, [{ path: '$.item', message: 'is no text' }])
      const many = await expectRejects(queue.appendMany([{ item: 'a' }, { item: 'b' }, wrong, { item: 'c' }]), 'invalid')
      expectEqual([many.facts.index, many.facts.issues], [2, [{ path: '$.item', message: 'is no text' }]])
      await expectRejects(
        queue.appendRecords([
          { value: { item: 'a' }, key: 'a' },
          { value: wrong, key: 'b' },
        ]),
        'invalid',
      )
      const { buckets } = await queue.stats()
      expectEqual(
        buckets.map(({ next }) => next),
        [0, 0],
      )
    }),
    storeCase('schema: a tombstone has no value that could fit', make, async (store) => {
      const queue = await openQueue(store, 'q', { schema: V2 })
      await queue.append({ item: 'pen' }, { key: 'pen' })
      await queue.tombstone('pen')
      const [, tombstone] = await (await openQueue(store, 'q', { schema: V4 })).read()
      expectEqual([tombstone?.key, tombstone?.value, tombstone?.schemaVersion], ['pen', undefined, undefined])
    }),
    storeCase('schema: what is no schema is invalid', make, async (store) => {
      for (const schema of [null, 5, {}, { version: 1 }, { version: 1, schema: {} }, { '~standard': { version: 2, validate: () => {} } }]) {
        await expectRejects(openQueue(store, 'q', { schema: schema as unknown as typeof items }), 'invalid', JSON.stringify(schema))
      }
      for (const version of [0, -1, 1.5, 2 ** 53])
        await expectRejects(openQueue(store, 'q', { schema: { version, schema: items } }), 'invalid')
      for (const from of [2, -1, 0.5, 'one']) {
        const upcasters = { [from]: (value: unknown) => value }
        await expectRejects(
          openQueue(store, 'q', { schema: { version: 2, schema: items, upcasters } }),
          'invalid',
          `an upcaster of ${from}`,
        )
      }
    }),
  ]
}

/** A schema that is held up until it is told to go on, value by value. */
function heldUp() {
  const held = new Map<string, () => void>()
  const schema = schemaOf<Item, Item>((value) => {
    const result = items['~standard'].validate(value)
    const { item } = value as Item
    return item.startsWith('slow') ? new Promise((resolve) => held.set(item, () => resolve(result))) : result
  })
  return { schema, goOn: (item: string) => held.get(item)?.() }
}

function asynchronousCases(make: MakeBackend): readonly SuiteCase[] {
  return [
    storeCase('schema: values that wait for their schema are stored in the order of the calls', make, async (store) => {
      const { schema, goOn } = heldUp()
      const queue = await openQueue(store, 'q', { schema })
      const appended = [
        queue.append({ item: 'slow 0' }, { key: 'k' }),
        queue.append({ item: 'quick 1' }),
        queue.appendMany([{ item: 'slow 2' }, { item: 'quick 3' }, { item: 'slow 4' }]),
        queue.tombstone('k'),
        queue.append({ item: 'slow 6' }),
      ]
      for (const item of ['slow 6', 'slow 4', 'slow 2', 'slow 0']) goOn(item)
      await Promise.all(appended)
      await queue.append({ item: 'quick 7' })
      const stored = values(await queue.read()).map((value) => value?.item)
      expectEqual(stored, ['slow 0', 'quick 1', 'slow 2', 'quick 3', 'slow 4', undefined, 'slow 6', 'quick 7'])
    }),
    storeCase('schema: a value that is refused late stores nothing and holds up nobody', make, async (store) => {
      const late = schemaOf<Item, Item>(async (value) => items['~standard'].validate(value))
      const queue = await openQueue(store, 'q', { schema: late })
      const wrong = { item: 5 } as unknown as Item
      const outcomes = await Promise.allSettled([
        queue.appendMany([{ item: 'a' }, wrong, wrong]),
        queue.append(wrong),
        queue.append({ item: 'b' }),
      ])
      expectEqual(
        outcomes.map(({ status }) => status),
        ['rejected', 'rejected', 'fulfilled'],
      )
      const { code, facts } = (outcomes[0] as PromiseRejectedResult).reason as StorageError
      expectEqual([code, facts.index], ['invalid', 1])
      expectEqual(values(await queue.read()), [{ item: 'b' }])
    }),
  ]
}

function evolutionCases(make: MakeBackend): readonly SuiteCase[] {
  return [
    storeCase('schema: a reader of version n reads everything written by 1 to n', make, async (store) => {
      const v3 = { version: 3, schema: schemaOf<Counted & { cents: number }, Counted>((value) => ({ value: value as Counted })) }
      await (await openQueue(store, 'q', { schema: V1 })).append({ item: 'one' })
      await (await openQueue(store, 'q', { schema: V2 })).append({ item: 'two', count: 2 })
      await (await openQueue(store, 'q', { schema: v3 })).append({ item: 'three', count: 3, cents: 350 })
      const queue = await openQueue(store, 'q', { schema: V4 })
      const four = { item: 'four', count: 4, price: { amount: 4, currency: 'SEK' } }
      await queue.append(four)
      const priceOf = (amount: number) => ({ price: { amount, currency: 'EUR' } })
      const all = [
        { item: 'one', count: 1, ...priceOf(0) },
        { item: 'two', count: 2, ...priceOf(0) },
        { item: 'three', count: 3, ...priceOf(3.5) },
        four,
      ]
      const records = await queue.read()
      expectEqual(values(records), all)
      expectEqual(
        records.map(({ schemaVersion }) => schemaVersion),
        [1, 2, 3, 4],
      )
      const deliveries = await (await queue.group('g')).receive({ limit: 10 })
      expectEqual(values(deliveries), all, 'what a group delivers')
      const controller = new AbortController()
      const seen: unknown[] = []
      for await (const { value } of queue.tail({ from: 'earliest', signal: controller.signal })) {
        if (seen.push(value) === all.length) controller.abort()
      }
      expectEqual(seen, all, 'what a tail gives')
    }),
    storeCase('schema: where an upcaster is missing the newest schema fills in its defaults', make, async (store) => {
      await (await openQueue(store, 'q', { schema: V1 })).append({ item: 'one' })
      await (await openQueue(store, 'q')).append({ item: 'written without a schema' })
      const queue = await openQueue(store, 'q', { schema: V2 })
      expectEqual(values(await queue.read()), [
        { item: 'one', count: 1 },
        { item: 'written without a schema', count: 1 },
      ])
    }),
    storeCase('schema: values of the present version come back as they were stored', make, async (store) => {
      const doubling = schemaOf<number, number>((value) => ({ value: (value as number) * 2 }))
      const queue = await openQueue(store, 'q', { schema: doubling })
      await queue.append(4)
      expectEqual(values(await queue.read()), [8])
      const upcasters = { 0: (value: number) => value + 1 }
      await (await openQueue<number>(store, 'q')).append(4)
      expectEqual(values(await (await openQueue(store, 'q', { schema: { version: 1, schema: doubling, upcasters } })).read()), [8, 10])
    }),
    storeCase('schema: whole numbers are read as floats, big ones by an upcaster', make, async (store) => {
      const floats = schemaOf<number, number>((value) =>
        typeof value === 'number' ? { value } : { issues: [{ message: `is a ${typeof value}` }] },
      )
      const whole = schemaOf<number, number>((value) =>
        Number.isInteger(value) ? { value: value as number } : { issues: [{ message: 'is a fraction' }] },
      )
      const big = schemaOf<bigint, bigint>((value) => ({ value: value as bigint }))
      const codec = 'structured'
      const numbers = await openQueue(store, 'numbers', { schema: { version: 1, schema: whole } })
      await numbers.append(3)
      await expectRejects(numbers.append(3.5), 'invalid')
      const widened = await openQueue(store, 'numbers', { schema: { version: 2, schema: floats } })
      await widened.append(3.5)
      expectEqual(values(await widened.read()), [3, 3.5])
      await (await openQueue(store, 'big', { codec, schema: { version: 1, schema: big } })).append(7n)
      const without = await openQueue(store, 'big', { codec, schema: { version: 2, schema: floats } })
      const error = await expectRejects(without.read(), 'invalid')
      expectEqual(error.facts, {
        bucket: 0,
        offset: 0,
        recordVersion: 1,
        readerVersion: 2,
        issues: [{ path: '$', message: 'is a bigint' }],
      })
      const upcasters = { 1: Number }
      const mended = await openQueue(store, 'big', { codec, schema: { version: 2, schema: floats, upcasters } })
      expectEqual(values(await mended.read()), [7])
    }),
    storeCase('schema: upcasters and schemas that wait are waited for', make, async (store) => {
      await (await openQueue(store, 'q', { schema: V1 })).append({ item: 'one' })
      const late = schemaOf<Counted, Counted>(async (value) => ({ value: value as Counted }))
      const upcasters = { 1: async (value: Item) => ({ ...value, count: 9 }) }
      const queue = await openQueue(store, 'q', { schema: { version: 2, schema: late, upcasters } })
      expectEqual(values(await queue.read()), [{ item: 'one', count: 9 }])
    }),
    storeCase('schema: a value that an upcaster fails on is told with its offset, after those before it', make, async (store) => {
      const old = await openQueue<Item>(store, 'q', { schema: V1 })
      await old.appendMany([{ item: 'good' }, { item: 'bad' }, { item: 'good' }])
      const failing = (value: Item): Item => {
        if (value.item === 'bad') throw new RangeError('too bad')
        return value
      }
      const queue = await openQueue(store, 'q', { schema: { version: 2, schema: items, upcasters: { 1: failing } } })
      expectEqual(values(await queue.read()), [{ item: 'good' }])
      const error = await expectRejects(queue.read({ from: 1 }), 'invalid')
      expectEqual([error.facts.offset, (error.cause as Error).message], [1, 'too bad'])
      expectEqual(values(await queue.read({ from: 2 })), [{ item: 'good' }])
    }),
  ]
}

/** The count is 1 where it is missing, and what is not known is dropped. */
const tolerant = schemaOf<unknown, Counted>((value) => {
  const { item = '', count = 1 } = Object(value)
  return typeof count === 'number' ? { value: { item, count } } : { issues: [{ message: 'is no number', path: ['count'] }] }
})

function tolerantCases(make: MakeBackend): readonly SuiteCase[] {
  return [
    storeCase('schema: a tolerant reader takes values of every version, also of newer ones', make, async (store) => {
      const strict = {
        version: 2,
        schema: counted,
        upcasters: { 1: (value: Partial<Counted>) => ({ ...value, item: `${value.item ?? ''}!` }) },
      }
      await (await openQueue<unknown>(store, 'q')).append({ count: 5 })
      await (await openQueue(store, 'q', { schema: V1 })).append({ item: 'pen' })
      await (await openQueue(store, 'q', { schema: V2 })).append({ item: 'cup' })
      await (await openQueue(store, 'q', { schema: V4 })).append({ item: 'hat', count: 2, price: { amount: 1, currency: 'EUR' } })
      const queue = await openQueue(store, 'q', { schema: { ...strict, reader: tolerant } })
      expectEqual(values(await queue.read()), [
        { item: '!', count: 5 },
        { item: 'pen!', count: 1 },
        { item: 'cup', count: 1 },
        { item: 'hat', count: 2 },
      ])
      await expectRejects(queue.append({} as Item), 'invalid', 'what is appended has to fit the schema')
      await (await openQueue<unknown>(store, 'q')).append({ count: 'many' })
      expectEqual((await expectRejects(queue.read({ from: 4 }), 'invalid')).facts.offset, 4)
      await expectRejects(openQueue(store, 'q', { schema: { ...strict, reader: {} as typeof tolerant } }), 'invalid')
    }),
  ]
}

function newerCases(make: MakeBackend): readonly SuiteCase[] {
  const withNewer = async (store: Store): Promise<Queue<Item>> => {
    const old = await openQueue<Item>(store, 'q', { schema: V1 })
    await old.append({ item: 'old' })
    await (await openQueue(store, 'q', { schema: V2 })).append({ item: 'new' })
    return old
  }
  return [
    storeCase('schema: a record of a newer version is unsupported, after those before it', make, async (store) => {
      const old = await withNewer(store)
      expectEqual(values(await old.read()), [{ item: 'old' }])
      const error = await expectRejects(old.read({ from: 1 }), 'unsupported')
      expectEqual(error.facts, { bucket: 0, offset: 1, recordVersion: 2, readerVersion: 1 })
      const tail = old.tail({ from: 'earliest' })
      expectEqual((await tail.next()).value?.value, { item: 'old' })
      await expectRejects(tail.next(), 'unsupported')
      expectEqual((await collect(tail)).length, 0)
    }),
    storeCase('schema: a group gives back what its schema is too old for, and loses nothing', make, async (store) => {
      const old = await withNewer(store)
      const [first, ...others] = await (await old.group('g')).receive({ limit: 10 })
      expectEqual([first?.value, others], [{ item: 'old' }, []])
      await first?.ack()
      await expectRejects((await old.group('g')).receive({ limit: 10 }), 'unsupported')
      await expectRejects(
        (await old.group('g')).process(() => {}, { until: 'empty' }),
        'unsupported',
      )
      const group = await (await openQueue(store, 'q', { schema: V2 })).group('g')
      const [delivery] = await group.receive()
      expectEqual([delivery?.value, delivery?.deliveries], [{ item: 'new', count: 1 }, 1], 'delivered at once, for the first time')
    }),
    storeCase('schema: other buckets are delivered where one holds a newer record', make, async (store) => {
      const old = await openQueue<Item>(store, 'q', { schema: V1, buckets: 2, key: ({ item }) => item })
      const receipts = await old.appendMany(['a', 'b', 'c', 'd', 'e', 'f'].map((item) => ({ item })))
      const [one, other] = [receipts[0], receipts.find(({ bucket }) => bucket !== receipts[0]?.bucket)]
      expectTrue(one !== undefined && other !== undefined, 'keys of both buckets')
      const group = await old.group('g', { from: 'latest' })
      await (await openQueue(store, 'q', { schema: V2 })).append({ item: 'new' }, { key: 'a' })
      await old.append({ item: 'old' }, { key: 'abcdef'[receipts.indexOf(other as typeof one & object)] as string })
      const seen: Item[] = []
      for (let turn = 0; turn < 4 && seen.length === 0; turn++) {
        await group.receive({ limit: 10 }).then(
          (deliveries) => seen.push(...values(deliveries)),
          (error: StorageError) => expectEqual(error.code, 'unsupported'),
        )
      }
      expectEqual(seen, [{ item: 'old' }])
    }),
    storeCase('schema: without a schema values of all versions come back as stored', make, async (store) => {
      await withNewer(store)
      const records = await (await openQueue(store, 'q')).read()
      expectEqual(values(records), [{ item: 'old' }, { item: 'new', count: 1 }])
      expectEqual(
        records.map(({ schemaVersion }) => schemaVersion),
        [1, 2],
      )
    }),
    storeCase('schema: a writer of an older version goes on, and newer readers read it', make, async (store) => {
      const old = await withNewer(store)
      await old.append({ item: 'late' })
      const records = await (await openQueue(store, 'q', { schema: V2 })).read({ from: 2 })
      expectEqual(values(records), [{ item: 'late', count: 1 }])
    }),
  ]
}

function versionsSurvive(make: MakeBackend, reopen: NonNullable<BackendSuiteOptions['reopen']>): SuiteCase {
  return storeCase('schema: versions are there after the store was opened again', make, async (store, backend) => {
    await (await openQueue(store, 'q', { schema: V1 })).append({ item: 'one' })
    await (await openQueue(store, 'q', { schema: V2 })).append({ item: 'two', count: 2 })
    await store.close()
    await backend.close()
    const again = await reopen(backend)
    const reopened = storeOn(again)
    try {
      const queue = await openQueue(reopened, 'q', { schema: V2 })
      const records = await queue.read()
      expectEqual(values(records), [
        { item: 'one', count: 1 },
        { item: 'two', count: 2 },
      ])
      expectEqual(
        records.map(({ schemaVersion }) => schemaVersion),
        [1, 2],
      )
    } finally {
      await reopened.close()
      await again.close()
    }
  })
}
