// What consumer groups must do: at least once, in turn, and never twice at a time.

import { bucketOf } from '../core/features/queue/record-codec.js'
import type { Delivery } from '../core/features/queue/group-types.js'
import { expectEqual, expectRejects, expectTrue } from './assert.js'
import { openQueue } from './queue-format.js'
import { groupCase, liveGroupCase, MINUTE_MS, valuesOf } from './queue-group-scene.js'
import { driven, range, storeCase, until } from './queue-place.js'
import type { MakeBackend, SuiteCase } from './suite.js'

export function groupCases(make: MakeBackend): readonly SuiteCase[] {
  return [...receiveCases(make), ...processCases(make), ...consumeCases(make), ...positionCases(make), ...registryCases(make)]
}

function receiveCases(make: MakeBackend): readonly SuiteCase[] {
  return [
    groupCase('group: records are delivered in order, each to one receiver', make, async ({ group }) => {
      const [first] = await group.receive()
      expectEqual([first?.value, first?.offset, first?.bucket, first?.deliveries], [0, 0, 0, 1])
      expectEqual(valuesOf(await group.receive({ consumer: 'other', limit: 3 })), [1, 2, 3])
      expectEqual(valuesOf(await group.receive({ limit: 100 })), range(6, 4))
      expectEqual(await group.receive({ limit: 100 }), [])
    }),
    groupCase('group: what is not acked in time is delivered again, and counted', make, async ({ group, clock }) => {
      const [first, second] = await group.receive({ limit: 2 })
      await second?.ack()
      await clock.advance(MINUTE_MS - 1)
      expectEqual(valuesOf(await group.receive({ limit: 1 })), [2])
      await clock.advance(1)
      const again = await group.receive({ limit: 1 })
      expectEqual(again[0]?.value, first?.value)
      expectEqual(again[0]?.deliveries, 2)
    }),
    groupCase('group: what is acked never comes again', make, async ({ group, clock }) => {
      const deliveries = await group.receive({ limit: 10 })
      await group.ack(deliveries.slice(0, 6))
      await deliveries[6]?.ack()
      await deliveries[6]?.ack()
      await clock.advance(2 * MINUTE_MS)
      expectEqual(valuesOf(await group.receive({ limit: 10 })), [7, 8, 9])
    }),
    groupCase('group: a late ack counts although the record was delivered again', make, async ({ group, clock }) => {
      const [late] = await group.receive()
      await clock.advance(MINUTE_MS)
      await group.receive()
      await late?.ack()
      await clock.advance(2 * MINUTE_MS)
      expectTrue(!valuesOf(await group.receive({ limit: 10 })).includes(0), 'the record is done')
    }),
    groupCase('group: a nack gives a record back after its delay', make, async ({ group, clock }) => {
      const [first] = await group.receive()
      await first?.nack({ delayMs: 5_000 })
      expectEqual(valuesOf(await group.receive()), [1])
      await clock.advance(5_000)
      const [again] = await group.receive()
      expectEqual([again?.value, again?.deliveries], [0, 2])
    }),
    groupCase('group: an extended delivery stays hidden', make, async ({ group, clock }) => {
      const [first] = await group.receive()
      await clock.advance(MINUTE_MS - 1)
      await first?.extend(3 * MINUTE_MS)
      await clock.advance(2 * MINUTE_MS)
      expectTrue(!valuesOf(await group.receive({ limit: 20 })).includes(0), 'still hidden')
      await clock.advance(MINUTE_MS)
      expectTrue(valuesOf(await group.receive({ limit: 20 })).includes(0), 'delivered again')
    }),
    groupCase('group: groups do not know of each other, and begin where they were told', make, async ({ queue, group }) => {
      await group.ack(await group.receive({ limit: 10 }))
      expectEqual(valuesOf(await (await queue.group('second')).receive({ limit: 20 })), range(10))
      expectEqual(valuesOf(await (await queue.group('third', { from: { last: 2 } })).receive({ limit: 20 })), [8, 9])
      const latest = await queue.group('fourth', { from: 'latest' })
      expectEqual(await latest.receive({ limit: 20 }), [])
      await queue.append(10)
      expectEqual(valuesOf(await latest.receive({ limit: 20 })), [10])
      expectEqual(valuesOf(await (await queue.group('third', { from: 0 })).receive({ limit: 20 })), [10])
    }),
    liveGroupCase('group: a waiting receive returns as soon as a record is there', make, async ({ queue, group }) => {
      await group.ack(await group.receive({ limit: 10 }))
      const waiting = group.receive({ waitMs: 60_000 })
      await queue.append(10)
      expectEqual(valuesOf(await waiting), [10])
    }),
    liveGroupCase('group: receivers at the same time share the records', make, async ({ group }) => {
      const rounds = await Promise.all(range(5).map((n) => group.receive({ consumer: `c${n}`, limit: 2 })))
      expectEqual(
        valuesOf(rounds.flat()).sort((a, b) => a - b),
        range(10),
      )
    }),
    groupCase('group: an ack of what is not pending is counted, and no error', make, async ({ group, clock }) => {
      const [first, second, third] = await group.receive({ limit: 3 })
      expectEqual(await first?.ack(), { settled: 1, ignored: 0 })
      expectEqual(await first?.ack(), { settled: 0, ignored: 1 })
      await clock.advance(MINUTE_MS)
      const again = await group.receive({ limit: 1 })
      expectEqual(valuesOf(again), [1])
      expectEqual(await second?.nack(), { settled: 0, ignored: 1 }, 'a later delivery holds it')
      expectEqual(await second?.extend(MINUTE_MS), { settled: 0, ignored: 1 })
      const all = [first, second, third].filter((one) => one !== undefined)
      expectEqual(await group.ack(all), { settled: 2, ignored: 1 })
    }),
    groupCase('group: buckets take turns, and none is left out', make, async ({ store }) => {
      const queue = await openQueue<number>(store, 'several', { buckets: 3 })
      for (const bucket of range(3)) {
        const key = range(100).find((n) => bucketOf(`k${n}`, 3) === bucket)
        await queue.appendRecords(range(20).map((value) => ({ value, key: `k${key}` })))
      }
      const group = await queue.group('g')
      const seen: number[] = []
      for (let turn = 0; turn < 6; turn++) seen.push(...(await group.receive({ limit: 5 })).map(({ bucket }) => bucket))
      for (const bucket of range(3)) expectEqual(seen.filter((one) => one === bucket).length, 10, `deliveries of bucket ${bucket}`)
    }),
    groupCase('group: a clock that is set back hides nothing for longer than it was to be', make, async ({ group, clock }) => {
      const [first] = await group.receive()
      await first?.nack({ delayMs: 5_000 })
      await group.receive()
      await clock.set(clock.now() - 24 * 60 * MINUTE_MS)
      expectEqual(valuesOf(await group.receive({ limit: 20 })), range(8, 2))
      await clock.advance(5_000)
      expectEqual(valuesOf(await group.receive({ limit: 20 })), [0])
      await clock.advance(MINUTE_MS - 5_000)
      expectEqual(valuesOf(await group.receive({ limit: 20 })), range(9, 1))
    }),
    groupCase('group: an aborted signal rejects with its reason', make, async ({ group }) => {
      const signal = AbortSignal.abort(new RangeError('enough'))
      expectEqual((await expectRejects(group.receive({ signal }))).message, 'enough')
      expectEqual(valuesOf(await group.receive()), [0])
    }),
    storeCase('group: the records of all buckets are delivered', make, async (store) => {
      const queue = await openQueue<number>(store, 'q', { buckets: 4 })
      await queue.appendRecords(range(40).map((value) => ({ value, key: `k${value}` })))
      const group = await queue.group('g')
      const seen: Delivery<number>[] = []
      for (let got = await group.receive({ limit: 7 }); got.length > 0; got = await group.receive({ limit: 7 })) seen.push(...got)
      expectEqual(
        valuesOf(seen).sort((a, b) => a - b),
        range(40),
      )
      await group.ack(seen)
      expectEqual((await group.lag()).total, 0)
    }),
  ]
}

