// Writers: numbered batches, each stored once, in order.

import type { Store } from '../core/derived/resolve.js'
import type { Queue } from '../core/features/queue/types.js'
import type { QueueWriter, WriterOptions } from '../core/features/queue/writer-types.js'
import { expectEqual, expectRejects, expectTrue } from './assert.js'
import { ManualClock } from './manual-clock.js'
import { openQueue } from './queue-format.js'
import { driven, range, storeCase, storeOn } from './queue-place.js'
import type { BackendSuiteOptions, MakeBackend, SuiteCase } from './suite.js'

const LONG_MS = 60_000

/** Part of `queueSuite`. */
export function writerCases(make: MakeBackend, { reopen }: BackendSuiteOptions): readonly SuiteCase[] {
  return [
    ...orderCases(make),
    ...sequenceCases(make),
    ...epochCases(make),
    ...lingerCases(make),
    ...failureCases(make),
    ...endCases(make),
    ...refusalCases(make),
    ...(reopen === undefined ? [] : [numbersSurvive(make, reopen)]),
  ]
}

async function stored<T>(queue: Queue<T>, bucket = 0): Promise<T[]> {
  return (await queue.read({ bucket, limit: 10_000 })).map(({ value }) => value)
}

function writerOf<T>(queue: Queue<T>, options: Partial<WriterOptions> = {}): Promise<QueueWriter<T>> {
  return queue.writer({ producerId: 'p', ...options })
}

function orderCases(make: MakeBackend): readonly SuiteCase[] {
  return [
    storeCase('writer: what is written is stored in the order of the calls, with receipts', make, async (store) => {
      const queue = await openQueue<number>(store, 'q')
      const writer = await writerOf(queue, { maxBatchRecords: 7 })
      const receipts = await Promise.all(range(50).map((value) => writer.append(value)))
      expectEqual(
        receipts.map(({ offset, duplicate }) => [offset, duplicate]),
        range(50).map((offset) => [offset, undefined]),
      )
      expectEqual([await stored(queue), writer.producerId], [range(50), 'p'])
    }),
    storeCase('writer: keys choose the bucket, headers and values come back', make, async (store) => {
      const queue = await openQueue<number[]>(store, 'q', { buckets: 3 })
      const writer = await writerOf(queue)
      const value = [1]
      const written = writer.append(value, { key: 'ada', headers: { source: 'test' } })
      value.push(2)
      const { bucket, offset } = await written
      expectEqual(bucket, (await queue.append([3], { key: 'ada' })).bucket)
      const [record] = await queue.read({ bucket, from: offset, limit: 1 })
      expectEqual([record?.value, record?.key, record?.headers.source], [[1], 'ada', 'test'])
    }),
    storeCase('writer: records of a key stay in order over all batches and buckets', make, async (store) => {
      const queue = await openQueue<number>(store, 'q', { buckets: 3 })
      const writer = await writerOf(queue, { maxBatchRecords: 4, maxInFlightBytes: 1_000 })
      await Promise.all(range(90).map((value) => writer.append(value, { key: `k${value % 5}` })))
      const byKey = new Map<string, number[]>()
      for (const bucket of range(3))
        for (const { key = '', value } of await queue.read({ bucket })) byKey.set(key, [...(byKey.get(key) ?? []), value])
      for (const [key, values] of byKey)
        expectEqual(
          values,
          range(18).map((n) => n * 5 + Number(key.slice(1))),
          key,
        )
    }),
    storeCase('writer: values that wait for their schema are stored in the order of the calls', make, async (store) => {
      const held: (() => void)[] = []
      const validate = (value: unknown) => {
        if (typeof value !== 'number') return { issues: [{ message: 'is no number' }] }
        return value % 2 === 1 ? { value } : new Promise<{ value: number }>((resolve) => held.push(() => resolve({ value })))
      }
      const queue = await openQueue<number>(store, 'q', { schema: { '~standard': { version: 1, vendor: 'suite', validate } } })
      const writer = await writerOf(queue)
      const written = Promise.all(range(4).map((value) => writer.append(value)))
      await expectRejects(writer.append('text' as unknown as number), 'invalid')
      for (const goOn of held.reverse()) goOn()
      await written
      expectEqual(await stored(queue), range(4))
    }),
  ]
}

