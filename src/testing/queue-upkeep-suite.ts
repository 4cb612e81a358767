// What a queue must do that does not grow for ever: retention, trim, compaction by key, seal.

import { openQueue } from './queue-format.js'
import type { Queue, QueueOptions, StoredRecord } from '../core/features/queue/types.js'
import type { Store } from '../core/derived/resolve.js'
import type { Backend } from '../core/ports/backend.js'
import { expectEqual, expectRejects, expectTrue } from './assert.js'
import { ManualClock } from './manual-clock.js'
import { collect, range, storeCase, storeOn } from './queue-place.js'
import type { BackendSuiteOptions, MakeBackend, SuiteCase } from './suite.js'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** So small that a few records fill a segment. */
const SMALL = { segmentBytes: 1024 } satisfies QueueOptions<unknown>

interface Scene {
  readonly store: Store
  readonly backend: Backend
  readonly clock: ManualClock
}

function upkeepCase(name: string, make: MakeBackend, body: (scene: Scene) => Promise<void>): SuiteCase {
  let clock = new ManualClock()
  return storeCase(
    `upkeep: ${name}`,
    make,
    (store, backend) => body({ store, backend, clock }),
    () => {
      clock = new ManualClock()
      return clock
    },
  )
}

export function queueUpkeepSuite(make: MakeBackend, options: BackendSuiteOptions = {}): readonly SuiteCase[] {
  return [...trimCases(make), ...retentionCases(make), ...compactionCases(make), ...sealCases(make), ...reopenCases(make, options)]
}

function offsetsOf(records: readonly StoredRecord<unknown>[]): number[] {
  return records.map(({ offset }) => offset)
}

/** Each in an append of its own, so that segments fill up. */
async function appendEach<T>(queue: Queue<T>, values: readonly T[]): Promise<void> {
  for (const value of values) await queue.append(value)
}

function trimCases(make: MakeBackend): readonly SuiteCase[] {
  return [
    upkeepCase('what was trimmed is not read any more, and offsets stay', make, async ({ store }) => {
      const queue = await openQueue<number>(store, 'q', SMALL)
      await appendEach(queue, range(60))
      await queue.trim(37)
      expectEqual(offsetsOf(await queue.read({ limit: 3 })), [37, 38, 39])
      expectEqual(offsetsOf(await queue.read({ from: 5, limit: 1 })), [37])
      expectEqual((await queue.stats()).buckets[0]?.first, 37)
      expectEqual((await queue.append(60)).offset, 60)
    }),
    upkeepCase('a trimmed queue may be empty, and goes on where it ended', make, async ({ store }) => {
      const queue = await openQueue<number>(store, 'q', SMALL)
      await appendEach(queue, range(20))
      await queue.trim('latest')
      expectEqual(await queue.read(), [])
      expectEqual((await queue.append(20)).offset, 20)
      expectEqual(offsetsOf(await queue.read()), [20])
    }),
    upkeepCase('a trim past the end is refused with the maximum', make, async ({ store }) => {
      const queue = await openQueue<number>(store, 'q')
      await queue.append(1)
      const error = await expectRejects(queue.trim(2), 'invalid')
      expectTrue(error.message.includes('maximum=1'), 'the maximum is named')
    }),
    upkeepCase('a group goes past what was trimmed', make, async ({ store }) => {
      const queue = await openQueue<number>(store, 'q', SMALL)
      await appendEach(queue, range(30))
      const group = await queue.group('g')
      await group.receive({ limit: 3 })
      await queue.trim(10)
      expectEqual(await group.lag(), { total: 20, buckets: [20] })
      expectEqual(offsetsOf(await group.receive({ limit: 2 })), [10, 11])
      expectEqual(await group.committed(), [10])
    }),
  ]
}