function processCases(make: MakeBackend): readonly SuiteCase[] {
  return [
    liveGroupCase('group: process works off what is there and stops when it is empty', make, async ({ group }) => {
      const seen: number[] = []
      const result = await group.process((delivery) => void seen.push(delivery.value), { until: 'empty' })
      expectEqual(seen, range(10))
      expectEqual(result, { acked: 10, failed: 0, dead: 0 })
      expectEqual(await group.committed(), [10])
      expectEqual(await group.process(() => {}, { until: 'empty' }), { acked: 0, failed: 0, dead: 0 })
    }),
    liveGroupCase('group: process runs as many handlers at once as it was told', make, async ({ group }) => {
      let running = 0
      let most = 0
      let open = (): void => {}
      const fourRun = new Promise<void>((resolve) => {
        open = resolve
      })
      const handler = async (): Promise<void> => {
        running++
        most = Math.max(most, running)
        if (running === 4) open()
        await fourRun
        running--
      }
      expectEqual((await group.process(handler, { concurrency: 4, until: 'empty' })).acked, 10)
      expectEqual(most, 4)
    }),
    groupCase('group: what a handler throws at is delivered again later', make, async ({ group, clock }) => {
      const attempts: number[] = []
      const handler = (delivery: Delivery<number>): void => {
        if (delivery.value !== 3) return
        attempts.push(delivery.deliveries)
        if (attempts.length < 3) throw new RangeError('not yet')
      }
      for (let round = 0; round < 20 && attempts.length < 3; round++) {
        await driven(clock, group.process(handler, { until: 'empty' }))
        await clock.advance(10 * MINUTE_MS)
      }
      expectEqual(attempts, [1, 2, 3])
      expectEqual(await group.committed(), [10])
    }),
    liveGroupCase('group: process fetches on while a handler is slow', make, async ({ group }) => {
      let finish = (): void => {}
      const othersDone = new Promise<void>((resolve) => {
        finish = resolve
      })
      const seen: number[] = []
      const handler = async (delivery: Delivery<number>): Promise<void> => {
        if (delivery.value === 0) return othersDone
        seen.push(delivery.value)
        if (seen.length === 9) finish()
      }
      expectEqual(await group.process(handler, { concurrency: 2, until: 'empty' }), { acked: 10, failed: 0, dead: 0 })
      expectEqual(seen, range(9, 1))
    }),
    groupCase('group: what a handler works on stays hidden, however long it takes', make, async ({ queue, group, clock }) => {
      const other = await queue.group('g', { visibilityMs: MINUTE_MS })
      let finish = (): void => {}
      const told = new Promise<void>((resolve) => {
        finish = resolve
      })
      let begun = (): void => {}
      const begin = new Promise<void>((resolve) => {
        begun = resolve
      })
      const handler = async (): Promise<void> => {
        begun()
        await told
      }
      const processing = group.process(handler, { concurrency: 10, until: 'empty' })
      await begin
      for (let third = 0; third < 9; third++) {
        await clock.advance(MINUTE_MS / 3)
        await until(async () => (await other.pending({ limit: 1 }))[0]?.idleMs === 0)
      }
      expectEqual(await other.receive({ limit: 20 }), [])
      finish()
      expectEqual((await driven(clock, processing)).acked, 10)
    }),
    liveGroupCase('group: an aborted process lets its handlers end, and gives back what they had not begun', make, async ({ group }) => {
      const controller = new AbortController()
      const begun: number[] = []
      let finish = (): void => {}
      const told = new Promise<void>((resolve) => {
        finish = resolve
      })
      const handler = async ({ value }: Delivery<number>): Promise<void> => {
        begun.push(value)
        if (value < 5) return
        if (begun.length === 8) {
          controller.abort()
          finish()
        }
        await told
      }
      expectEqual(await group.process(handler, { concurrency: 3, signal: controller.signal }), { acked: 8, failed: 0, dead: 0 })
      expectEqual(await group.committed(), [8])
      expectEqual(
        (await group.receive({ limit: 10 })).map(({ value, deliveries }) => [value, deliveries]),
        [
          [8, 1],
          [9, 1],
        ],
      )
    }),
    liveGroupCase('group: an aborted process ends normally, with its work acked', make, async ({ group }) => {
      const controller = new AbortController()
      const handler = async (delivery: Delivery<number>): Promise<void> => {
        if (delivery.value === 4) controller.abort()
        await Promise.resolve()
      }
      const result = await group.process(handler, { signal: controller.signal })
      expectEqual(result, { acked: 5, failed: 0, dead: 0 })
      expectEqual(await group.committed(), [5])
    }),
  ]
}

