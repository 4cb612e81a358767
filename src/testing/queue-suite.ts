// What a queue must do on every backend that can keep records in order; where one cannot, it has to say so.

import type { StorageError } from '../core/base/errors.js'
import type { Store } from '../core/derived/resolve.js'
import { openQueue } from './queue-format.js'
import { deleteQueue, queues } from '../core/features/queue/queues.js'
import type { Position, Queue, QueueEvent, StoredRecord } from '../core/features/queue/types.js'
import type { Backend } from '../core/ports/backend.js'
import { expectEqual, expectRejects, expectTrue } from './assert.js'
import { eventRecordCases } from './event-records-suite.js'
import { ManualClock } from './manual-clock.js'
import { compressionCases } from './queue-compression-suite.js'
import { groupCases } from './queue-group-suite.js'
import { marksCases } from './queue-marks-suite.js'
import { pendingCases } from './queue-pending-suite.js'
import { outboxCases } from './outbox-suite.js'
import { readerCases } from './queue-reader-suite.js'
import { retryCases } from './queue-retry-suite.js'
import { schemaCases } from './queue-schema-suite.js'
import { writerCases } from './queue-writer-suite.js'
import { collect, driven, range, storeCase, storeOn } from './queue-place.js'
import type { BackendSuiteOptions, MakeBackend, SuiteCase } from './suite.js'

const HOUR_MS = 3_600_000

/** Every behaviour of `openQueue`, its groups, `queues` and `deleteQueue` on the backends that `make` gives. */
export function queueSuite(make: MakeBackend, options: BackendSuiteOptions = {}): readonly SuiteCase[] {
  return [
    ...recordCases(make),
    ...positionCases(make),
    ...waitingCases(make),
    ...bucketCases(make),
    ...refusalCases(make),
    ...concurrencyCases(make),
    ...lifeCases(make),
    ...groupCases(make),
    ...pendingCases(make),
    ...retryCases(make, options),
    ...compressionCases(make),
    ...schemaCases(make, options),
    ...readerCases(make, options),
    ...marksCases(make, options),
    ...writerCases(make, options),
    ...outboxCases(make, options),
    ...eventRecordCases(make, options),
    ...(options.reopen === undefined ? [] : reopenCases(make, options.reopen)),
  ]
}

/** For backends that cannot keep records in order: they refuse queues, and name a way out. */
export function queueRefusalSuite(make: MakeBackend): readonly SuiteCase[] {
  return [
    storeCase('queue: a backend that cannot keep records in order says so', make, async (store, backend) => {
      const error = await expectRejects(async () => {
        const queue = await openQueue(store, 'q')
        await queue.append(1)
      }, 'unsupported')
      expectEqual(error.backend, backend.name)
    }),
  ]
}

function values<T>(records: readonly StoredRecord<T>[]): T[] {
  return records.map(({ value }) => value)
}

