// What a group knows of its deliveries, and how it may be told to hold them back: the pending list, claims, order by key,
// a bound on what is pending, how it is created.

import type { Delivery, PendingRecord } from '../core/features/queue/group-types.js'
import { expectEqual, expectRejects, expectTrue } from './assert.js'
import { openQueue } from './queue-format.js'
import { groupCase, liveGroupCase, MINUTE_MS, valuesOf } from './queue-group-scene.js'
import { driven, range } from './queue-place.js'
import type { MakeBackend, SuiteCase } from './suite.js'

/** Part of `queueSuite`. */
export function pendingCases(make: MakeBackend): readonly SuiteCase[] {
  return [...listCases(make), ...claimCases(make), ...boundCases(make), ...orderCases(make), ...creationCases(make)]
}

/** A server counts idle time by its own clock, which goes on while a case runs. */
function roughly(entry: PendingRecord): PendingRecord {
  return { ...entry, idleMs: Math.round(entry.idleMs / 250) * 250 }
}

function listCases(make: MakeBackend): readonly SuiteCase[] {
  return [
    groupCase('pending: the list tells who has what, since when, how often and why', make, async ({ group, clock }) => {
      const [first] = await group.receive({ consumer: 'ada', limit: 2 })
      await clock.advance(5_000)
      await first?.nack({ delayMs: 1_000, reason: 'not now' })
      await group.receive({ consumer: 'bo' })
      await clock.advance(500)
      expectEqual((await group.pending()).map(roughly), [
        { bucket: 0, offset: 0, consumer: 'ada', idleMs: 500, deliveries: 1, reason: 'not now' },
        { bucket: 0, offset: 1, consumer: 'ada', idleMs: 5_500, deliveries: 1 },
        { bucket: 0, offset: 2, consumer: 'bo', idleMs: 500, deliveries: 1 },
      ])
      await clock.advance(500)
      const [again] = await group.receive({ consumer: 'cy' })
      expectEqual([again?.value, again?.deliveries, again?.reason], [0, 2, 'not now'])
      expectEqual((await group.pending({ limit: 1 })).map(roughly)[0], {
        bucket: 0,
        offset: 0,
        consumer: 'cy',
        idleMs: 0,
        deliveries: 2,
        reason: 'not now',
      })
      await again?.ack()
      expectEqual((await group.pending()).length, 2)
    }),
    groupCase('pending: the list goes on behind the last one that was seen, through all buckets', make, async ({ store }) => {
      const queue = await openQueue<number>(store, 'several', { buckets: 3 })
      await queue.appendRecords(range(30).map((value) => ({ value, key: `k${value}` })))
      const group = await queue.group('g')
      expectEqual(await group.pending(), [])
      const deliveries = await group.receive({ limit: 100 })
      const places = deliveries.map(({ bucket, offset }) => ({ bucket, offset })).sort((a, b) => a.bucket - b.bucket || a.offset - b.offset)
      const seen: { readonly bucket: number; readonly offset: number }[] = []
      for (;;) {
        const after = seen[seen.length - 1]
        const page = await group.pending({ limit: 7, ...(after === undefined ? {} : { after }) })
        if (page.length === 0) break
        expectTrue(page.length <= 7, 'no more than asked for')
        seen.push(...page.map(({ bucket, offset }) => ({ bucket, offset })))
      }
      expectEqual(seen, places)
      const inOne = await group.pending({ bucket: 1 })
      expectEqual(
        inOne.map(({ offset }) => offset),
        places.filter(({ bucket }) => bucket === 1).map(({ offset }) => offset),
      )
      await expectRejects(group.pending({ bucket: 3 }), 'invalid')
      await expectRejects(group.pending({ limit: 0 }), 'invalid')
    }),
  ]
}

function claimCases(make: MakeBackend): readonly SuiteCase[] {
  return [
    groupCase('claim: what another consumer holds for long is taken over', make, async ({ group, clock }) => {
      const held = await group.receive({ consumer: 'gone', limit: 3 })
      await clock.advance(10_000)
      await group.receive({ consumer: 'busy', limit: 2 })
      const claimed = await group.claim({ minIdleMs: 10_000, consumer: 'heir', limit: 2 })
      expectEqual(
        claimed.map(({ value, deliveries }) => [value, deliveries]),
        [
          [0, 2],
          [1, 2],
        ],
      )
      expectEqual(
        (await group.pending()).map(({ consumer }) => consumer),
        ['heir', 'heir', 'gone', 'busy', 'busy'],
      )
      expectEqual(await group.extend(held, MINUTE_MS), { settled: 1, ignored: 2 })
      expectEqual(await group.claim({ minIdleMs: 10_000 }), [], 'it was extended')
      await clock.advance(MINUTE_MS - 1)
      expectEqual(await group.ack(claimed), { settled: 2, ignored: 0 })
      await expectRejects(group.claim({ minIdleMs: -1 }), 'invalid')
      await expectRejects(group.claim({ minIdleMs: 0, limit: 0 }), 'invalid')
    }),
  ]
}