function consumeCases(make: MakeBackend): readonly SuiteCase[] {
  return [
    liveGroupCase('group: consume gives one at a time until it is empty', make, async ({ group }) => {
      const seen: number[] = []
      for await (const delivery of group.consume({ until: 'empty' })) {
        seen.push(delivery.value)
        await delivery.ack()
      }
      expectEqual(seen, range(10))
      expectEqual((await group.lag()).total, 0)
    }),
    liveGroupCase('group: leaving consume gives unseen deliveries back, uncounted', make, async ({ group }) => {
      for await (const delivery of group.consume({ prefetch: 5 })) {
        await delivery.ack()
        break
      }
      const rest = await group.receive({ limit: 20 })
      expectEqual(valuesOf(rest), range(9, 1))
      expectEqual(
        rest.map(({ deliveries }) => deliveries),
        range(9).map(() => 1),
      )
    }),
    liveGroupCase('group: consume ends at once when it is left while it waits', make, async ({ queue, group }) => {
      await group.commit(0, 10)
      const deliveries = group.consume()
      const waiting = deliveries.next()
      expectEqual(await deliveries.return?.(), { done: true, value: undefined })
      expectEqual((await waiting).done, true)
      await queue.append(10)
      expectEqual(valuesOf(await group.receive()), [10])
    }),
    groupCase('group: consume gives back what waited for long, and goes on with what is free', make, async ({ queue, group, clock }) => {
      const other = await queue.group('g', { visibilityMs: MINUTE_MS })
      const deliveries = group.consume({ prefetch: 5, until: 'empty' })
      await (await deliveries.next()).value?.ack()
      await clock.advance(MINUTE_MS)
      expectEqual(valuesOf(await other.receive({ limit: 2 })), [1, 2])
      const rest: number[] = []
      for await (const delivery of deliveries) {
        rest.push(delivery.value)
        await delivery.ack()
      }
      expectEqual(rest, range(7, 3))
    }),
    liveGroupCase('group: consume ends normally on abort', make, async ({ group }) => {
      const controller = new AbortController()
      const seen: number[] = []
      for await (const delivery of group.consume({ signal: controller.signal })) {
        seen.push(delivery.value)
        await delivery.ack()
        if (seen.length === 3) controller.abort()
      }
      expectEqual(seen, [0, 1, 2])
      expectEqual(valuesOf(await group.receive({ limit: 20 })), range(7, 3))
    }),
  ]
}