function sequenceCases(make: MakeBackend): readonly SuiteCase[] {
  return [
    storeCase('writer: one that comes later goes on with the numbers', make, async (store) => {
      const queue = await openQueue<number>(store, 'q')
      for (const turn of range(3)) {
        const writer = await writerOf(queue)
        for (const value of range(3)) await writer.append(turn * 3 + value)
        await writer.close()
      }
      expectEqual(await stored(queue), range(9))
    }),
    storeCase('writer: a record with a number of its own is stored once, whoever writes it again', make, async (store) => {
      const queue = await openQueue<string>(store, 'q')
      const writer = await writerOf(queue)
      const first = await writer.append('a', { sequence: 0 })
      await writer.append('b', { sequence: 1 })
      const again = await writer.append('a', { sequence: 0 })
      expectEqual(again, { ...first, durability: again.durability, duplicate: true })
      const other = await writerOf(queue)
      expectEqual([(await other.append('b', { sequence: 1 })).offset, (await other.append('c', { sequence: 2 })).offset], [1, 2])
      expectEqual((await other.append('d')).offset, 3, 'a record without a number takes the next')
      expectEqual(await stored(queue), ['a', 'b', 'c', 'd'])
    }),
    storeCase('writer: without a key it meets the one that was stored, also in many buckets', make, async (store) => {
      const queue = await openQueue<number>(store, 'q', { buckets: 5 })
      const receipts = []
      for (const _ of range(3)) receipts.push(await (await writerOf(queue)).append(1, { sequence: 0 }))
      expectEqual(new Set(receipts.map(({ bucket, offset }) => `${bucket}/${offset}`)).size, 1)
      expectEqual(
        receipts.map(({ duplicate }) => duplicate),
        [undefined, true, true],
      )
    }),
    storeCase('writer: a gap is a conflict with the number that is expected, unless gaps are allowed', make, async (store) => {
      const queue = await openQueue<number>(store, 'q')
      const writer = await writerOf(queue)
      await writer.append(0, { sequence: 0 })
      expectEqual((await expectRejects(writer.append(5, { sequence: 5 }), 'conflict')).facts.expected, 1)
      const rising = await writerOf(queue, { allowGaps: true })
      expectEqual((await rising.append(5, { sequence: 5 })).offset, 1)
      expectEqual((await rising.append(5, { sequence: 5 })).duplicate, true)
      await expectRejects(rising.append(3, { sequence: 3 }), 'conflict')
      expectEqual(await stored(queue), [0, 5])
    }),
    storeCase('writer: producers have numbers of their own', make, async (store) => {
      const queue = await openQueue<string>(store, 'q')
      for (const producerId of ['a', 'b/0', 'ü'])
        expectEqual((await (await writerOf(queue, { producerId })).append(producerId, { sequence: 0 })).duplicate, undefined)
      expectEqual(await stored(queue), ['a', 'b/0', 'ü'])
    }),
  ]
}

function epochCases(make: MakeBackend): readonly SuiteCase[] {
  return [
    storeCase('writer: a newer epoch shuts out the older ones', make, async (store) => {
      const queue = await openQueue<string>(store, 'q')
      const old = await writerOf(queue, { epoch: 1 })
      await old.append('a')
      const next = await writerOf(queue, { epoch: 2 })
      await next.append('b')
      for (let time = 0; time < 2; time++) await expectRejects(old.append('late'), 'fenced')
      await expectRejects((await writerOf(queue, { epoch: 1 })).append('late'), 'fenced')
      const heir = await writerOf(queue)
      await heir.append('c')
      expectEqual(await stored(queue), ['a', 'b', 'c'])
    }),
    storeCase('writer: two of the same id and epoch are found out, and nothing is lost unseen', make, async (store) => {
      const queue = await openQueue<string>(store, 'q')
      const [one, two] = [await writerOf(queue), await writerOf(queue)]
      await one.append('one 0')
      await two.append('two 0')
      await expectRejects(one.append('one 1'), 'conflict')
      expectEqual(await stored(queue), ['one 0', 'two 0'])
      await one.append('one 1')
      expectEqual(await stored(queue), ['one 0', 'two 0', 'one 1'])
    }),
  ]
}