function boundCases(make: MakeBackend): readonly SuiteCase[] {
  return [
    groupCase(
      'pending: at maxPending nothing new is delivered, until something is acked',
      make,
      async ({ group, clock }) => {
        const first = await group.receive({ limit: 10 })
        expectEqual(valuesOf(first), range(4))
        expectEqual(await group.receive({ limit: 10 }), [])
        await first[1]?.ack()
        expectEqual(valuesOf(await group.receive({ limit: 10 })), [4])
        await clock.advance(MINUTE_MS)
        expectEqual(valuesOf(await group.receive({ limit: 10 })), [0, 2, 3, 4], 'what expired is delivered again')
      },
      { maxPending: 4 },
    ),
    liveGroupCase('pending: a receive that waits at maxPending goes on when something is acked', make, async ({ queue }) => {
      const group = await queue.group('bounded', { maxPending: 2 })
      const [first] = await group.receive({ limit: 10 })
      const waiting = group.receive({ limit: 10, waitMs: 60_000 })
      await first?.ack()
      expectEqual(valuesOf(await waiting), [2])
    }),
    groupCase('group: a record with a delay is delivered when it is due', make, async ({ store, clock }) => {
      const queue = await openQueue<string>(store, 'later')
      await queue.append('in a minute', { delayMs: MINUTE_MS })
      await queue.append('now')
      const group = await queue.group('g')
      const [now, ...none] = await group.receive({ limit: 10 })
      expectEqual([now?.value, none.length], ['now', 0])
      await now?.ack()
      await clock.advance(MINUTE_MS)
      const [due] = await group.receive({ limit: 10 })
      expectEqual([due?.value, due?.deliveries], ['in a minute', 1])
    }),
  ]
}

interface Step {
  readonly key: string
  readonly n: number
}

function orderCases(make: MakeBackend): readonly SuiteCase[] {
  const steps = range(12).map((n): Step => ({ key: 'abc'[n % 3] as string, n }))
  const names = (deliveries: readonly Delivery<Step>[]): string[] => deliveries.map(({ value }) => `${value.key}${value.n}`)
  return [
    groupCase(
      'order by key: while a record is unacked later ones of its key wait, and other keys go on',
      make,
      async ({ store, clock }) => {
        const queue = await openQueue<Step>(store, 'steps', { key: ({ key }) => key })
        await queue.appendMany(steps)
        const group = await queue.group('g', { ordering: 'key', visibilityMs: MINUTE_MS })
        const [a, b, c, ...none] = await group.receive({ limit: 100 })
        expectEqual(
          [a, b, c].map((one) => one?.value.n),
          [0, 1, 2],
        )
        expectEqual([...none, ...(await group.receive({ limit: 100 }))], [])
        await a?.ack()
        await b?.nack({ delayMs: 5_000, reason: 'not now' })
        const next = await group.receive({ limit: 100 })
        expectEqual(names(next), ['a3'])
        await group.ack(next)
        await clock.advance(5_000)
        expectEqual(names(await group.receive({ limit: 100 })), ['b1', 'a6'])
        await clock.advance(MINUTE_MS)
        expectTrue(names(await group.receive({ limit: 100 })).includes('c2'), 'what expired comes before what waits for it')
      },
    ),
    groupCase('order by key: process keeps it through failures, and whatever the concurrency', make, async ({ store, clock }) => {
      const queue = await openQueue<Step>(store, 'steps', { key: ({ key }) => key, buckets: 2 })
      await queue.appendMany(range(5).flatMap((round) => steps.map(({ key, n }) => ({ key, n: n + 12 * round }))))
      const group = await queue.group('g', { ordering: 'key', backoff: { firstMs: 10, maxMs: 10 } })
      const done: Step[] = []
      const handler = async ({ value, deliveries }: Delivery<Step>): Promise<void> => {
        await Promise.resolve()
        if (value.n % 7 === 0 && deliveries === 1) throw new Error('not yet')
        done.push(value)
      }
      for (let round = 0; round < 20 && done.length < 60; round++) {
        await driven(clock, group.process(handler, { concurrency: 8, until: 'empty' }))
        await clock.advance(10)
      }
      expectEqual(done.length, 60)
      for (const key of 'abc') {
        const numbers = done.filter((step) => step.key === key).map(({ n }) => n)
        expectEqual(
          numbers,
          [...numbers].sort((x, y) => x - y),
        )
      }
      expectEqual((await group.lag()).total, 0)
    }),
    groupCase('order by key: a dead letter makes way for the next of its key', make, async ({ store }) => {
      const queue = await openQueue<Step>(store, 'steps', { key: ({ key }) => key })
      await queue.appendMany(steps.slice(0, 6))
      const group = await queue.group('g', { ordering: 'key', deadLetters: 'dead', maxDeliveries: 1 })
      const [a] = await group.receive({ limit: 3 })
      await a?.nack({ reason: 'no' })
      expectEqual(names(await group.receive({ limit: 10 })), ['a3'])
    }),
    groupCase('order by key: it is fixed when a group is created', make, async ({ queue }) => {
      await queue.group('ordered', { ordering: 'key' })
      await expectRejects(queue.group('ordered', { ordering: 'none' }), 'invalid')
      await queue.group('ordered')
      await expectRejects(queue.group('g', { ordering: 'key' }), 'invalid')
    }),
  ]
}

function creationCases(make: MakeBackend): readonly SuiteCase[] {
  return [
    groupCase('group: it is created, opened, or both, as was asked', make, async ({ store }) => {
      const queue = await openQueue<number>(store, 'several', { buckets: 2 })
      await expectRejects(queue.group('g', { create: false }), 'missing')
      expectEqual(await queue.groups(), [])
      await queue.group('g', { create: 'new' })
      await expectRejects(queue.group('g', { create: 'new' }), 'conflict')
      await queue.group('g', { create: false })
      await queue.group('g')
      await queue.deleteGroup('g')
      await expectRejects(queue.group('g', { create: false }), 'missing')
      await expectRejects(queue.deleteGroup('g'), 'missing')
    }),
  ]
}