function recordCases(make: MakeBackend): readonly SuiteCase[] {
  return [
    storeCase('queue: a new queue is empty', make, async (store) => {
      const queue = await openQueue<number>(store, 'q')
      expectEqual([queue.name, queue.buckets], ['q', 1])
      expectEqual(await queue.read(), [])
      const { buckets } = await queue.stats()
      expectEqual(
        buckets.map(({ bucket, first, next, durable }) => ({ bucket, first, next, durable })),
        [{ bucket: 0, first: 0, next: 0, durable: 0 }],
      )
    }),
    storeCase(
      'queue: what was appended comes back with all that was said of it',
      make,
      async (store) => {
        const queue = await openQueue<unknown>(store, 'q')
        const receipt = await queue.append({ item: 'ä', list: [1, null] }, { key: 'ada', headers: { source: 'test', empty: '' } })
        expectEqual([receipt.bucket, receipt.offset, receipt.duplicate], [0, 0, undefined])
        expectEqual((await queue.append('plain')).offset, 1)
        const [first, second] = await queue.read()
        const { timestamp } = receipt
        expectTrue(Number.isInteger(timestamp) && timestamp > 0, 'a timestamp in ms')
        expectEqual(first?.value, { item: 'ä', list: [1, null] })
        expectEqual([first?.bucket, first?.offset, first?.timestamp, first?.key], [0, 0, timestamp, 'ada'])
        expectEqual({ ...first?.headers }, { source: 'test', empty: '' })
        expectEqual([second?.value, second?.offset, second?.key, { ...second?.headers }], ['plain', 1, undefined, {}])
      },
      () => new ManualClock(),
    ),
    storeCase('queue: the receipt says how durable the record is', make, async (store, backend) => {
      const queue = await openQueue<number>(store, 'q')
      const { durability } = await queue.append(1)
      expectEqual(durability, backend.files === undefined ? backend.blobs.traits.durable : 'disk')
    }),
    storeCase('queue: many values have receipts in input order', make, async (store) => {
      const queue = await openQueue<number>(store, 'q')
      expectEqual(await queue.appendMany([]), [])
      const receipts = await queue.appendMany(range(500))
      expectEqual(
        receipts.map(({ offset }) => offset),
        range(500),
      )
      expectEqual(values(await queue.read({ limit: 1000 })), range(500))
    }),
    storeCase('queue: records bring keys and headers of their own', make, async (store) => {
      const queue = await openQueue<number>(store, 'q', { buckets: 3 })
      const receipts = await queue.appendRecords([
        { value: 1, key: 'a', headers: { h: '1' } },
        { value: 2, key: 'b' },
        { value: 3, key: 'a' },
      ])
      expectEqual(receipts[0]?.bucket, receipts[2]?.bucket)
      const records = await queue.read({ bucket: receipts[0]?.bucket as number })
      const ofA = records.filter(({ key }) => key === 'a')
      expectEqual(values(ofA), [1, 3])
      expectEqual({ ...ofA[0]?.headers }, { h: '1' })
    }),
    storeCase('queue: a tombstone has a key and no value', make, async (store) => {
      const queue = await openQueue<string>(store, 'q')
      await queue.append('there', { key: 'a' })
      expectEqual((await queue.tombstone('a')).offset, 1)
      const [, tombstone] = await queue.read()
      expectEqual([tombstone?.key, tombstone?.value, tombstone?.offset], ['a', undefined, 1])
    }),
    storeCase('queue: the value is taken as it is at the call', make, async (store) => {
      const queue = await openQueue<number[]>(store, 'q')
      const list = [1]
      const appended = queue.append(list)
      list.push(2)
      await appended
      expectEqual(values(await queue.read()), [[1]])
    }),
    storeCase('queue: bytes stay bytes and every codec reads the others', make, async (store) => {
      const json = await openQueue<unknown>(store, 'q')
      const structured = await openQueue<unknown>(store, 'q', { codec: 'structured' })
      const stored = [Uint8Array.of(0, 255), { a: 1 }, new Map([[1n, new Date(7)]])]
      await json.append(stored[0])
      await json.append(stored[1])
      await structured.append(stored[2])
      expectEqual(values(await json.read()), stored)
    }),
    storeCase('queue: large and small values share a log', make, async (store) => {
      const queue = await openQueue<Uint8Array>(store, 'q')
      const sizes = [1, 200_000, 0, 1_000_000, 3]
      for (const size of sizes) await queue.append(new Uint8Array(size).fill(size & 255))
      const records = await queue.read()
      expectEqual(
        records.map(({ value }) => [value.length, value[0]]),
        sizes.map((size) => [size, size === 0 ? undefined : size & 255]),
      )
    }),
    ...(['never', { everyRecords: 3 }] as const).map((sync) =>
      storeCase(`queue: records written with sync ${JSON.stringify(sync)} are read, and durable after flush`, make, async (store) => {
        const queue = await openQueue<number>(store, 'q', { sync })
        for (const value of range(10)) await queue.append(value)
        await queue.flush()
        expectEqual(values(await queue.read()), range(10))
        expectEqual((await queue.stats()).buckets[0]?.durable, 10)
      }),
    ),
  ]
}