function lingerCases(make: MakeBackend): readonly SuiteCase[] {
  let clock = new ManualClock()
  const makeClock = () => {
    clock = new ManualClock()
    return clock
  }
  return [
    storeCase(
      'writer: a record is stored when its linger is over',
      make,
      async (store) => {
        const queue = await openQueue<number>(store, 'q')
        const writer = await writerOf(queue, { lingerMs: 1_000 })
        const { offset } = await driven(clock, writer.append(1))
        expectEqual(offset, 0)
      },
      makeClock,
    ),
    storeCase('writer: flush, a full batch and a full room end every linger', make, async (store) => {
      const queue = await openQueue<number>(store, 'q')
      const lingering = await writerOf(queue, { lingerMs: LONG_MS })
      const waiting = [lingering.append(0), lingering.append(1)]
      await lingering.flush()
      await Promise.all(waiting)
      const full = await writerOf(queue, { producerId: 'full', lingerMs: LONG_MS, maxBatchRecords: 2 })
      await Promise.all([full.append(2), full.append(3)])
      const narrow = await writerOf(queue, { producerId: 'narrow', lingerMs: LONG_MS, maxInFlightBytes: 1 })
      const last = [narrow.append(4), narrow.append(5)]
      await last[0]
      await narrow.close()
      await Promise.all(last)
      expectEqual(await stored(queue), range(6))
    }),
    storeCase('writer: what lingers together is one batch', make, async (store, backend) => {
      const queue = await openQueue<number>(store, 'q')
      const writer = await writerOf(queue, { lingerMs: LONG_MS })
      const written = [writer.append(0)]
      await queue.stats() // a turn later
      written.push(writer.append(1))
      await writer.flush()
      await Promise.all(written)
      const batches = backend.requestScoped === true ? 2 : 1 // nothing lingers where nothing outlives a request
      expectEqual((await writer.append(2, { sequence: batches })).offset, 2)
    }),
    storeCase('writer: an abort takes back what was not sent yet', make, async (store) => {
      const queue = await openQueue<number>(store, 'q')
      const writer = await writerOf(queue, { lingerMs: LONG_MS })
      const controller = new AbortController()
      const reason = new Error('enough')
      const written = [writer.append(0), writer.append(1, { signal: controller.signal }), writer.append(2)]
      const aborted = expectRejects(written[1] as Promise<unknown>)
      controller.abort(reason)
      expectTrue((await aborted) === (reason as unknown), 'the reason of the abort')
      expectTrue((await expectRejects(writer.append(3, { signal: controller.signal }))) === (reason as unknown), 'aborted before')
      await writer.flush()
      await Promise.all([written[0], written[2]])
      expectEqual(await stored(queue), [0, 2])
    }),
  ]
}

function failureCases(make: MakeBackend): readonly SuiteCase[] {
  return [
    storeCase('writer: a batch that fails takes all that waits behind it along, and what comes later begins anew', make, async (store) => {
      const queue = await openQueue<string>(store, 'q')
      const writer = await writerOf(queue, { maxInFlightBytes: 1_000 })
      await writer.append('a')
      const doomed = [writer.append('gap', { sequence: 7 }), ...range(30).map((n) => writer.append(`behind ${n}`))]
      for (const one of await Promise.allSettled(doomed)) expectEqual(one.status, 'rejected')
      await writer.flush()
      await writer.append('b')
      expectEqual(await stored(queue), ['a', 'b'])
    }),
    storeCase('writer: a failure in one bucket leaves the others alone', make, async (store) => {
      const queue = await openQueue<string>(store, 'q', { buckets: 2 })
      const writer = await writerOf(queue)
      const [bad, good] = await keysOf(queue)
      const outcomes = await Promise.allSettled([
        writer.append('gap', { key: bad as string, sequence: 7 }),
        writer.append('behind', { key: bad as string }),
        writer.append('good', { key: good as string }),
      ])
      expectEqual(
        outcomes.map(({ status }) => status),
        ['rejected', 'rejected', 'fulfilled'],
      )
    }),
    storeCase('writer: flush tells of what failed while it waited', make, async (store) => {
      const writer = await writerOf(await openQueue<string>(store, 'q'))
      const failing = expectRejects(writer.append('gap', { sequence: 7 }), 'conflict')
      await expectRejects(writer.flush(), 'conflict')
      await failing
      await writer.flush()
    }),
    storeCase('writer: what send could not store is told once, by the next call', make, async (store) => {
      const queue = await openQueue<string>(store, 'q')
      const writer = await writerOf(queue)
      await writer.send('gap', { sequence: 7 })
      await expectRejects(writer.flush(), 'conflict')
      await writer.send('a')
      await writer.flush()
      await writer.send('gap', { sequence: 7 })
      await expectRejects(writer.close(), 'conflict')
      expectEqual(await stored(queue), ['a'])
    }),
    storeCase('writer: a loop of sends goes through a narrow room in order', make, async (store) => {
      const queue = await openQueue<number>(store, 'q')
      const writer = await writerOf(queue, { maxInFlightBytes: 500 })
      for (const value of range(60)) await writer.send(value)
      await writer.flush()
      expectEqual(await stored(queue), range(60))
    }),
  ]
}