function retentionCases(make: MakeBackend): readonly SuiteCase[] {
  return [
    upkeepCase('retention by count keeps the newest', make, async ({ store }) => {
      const queue = await openQueue<number>(store, 'q', { ...SMALL, retention: { records: 7 } })
      await appendEach(queue, range(50))
      expectEqual(offsetsOf(await queue.read()), range(7, 43))
      await queue.compact()
      expectEqual(offsetsOf(await queue.read()), range(7, 43))
    }),
    upkeepCase('retention by age hides what is past, at the moment it is', make, async ({ store, clock }) => {
      const queue = await openQueue<number>(store, 'q', { ...SMALL, retention: { ageMs: HOUR_MS } })
      await appendEach(queue, range(20))
      await clock.advance(HOUR_MS / 2)
      await appendEach(queue, range(20, 20))
      await clock.advance(HOUR_MS / 2)
      expectEqual((await queue.read())[0]?.offset, 0)
      await clock.advance(1_000)
      expectEqual((await queue.read())[0]?.offset, 20)
      await clock.advance(HOUR_MS)
      expectEqual(await queue.read(), [])
      expectEqual((await queue.append(40)).offset, 40)
    }),
    upkeepCase('retention by bytes keeps about so many', make, async ({ store }) => {
      const queue = await openQueue<string>(store, 'q', { segmentBytes: 8192, retention: { bytes: 40_000 } })
      await appendEach(
        queue,
        range(200).map((n) => `${n} `.padEnd(1000, '.')),
      )
      const { first, bytes } = (await queue.stats()).buckets[0] ?? { first: 0, bytes: 0 }
      expectTrue(first >= 150 && first <= 175, `about 36 records stay, first is ${first}`)
      await queue.compact()
      expectTrue(((await queue.stats()).buckets[0]?.bytes ?? 0) <= bytes, 'nothing grew')
      expectEqual((await queue.read({ limit: 1 }))[0]?.offset, first)
    }),
    upkeepCase('segments past retention are dropped while the queue is used', make, async ({ store }) => {
      const queue = await openQueue<string>(store, 'q', { segmentBytes: 4096, retention: { records: 10 } })
      await appendEach(
        queue,
        range(300).map((n) => `${n} `.padEnd(200, '.')),
      )
      await queue.compact()
      const [bucket] = (await queue.stats()).buckets
      expectTrue((bucket?.bytes ?? 0) < 20_000, `few bytes stay, there are ${bucket?.bytes}`)
    }),
    upkeepCase('what a group has not acknowledged is kept, up to the limit', make, async ({ store, clock }) => {
      const retention = { untilAcked: { groups: ['g'], atMost: { ageMs: DAY_MS } } }
      const queue = await openQueue<number>(store, 'q', { ...SMALL, retention })
      const group = await queue.group('g')
      await appendEach(queue, range(40))
      await queue.compact()
      expectEqual((await queue.read({ limit: 1 }))[0]?.offset, 0)
      await group.commit(0, 25)
      await queue.compact()
      expectEqual((await queue.read({ limit: 1 }))[0]?.offset, 25)
      await clock.advance(DAY_MS + 1_000)
      await queue.compact()
      expectEqual(await queue.read(), [])
      expectEqual(await group.committed(), [40])
    }),
    upkeepCase('options that make no sense are refused', make, async ({ store }) => {
      const untilAcked = { groups: ['g'], atMost: {} }
      await expectRejects(openQueue(store, 'q', { retention: { ageMs: -1 } }), 'invalid')
      await expectRejects(openQueue(store, 'q', { retention: { untilAcked } }), 'invalid')
      await expectRejects(openQueue(store, 'q', { compaction: 'all' as 'key' }), 'invalid')
    }),
  ]
}

interface Change {
  readonly key: string
  readonly value: number
}

const BY_KEY = { ...SMALL, compaction: 'key', key: (change: Change) => change.key } satisfies QueueOptions<Change>