function positionCases(make: MakeBackend): readonly SuiteCase[] {
  return [
    storeCase('queue: reads begin at every kind of position', make, async (store) => {
      const queue = await openQueue<number>(store, 'q')
      await queue.appendMany(range(20))
      const from = async (position: Position, limit = 100): Promise<number[]> => values(await queue.read({ from: position, limit }))
      expectEqual(await from(0), range(20))
      expectEqual(await from(17), [17, 18, 19])
      expectEqual(await from(20), [])
      expectEqual(await from('earliest', 2), [0, 1])
      expectEqual(await from('latest'), [])
      expectEqual(await from({ last: 3 }), [17, 18, 19])
      expectEqual(await from({ last: 50 }), range(20))
      expectEqual(await from({ last: 0 }), [])
    }),
    storeCase('queue: what is no position or limit is invalid', make, async (store) => {
      const queue = await openQueue<number>(store, 'q')
      await queue.append(1)
      for (const from of [-1, 0.5, Number.NaN, 'middle', { last: -1 }, { time: Number.NaN }, {}]) {
        await expectRejects(queue.read({ from: from as Position }), 'invalid', `position ${JSON.stringify(from)}`)
      }
      for (const limit of [0, -1, 1.5, 10_001]) await expectRejects(queue.read({ limit }), 'invalid', `limit ${limit}`)
      for (const waitMs of [-1, 60_001]) await expectRejects(queue.read({ waitMs }), 'invalid', `waitMs ${waitMs}`)
    }),
    backendAtTime('queue: a time finds the first record at or after it', make, async (store, clock) => {
      const queue = await openQueue<number>(store, 'q')
      const begin = clock.now()
      for (const value of range(6)) {
        await queue.append(value)
        await clock.advance(HOUR_MS)
      }
      const at = async (time: Date | number): Promise<number[]> => values(await queue.read({ from: { time } }))
      expectEqual(await at(0), range(6))
      expectEqual(await at(begin), range(6))
      expectEqual(await at(begin + 2 * HOUR_MS), [2, 3, 4, 5])
      expectEqual(await at(new Date(begin + 2 * HOUR_MS + 1)), [3, 4, 5])
      expectEqual(await at(begin + 9 * HOUR_MS), [])
    }),
    backendAtTime('queue: timestamps never go back, also when the clock does', make, async (store, clock) => {
      const queue = await openQueue<number>(store, 'q')
      const first = await queue.append(1)
      await clock.set(clock.now() - HOUR_MS)
      const second = await queue.append(2)
      expectTrue(second.timestamp >= first.timestamp, 'the order of timestamps')
    }),
  ]
}

function backendAtTime(name: string, make: MakeBackend, body: (store: Store, clock: ManualClock) => Promise<void>): SuiteCase {
  let clock = new ManualClock()
  const makeClock = (): ManualClock => {
    clock = new ManualClock()
    return clock
  }
  return storeCase(name, make, (store) => body(store, clock), makeClock)
}

function waitingCases(make: MakeBackend): readonly SuiteCase[] {
  return [
    storeCase('queue: a waiting read returns as soon as a record is there', make, async (store) => {
      const queue = await openQueue<number>(store, 'q')
      const waiting = queue.read({ from: 0, waitMs: 60_000 })
      await queue.append(7)
      expectEqual(values(await waiting), [7])
    }),
    backendAtTime('queue: a waiting read ends empty when its time is over', make, async (store, clock) => {
      const queue = await openQueue<number>(store, 'q')
      const begin = clock.now()
      expectEqual(await driven(clock, queue.read({ waitMs: 5_000 })), [])
      expectTrue(clock.now() >= begin + 5_000, 'it waited')
    }),
    storeCase('queue: an aborted signal rejects a call with its reason', make, async (store) => {
      const queue = await openQueue<number>(store, 'q')
      const signal = AbortSignal.abort(new RangeError('enough'))
      for (const call of [queue.append(1, { signal }), queue.appendMany([1], { signal }), queue.read({ signal })]) {
        expectEqual((await expectRejects(call)).message, 'enough')
      }
      const controller = new AbortController()
      const waiting = queue.read({ waitMs: 60_000, signal: controller.signal })
      controller.abort(new RangeError('later'))
      expectEqual((await expectRejects(waiting)).message, 'later')
      expectEqual(await queue.read(), [])
    }),
    storeCase('queue: tail gives the records of all buckets as they come and ends normally on abort', make, tailsAllBuckets),
    storeCase('queue: tail begins at an offset for each bucket', make, async (store) => {
      const queue = await openQueue<number>(store, 'q', { buckets: 2 })
      const receipts = await queue.appendRecords(range(20).map((value) => ({ value, key: `k${value}` })))
      const counts = [0, 1].map((bucket) => receipts.filter((receipt) => receipt.bucket === bucket).length)
      const from = counts.map((count) => Math.max(0, count - 2))
      const seen = await taken(
        queue.tail({ from }),
        counts.reduce((sum, count) => sum + Math.min(2, count), 0),
      )
      for (const record of seen) expectTrue(record.offset >= (from[record.bucket] as number), 'behind its position')
    }),
    storeCase('queue: an aborted tail ends at once', make, async (store) => {
      const queue = await openQueue<number>(store, 'q')
      await queue.append(1)
      expectEqual(await collect(queue.tail({ from: 'earliest', signal: AbortSignal.abort() })), [])
    }),
    storeCase('queue: a watcher is told of appends until it stops', make, async (store) => {
      const queue = await openQueue<number>(store, 'q', { buckets: 2 })
      const events: QueueEvent[] = []
      let tell = (): void => {}
      const told = new Promise<void>((resolve) => {
        tell = resolve
      })
      const stop = queue.watch((event) => {
        events.push(event)
        tell()
      })
      const { bucket } = await queue.append(1, { key: 'a' })
      await told
      expectEqual(events[0], { type: 'appended', bucket, next: 1 })
      stop()
      stop()
    }),
  ]
}