/** A key for each of two buckets. */
async function keysOf(queue: Queue<string>): Promise<readonly string[]> {
  const keys = new Map<number, string>()
  for (let n = 0; keys.size < 2; n++) keys.set((await queue.append('probe', { key: `k${n}` })).bucket, `k${n}`)
  return [...keys.values()]
}

function endCases(make: MakeBackend): readonly SuiteCase[] {
  return [
    storeCase('writer: close stores what waits, and what comes later is closed', make, async (store) => {
      const queue = await openQueue<number>(store, 'q')
      const writer = await writerOf(queue, { lingerMs: LONG_MS })
      const written = writer.append(0)
      await writer.close()
      await writer.close()
      expectEqual((await written).offset, 0)
      await expectRejects(writer.append(1), 'closed')
      await expectRejects(writer.send(1), 'closed')
      expectEqual(await stored(queue), [0])
    }),
    storeCase('writer: a queue and a store that are closed store what their writers hold', make, async (store) => {
      const queue = await openQueue<number>(store, 'q')
      const before = (await writerOf(queue, { lingerMs: LONG_MS })).append(0)
      await queue.close()
      expectEqual((await before).offset, 0)
      const written = (await writerOf(await openQueue<number>(store, 'q'), { lingerMs: LONG_MS })).append(1)
      await store.close()
      expectEqual((await written).offset, 1)
    }),
    storeCase('writer: a sealed queue takes nothing more', make, async (store) => {
      const queue = await openQueue<number>(store, 'q')
      const writer = await writerOf(queue)
      await writer.append(0)
      await queue.seal()
      await expectRejects(writer.append(1), 'closed')
    }),
  ]
}

function refusalCases(make: MakeBackend): readonly SuiteCase[] {
  return [
    storeCase('writer: options that cannot be are invalid', make, async (store) => {
      const queue = await openQueue<number>(store, 'q')
      const wrong: Partial<WriterOptions>[] = [
        { producerId: '' },
        { producerId: 5 as unknown as string },
        { epoch: -1 },
        { epoch: 0.5 },
        { lingerMs: -1 },
        { lingerMs: 60_001 },
        { lingerMs: Number.NaN },
        { maxInFlightBytes: 0 },
        { maxBatchRecords: 0 },
        { maxBatchRecords: 10_001 },
      ]
      for (const options of wrong) await expectRejects(writerOf(queue, options), 'invalid', JSON.stringify(options))
      const writer = await writerOf(queue)
      for (const sequence of [-1, 0.5, Number.NaN]) await expectRejects(writer.append(1, { sequence }), 'invalid')
      await expectRejects(writer.append(Number.NaN), 'invalid', 'a value that JSON would change')
      await expectRejects(writer.send(Number.NaN), 'invalid')
      await queue.close()
      await expectRejects(queue.writer({ producerId: 'p' }), 'closed')
    }),
    storeCase('writer: there is none in read mode', make, async (store: Store, backend) => {
      await (await openQueue<number>(store, 'q')).append(1)
      const reading = await openQueue<number>(storeOn(backend, { mode: 'read' }), 'q')
      await expectRejects(reading.writer({ producerId: 'p' }), 'denied')
    }),
  ]
}

function numbersSurvive(make: MakeBackend, reopen: NonNullable<BackendSuiteOptions['reopen']>): SuiteCase {
  return storeCase('writer: a record that is written again after a restart is stored once', make, async (store, backend) => {
    const writer = await writerOf(await openQueue<string>(store, 'q'))
    await writer.append('a', { sequence: 0 })
    await writer.append('b', { sequence: 1 })
    await store.close()
    await backend.close()
    const again = await reopen(backend)
    try {
      const queue = await openQueue<string>(storeOn(again), 'q')
      const heir = await writerOf(queue)
      const receipt = await heir.append('b', { sequence: 1 })
      expectEqual([receipt.offset, receipt.duplicate], [1, true])
      await heir.append('c', { sequence: 2 })
      await heir.append('d')
      expectEqual(await stored(queue), ['a', 'b', 'c', 'd'])
    } finally {
      await again.close()
    }
  })
}