function positionCases(make: MakeBackend): readonly SuiteCase[] {
  return [
    groupCase('group: committed and lag follow the oldest record that is not acked', make, async ({ group }) => {
      expectEqual(await group.committed(), [0])
      expectEqual(await group.lag(), { total: 10, buckets: [10] })
      const deliveries = await group.receive({ limit: 4 })
      await group.ack(deliveries.slice(1))
      expectEqual(await group.committed(), [0])
      await group.ack(deliveries.slice(0, 1))
      expectEqual(await group.committed(), [4])
      expectEqual(await group.lag(), { total: 6, buckets: [6] })
    }),
    groupCase('group: a commit acks everything below it', make, async ({ group, clock }) => {
      await group.receive({ limit: 3 })
      await group.commit(0, 8)
      expectEqual(await group.committed(), [8])
      await clock.advance(2 * MINUTE_MS)
      expectEqual(valuesOf(await group.receive({ limit: 20 })), [8, 9])
    }),
    groupCase('group: a commit does not go back, a seek does', make, async ({ group }) => {
      await group.commit(0, 6)
      await group.commit(0, 3)
      expectEqual(await group.committed(), [6])
      await group.seek(0, 3)
      expectEqual(await group.committed(), [3])
      expectEqual(valuesOf(await group.receive({ limit: 20 })), range(7, 3))
    }),
    groupCase('group: a commit past the high-water mark is invalid and names it', make, async ({ group }) => {
      const error = await expectRejects(group.commit(0, 11), 'invalid')
      expectTrue(error.message.includes('10'), 'the greatest that would do')
      for (const [bucket, next] of [
        [1, 0],
        [-1, 0],
        [0, -1],
        [0, 0.5],
      ] as const)
        await expectRejects(group.commit(bucket, next), 'invalid')
      expectEqual(await group.committed(), [0])
      await group.commit(0, 10)
      expectEqual((await group.lag()).total, 0)
    }),
    groupCase('group: seek goes back and forward', make, async ({ group }) => {
      await group.ack(await group.receive({ limit: 10 }))
      await group.seek(0, 7)
      expectEqual(await group.committed(), [7])
      expectEqual(valuesOf(await group.receive({ limit: 20 })), [7, 8, 9])
      await group.seek(0, 'earliest')
      expectEqual(valuesOf(await group.receive({ limit: 2 })), [0, 1])
      await group.seek(0, 'latest')
      expectEqual(await group.receive({ limit: 20 }), [])
      expectEqual((await group.lag()).total, 0)
    }),
  ]
}

function registryCases(make: MakeBackend): readonly SuiteCase[] {
  return [
    groupCase('group: the groups of a queue are listed and can be deleted', make, async ({ queue, group }) => {
      await queue.group('ä/..')
      expectEqual([...(await queue.groups())].sort(), ['g', 'ä/..'])
      await group.ack(await group.receive({ limit: 5 }))
      await queue.deleteGroup('g')
      expectEqual(await queue.groups(), ['ä/..'])
      expectEqual(valuesOf(await (await queue.group('g')).receive({ limit: 20 })), range(10))
    }),
    liveGroupCase('group: two handles of one group share its state', make, async ({ queue, group }) => {
      const second = await queue.group('g')
      await group.ack(await group.receive({ limit: 3 }))
      expectEqual(valuesOf(await second.receive({ limit: 2 })), [3, 4])
      expectEqual(valuesOf(await group.receive({ limit: 20 })), range(5, 5))
      expectEqual(await second.committed(), [3])
    }),
  ]
}