async function tailsAllBuckets(store: Store): Promise<void> {
  const queue = await openQueue<number>(store, 'q', { buckets: 4 })
  await queue.appendRecords(range(10).map((value) => ({ value, key: `k${value}` })))
  const controller = new AbortController()
  const seen: StoredRecord<number>[] = []
  const tailing = (async () => {
    for await (const record of queue.tail({ from: 'earliest', signal: controller.signal })) {
      seen.push(record)
      if (seen.length === 30) controller.abort()
    }
  })()
  for (const value of range(20, 10)) await queue.append(value, { key: `k${value}` })
  await tailing
  expectEqual(
    [...values(seen)].sort((a, b) => a - b),
    range(30),
  )
  for (const bucket of range(4)) {
    const offsets = seen.filter((record) => record.bucket === bucket).map(({ offset }) => offset)
    expectEqual(offsets, range(offsets.length), `offsets of bucket ${bucket}`)
  }
}

async function taken<Item>(items: AsyncIterable<Item>, count: number): Promise<Item[]> {
  const all: Item[] = []
  if (count === 0) return all
  for await (const item of items) {
    all.push(item)
    if (all.length === count) break
  }
  return all
}

function bucketCases(make: MakeBackend): readonly SuiteCase[] {
  return [
    storeCase('queue: records of one key share a bucket and keep their order', make, async (store) => {
      interface Order {
        readonly customer: string
        readonly n: number
      }
      const queue = await openQueue<Order>(store, 'q', { buckets: 4, key: (order) => order.customer })
      const orders = range(200).map((n) => ({ customer: `c${n % 23}`, n }))
      const receipts = await queue.appendMany(orders)
      const places = new Map<string, number>()
      for (const [index, { customer }] of orders.entries()) {
        const bucket = receipts[index]?.bucket as number
        expectEqual(places.get(customer) ?? bucket, bucket, `the bucket of ${customer}`)
        places.set(customer, bucket)
      }
      expectEqual(new Set(places.values()).size, 4, 'how many buckets 23 keys use')
      for (const bucket of range(4)) await expectOrdered(queue, bucket)
    }),
    storeCase('queue: the bucket of a key is the same at every open', make, async (store) => {
      const one = await openQueue<number>(store, 'one', { buckets: 7 })
      const two = await openQueue<number>(store, 'two', { buckets: 7 })
      for (const key of ['', 'a', 'ключ', '鍵', '🔑', 'a'.repeat(300)]) {
        expectEqual((await one.append(1, { key })).bucket, (await two.append(1, { key })).bucket, `the bucket of ${key}`)
      }
    }),
    storeCase('queue: a read says which bucket where there are several', make, async (store) => {
      const queue = await openQueue<number>(store, 'q', { buckets: 2 })
      await queue.append(1, { key: 'a' })
      await expectRejects(queue.read(), 'invalid')
      for (const bucket of [2, -1, 0.5]) await expectRejects(queue.read({ bucket }), 'invalid')
      const found = [await queue.read({ bucket: 0 }), await queue.read({ bucket: 1 })]
      expectEqual(values(found.flat()), [1])
    }),
    storeCase('queue: the number of buckets is fixed at creation', make, async (store) => {
      await openQueue(store, 'q', { buckets: 3 })
      const error = await expectRejects(openQueue(store, 'q', { buckets: 4 }), 'invalid')
      expectTrue(error.message.includes('3') && error.message.includes('4'), 'both numbers in the message')
      expectEqual((await openQueue(store, 'q')).buckets, 3)
      expectEqual((await openQueue(store, 'q', { buckets: 3 })).buckets, 3)
      for (const buckets of [0, 1025, 1.5, -1]) await expectRejects(openQueue(store, 'other', { buckets }), 'invalid')
    }),
  ]
}