function compactionCases(make: MakeBackend): readonly SuiteCase[] {
  return [
    upkeepCase('compaction keeps the last record of each key, at its offset', make, async ({ store }) => {
      const queue = await openQueue<Change>(store, 'q', BY_KEY)
      await appendEach(
        queue,
        range(90).map((value) => ({ key: `k${value % 5}`, value })),
      )
      const report = await queue.compact()
      expectEqual(offsetsOf(await queue.read()), range(5, 85))
      expectEqual([report.beforeRecords, report.afterRecords, report.removedRecords], [90, 5, 85])
      expectTrue(report.reclaimedBytes > 0 && report.reclaimedBytes === report.beforeBytes - report.afterBytes, 'bytes were freed')
      expectEqual((await queue.append({ key: 'new', value: 90 })).offset, 90)
      expectEqual((await queue.compact()).removedRecords, 0)
    }),
    upkeepCase('compaction keeps records without a key, and of a batch those that count', make, async ({ store }) => {
      const queue = await openQueue<number>(store, 'q', { ...SMALL, compaction: 'key' })
      await queue.appendRecords(range(10).map((value) => (value % 3 === 0 ? { value } : { value, key: `k${value % 2}` })))
      await queue.compact()
      const records = await queue.read()
      expectEqual(offsetsOf(records), [0, 3, 6, 7, 8, 9])
      expectEqual(
        records.map(({ value }) => value),
        [0, 3, 6, 7, 8, 9],
      )
      expectEqual(offsetsOf(await queue.read({ from: 4, limit: 2 })), [6, 7])
    }),
    upkeepCase('compaction keeps tombstones for a while, then they go', make, async ({ store, clock }) => {
      const queue = await openQueue<Change>(store, 'q', { ...BY_KEY, tombstoneMs: HOUR_MS })
      await appendEach(queue, [
        { key: 'a', value: 1 },
        { key: 'b', value: 2 },
      ])
      await queue.tombstone('a')
      await queue.compact()
      expectEqual(
        (await queue.read()).map(({ key, value }) => [key, value?.value]),
        [
          ['b', 2],
          ['a', undefined],
        ],
      )
      await clock.advance(HOUR_MS + 1)
      await queue.compact()
      expectEqual(
        (await queue.read()).map(({ key }) => key),
        ['b'],
      )
    }),
    upkeepCase('a group passes the gaps of a compaction', make, async ({ store, clock }) => {
      const queue = await openQueue<Change>(store, 'q', BY_KEY)
      await appendEach(
        queue,
        range(50).map((value) => ({ key: `k${value % 4}`, value })),
      )
      const group = await queue.group('g')
      await group.receive({ limit: 2 })
      await queue.compact()
      const deliveries = await group.receive({ limit: 1 })
      expectEqual(offsetsOf(deliveries), [46])
      await group.ack([...deliveries, ...(await group.receive({ limit: 10 }))])
      await clock.advance(HOUR_MS)
      expectEqual(await group.receive(), [], 'the two that were received before are gone')
      expectEqual((await group.lag()).total, 0)
    }),
    upkeepCase('a reader in flight is not harmed by a compaction', make, async ({ store }) => {
      const queue = await openQueue<Change>(store, 'q', BY_KEY)
      await appendEach(
        queue,
        range(80).map((value) => ({ key: `k${value % 3}`, value })),
      )
      const tail = queue.tail({ from: 'earliest' })
      const first = await tail.next()
      expectEqual(first.value?.offset, 0)
      await queue.compact()
      let last = 0
      while (last < 79) {
        const { value } = await tail.next()
        expectTrue(value !== undefined && value.offset > last, 'offsets rise')
        last = value?.offset ?? 79
      }
      await tail.return?.()
    }),
    upkeepCase('appends and compactions at once lose nothing', make, async ({ store }) => {
      const queue = await openQueue<Change>(store, 'q', BY_KEY)
      const appends = range(60).map((value) => queue.append({ key: `k${value % 6}`, value }))
      const reports = [queue.compact(), queue.compact()]
      await Promise.all([...appends, ...reports])
      await queue.compact()
      expectEqual(offsetsOf(await queue.read()), range(6, 54))
    }),
    upkeepCase('reading by time works in what was compacted', make, async ({ store, clock }) => {
      const queue = await openQueue<Change>(store, 'q', BY_KEY)
      const start = clock.now()
      for (const value of range(40)) {
        await queue.append({ key: `k${value % 10}`, value })
        await clock.advance(1_000)
      }
      await queue.compact()
      expectEqual(offsetsOf(await queue.read({ from: { time: start + 35_000 } })), range(5, 35))
      expectEqual(offsetsOf(await queue.read({ from: { time: start + 3_000 }, limit: 1 })), [30])
    }),
  ]
}

function sealCases(make: MakeBackend): readonly SuiteCase[] {
  return [
    upkeepCase('a sealed queue takes no append and can be read', make, async ({ store }) => {
      const queue = await openQueue<number>(store, 'q')
      await queue.appendMany([1, 2, 3])
      await queue.seal()
      await queue.seal()
      await expectRejects(queue.append(4), 'closed')
      expectEqual(
        (await queue.read()).map(({ value }) => value),
        [1, 2, 3],
      )
      const group = await queue.group('g')
      expectEqual((await collect(group.consume({ until: 'empty' }))).length, 3)
    }),
  ]
}

function reopenCases(make: MakeBackend, { reopen }: BackendSuiteOptions): readonly SuiteCase[] {
  if (reopen === undefined) return []
  return [
    upkeepCase('trims, compactions and seals survive a restart', make, async ({ store, backend }) => {
      const queue = await openQueue<Change>(store, 'q', BY_KEY)
      await appendEach(
        queue,
        range(60).map((value) => ({ key: `k${value % 4}`, value })),
      )
      await queue.compact()
      await queue.trim(57)
      await queue.seal()
      await store.close()
      await backend.close()
      const again = await reopen(backend)
      const store2 = storeOn(again)
      const queue2 = await openQueue<Change>(store2, 'q', BY_KEY)
      expectEqual(offsetsOf(await queue2.read()), [57, 58, 59])
      await expectRejects(queue2.append({ key: 'k', value: 60 }), 'closed')
      await store2.close()
      await again.close()
    }),
  ]
}