async function expectOrdered(queue: Queue<{ readonly customer: string; readonly n: number }>, bucket: number): Promise<void> {
  const last = new Map<string, number>()
  for (const { value, key, offset } of await queue.read({ bucket, limit: 1000 })) {
    expectEqual(key, value.customer)
    expectTrue((last.get(value.customer) ?? -1) < value.n, `the order at offset ${offset} of bucket ${bucket}`)
    last.set(value.customer, value.n)
  }
}

function refusalCases(make: MakeBackend): readonly SuiteCase[] {
  return [
    storeCase('queue: difficult names are distinct and safe', make, async (store) => {
      const names = [
        '..',
        '/',
        '.',
        'con',
        'CON',
        'Con',
        'a/b',
        'a\\b',
        'ключ',
        '鍵',
        '🔑',
        ' ',
        'trailing.',
        '-',
        '~',
        '%2e',
        '__proto__',
        'ä'.repeat(127),
      ]
      for (const name of names) await (await openQueue<string>(store, name)).append(name)
      for (const name of names) expectEqual(values(await (await openQueue<string>(store, name)).read()), [name])
      expectEqual([...(await queues(store))].sort(), [...names].sort())
    }),
    storeCase('queue: what is no name is invalid', make, async (store) => {
      for (const name of ['', 'a\0b', '\ud800', 'ä'.repeat(128), 5 as unknown as string]) {
        await expectRejects(() => openQueue(store, name), 'invalid')
      }
      const queue = await openQueue(store, 'q')
      for (const name of ['', 'a\0b', '\ud800', 'ä'.repeat(128)]) await expectRejects(() => queue.group(name), 'invalid')
    }),
    storeCase('queue: create: false opens what exists only', make, async (store) => {
      await expectRejects(openQueue(store, 'q', { create: false }), 'missing')
      expectEqual(await queues(store), [])
      await openQueue(store, 'q')
      await openQueue(store, 'q', { create: false })
    }),
    storeCase('queue: a value that would not come back equal is invalid and stores nothing', make, async (store) => {
      const queue = await openQueue<unknown>(store, 'q')
      const error = await expectRejects(queue.append({ when: new Date(0) }), 'invalid')
      expectTrue(error.message.includes('$.when') && error.message.includes('structured'), 'the path and the way out')
      await expectRejects(queue.appendMany([1, { nested: undefined }, 2]), 'invalid')
      expectEqual((await queue.append('next')).offset, 0)
    }),
    storeCase('queue: a record over the limit is invalid and stores nothing', make, async (store) => {
      const queue = await openQueue<Uint8Array>(store, 'q', { maxRecordBytes: 1000 })
      expectEqual((await queue.append(new Uint8Array(1000))).offset, 0)
      const error: StorageError = await expectRejects(queue.append(new Uint8Array(1001)), 'invalid')
      expectTrue(error.message.includes('1000') && error.message.includes('1001'), 'both sizes in the message')
      expectEqual((await queue.append(new Uint8Array(1))).offset, 1)
      await expectRejects(openQueue(store, 'other', { maxRecordBytes: 2 ** 26 + 1 }), 'invalid')
    }),
    storeCase('queue: an append whose condition does not hold is a conflict', make, async (store) => {
      const queue = await openQueue<string>(store, 'q')
      expectEqual((await queue.append('a', { when: { next: 0 } })).offset, 0)
      const error = await expectRejects(queue.append('b', { when: { next: 0 } }), 'conflict')
      expectEqual(error.facts.next, 1)
      await expectRejects(queue.append('b', { when: { next: 5 } }), 'conflict')
      expectEqual((await queue.append('c', { when: { next: 1 } })).offset, 1)
      expectEqual(values(await queue.read()), ['a', 'c'])
    }),
    storeCase('queue: of appends with the same condition one is stored', make, async (store) => {
      const queue = await openQueue<number>(store, 'q')
      const outcomes = await Promise.allSettled(range(8).map((value) => queue.append(value, { when: { next: 0 } })))
      expectEqual(outcomes.filter(({ status }) => status === 'fulfilled').length, 1)
      expectEqual((await queue.read()).length, 1)
    }),
    storeCase('queue: a store in read mode takes no appends', make, async (store, backend) => {
      await (await openQueue<number>(store, 'q')).append(1)
      const looking = storeOn(backend, { mode: 'read' })
      const queue = await openQueue<number>(looking, 'q')
      expectEqual(values(await queue.read()), [1])
      await expectRejects(queue.append(2), 'denied')
      await expectRejects(
        openQueue(looking, 'other').then((other) => other.append(1)),
        ['denied', 'missing'],
      )
      await looking.close()
    }),
  ]
}

function concurrencyCases(make: MakeBackend): readonly SuiteCase[] {
  return [
    storeCase('queue: 64 appends at once get dense offsets', make, async (store) => {
      const queue = await openQueue<number>(store, 'q')
      const receipts = await Promise.all(range(64).map((value) => queue.append(value)))
      expectEqual(
        receipts.map(({ offset }) => offset).sort((a, b) => a - b),
        range(64),
      )
      const records = await queue.read()
      for (const [value, { offset }] of receipts.entries()) expectEqual(records[offset]?.value, value)
    }),
    storeCase('queue: what is appended without waiting is stored in the order of the calls', make, async (store) => {
      const queue = await openQueue<number>(store, 'q')
      const key = 'a'
      await Promise.all([
        queue.append(0, { key }),
        queue.tombstone(key),
        queue.appendMany([2, 3]),
        queue.append(4),
        queue.appendRecords([{ value: 5, key }]),
        queue.append(6),
      ])
      expectEqual(values(await queue.read()), [0, undefined, 2, 3, 4, 5, 6])
    }),
    storeCase('queue: two handles of one queue share its records', make, async (store) => {
      const [one, two] = [await openQueue<number>(store, 'q'), await openQueue<number>(store, 'q')]
      const waiting = two.read({ waitMs: 60_000 })
      await one.append(1)
      expectEqual(values(await waiting), [1])
      await Promise.all(range(10, 2).map((value) => (value % 2 === 0 ? one : two).append(value)))
      const all = values(await one.read())
      expectEqual(
        [...all].sort((a, b) => a - b),
        range(11, 1),
      )
      expectEqual(values(await two.read()), all)
      await one.close()
      expectEqual((await two.append(12)).offset, 11)
    }),
    storeCase('queue: two stores of chunks append to one queue without a gap', make, async (store, backend) => {
      if (backend.files !== undefined) return
      const other = storeOn(backend)
      const handles = [await openQueue<number>(store, 'q'), await openQueue<number>(other, 'q')]
      const receipts = await Promise.all(range(20).map((value) => (handles[value % 2] as Queue<number>).append(value)))
      expectEqual(
        receipts.map(({ offset }) => offset).sort((a, b) => a - b),
        range(20),
      )
      for (const handle of handles) expectEqual((await handle.read()).length, 20)
      await other.close()
    }),
  ]
}

function lifeCases(make: MakeBackend): readonly SuiteCase[] {
  return [
    storeCase('queue: after close every call is closed', make, async (store) => {
      const queue = await openQueue<number>(store, 'q')
      await queue.append(1)
      await queue.close()
      await queue.close()
      for (const call of [() => queue.append(2), () => queue.read(), () => queue.stats(), () => queue.group('g')]) {
        await expectRejects(call, 'closed')
      }
      expectEqual(values(await (await openQueue<number>(store, 'q')).read()), [1])
    }),
    storeCase('queue: a closed store closes its queues, with all that was accepted stored', make, async (store, backend) => {
      const queue = await openQueue<number>(store, 'q')
      const appended = range(5).map((value) => queue.append(value))
      await store.close()
      const kept = (await Promise.allSettled(appended)).filter(({ status }) => status === 'fulfilled').length
      await expectRejects(queue.append(9), 'closed')
      const again = storeOn(backend)
      expectEqual((await (await openQueue<number>(again, 'q')).read()).length, kept)
      await again.close()
    }),
    storeCase('queue: the queues of a store are listed', make, async (store) => {
      expectEqual(await queues(store), [])
      for (const name of ['b', 'a', 'ä']) await openQueue(store, name)
      expectEqual([...(await queues(store))].sort(), ['a', 'b', 'ä'])
    }),
    storeCase('queue: a deleted and re-created queue shares nothing with its past', make, async (store) => {
      const before = await openQueue<number>(store, 'q', { buckets: 3 })
      await before.appendRecords(range(10).map((value) => ({ value, key: `k${value}` })))
      const group = await before.group('g')
      await group.ack(await group.receive({ limit: 4 }))
      await openQueue(store, 'other')
      await deleteQueue(store, 'q')
      expectEqual(await queues(store), ['other'])
      await expectRejects(before.append(1, { key: 'a' }), 'closed')
      const after = await openQueue<number>(store, 'q', { buckets: 1 })
      expectEqual(await after.read(), [])
      expectEqual(await after.groups(), [])
      expectEqual((await after.append(5)).offset, 0)
      const [delivery] = await (await after.group('g')).receive()
      expectEqual([delivery?.value, delivery?.deliveries], [5, 1])
    }),
    storeCase('queue: deleting what is not there changes nothing', make, async (store) => {
      await openQueue(store, 'q')
      await deleteQueue(store, 'nothing').catch((error) => expectEqual((error as StorageError).code, 'missing'))
      expectEqual(await queues(store), ['q'])
    }),
  ]
}

function reopenCases(make: MakeBackend, reopen: (backend: Backend) => Promise<Backend>): readonly SuiteCase[] {
  const reopenedCase = (name: string, before: (store: Store) => Promise<void>, after: (store: Store) => Promise<void>): SuiteCase =>
    storeCase(name, make, async (store, backend) => {
      await before(store)
      await store.close()
      await backend.close()
      const again = await reopen(backend)
      const reopened = storeOn(again)
      try {
        await after(reopened)
      } finally {
        await reopened.close()
        await again.close()
      }
    })
  return [
    reopenedCase(
      'queue: a reopened queue has its records and goes on behind them',
      async (store) => {
        const queue = await openQueue<number>(store, 'q', { segmentBytes: 2_000 })
        for (const value of range(60)) await queue.append(value)
      },
      async (store) => {
        const queue = await openQueue<number>(store, 'q', { segmentBytes: 2_000 })
        expectEqual(values(await queue.read({ limit: 100 })), range(60))
        expectEqual((await queue.append(60)).offset, 60)
        expectEqual(values(await queue.read({ from: { last: 2 } })), [59, 60])
      },
    ),
    reopenedCase(
      'queue: a reopened queue keeps its number of buckets',
      async (store) => void (await openQueue(store, 'q', { buckets: 5 })),
      async (store) => {
        await expectRejects(openQueue(store, 'q', { buckets: 2 }), 'invalid')
        expectEqual((await openQueue(store, 'q')).buckets, 5)
      },
    ),
    reopenedCase(
      'group: a reopened group goes on where it was',
      async (store) => {
        const queue = await openQueue<number>(store, 'q')
        await queue.appendMany(range(10))
        const group = await queue.group('g')
        await group.ack(await group.receive({ limit: 4 }))
        await group.receive({ limit: 2 })
      },
      async (store) => {
        const group = await (await openQueue<number>(store, 'q')).group('g')
        expectEqual(await group.committed(), [4])
        expectEqual(
          (await group.receive({ limit: 10 })).map(({ value }) => value),
          [6, 7, 8, 9],
        )
        expectEqual((await group.lag()).total, 6)
      },
    ),
  ]
}
