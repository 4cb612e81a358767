// Readers of a queue: the buckets of their rank, from positions of their own.

import type { Store } from '../core/derived/resolve.js'
import type { Position, Queue, StoredRecord } from '../core/features/queue/types.js'
import { expectEqual, expectRejects, expectTrue } from './assert.js'
import { openQueue } from './queue-format.js'
import { range, storeCase, storeOn } from './queue-place.js'
import type { BackendSuiteOptions, MakeBackend, SuiteCase } from './suite.js'

/** Part of `queueSuite`. */
export function readerCases(make: MakeBackend, { reopen }: BackendSuiteOptions): readonly SuiteCase[] {
  return [
    ...rankCases(make),
    ...readCases(make),
    ...offsetCases(make),
    ...waitCases(make),
    ...(reopen === undefined ? [] : [offsetsAreTakenUp(make, reopen)]),
  ]
}

function values<T>(records: readonly StoredRecord<T>[]): T[] {
  return records.map(({ value }) => value)
}

const sorted = (numbers: readonly number[]): number[] => [...numbers].sort((a, b) => a - b)

/** As many records as buckets times `each`, spread evenly. */
async function filled(store: Store, buckets: number, each: number): Promise<Queue<number>> {
  const queue = await openQueue<number>(store, 'q', { buckets })
  await queue.appendMany(range(buckets * each))
  return queue
}

function rankCases(make: MakeBackend): readonly SuiteCase[] {
  return [
    storeCase('reader: the ranks of a world read every bucket once', make, async (store) => {
      const queue = await filled(store, 5, 3)
      const read: number[] = []
      const buckets: (readonly number[])[] = []
      for (const rank of range(3)) {
        const reader = await queue.reader({ rank, worldSize: 3 })
        buckets.push(reader.buckets)
        for (const { bucket, value } of await reader.read()) {
          expectEqual(bucket % 3, rank)
          read.push(value)
        }
        expectEqual(await reader.read(), [])
      }
      expectEqual(buckets, [[0, 3], [1, 4], [2]])
      expectEqual(sorted(read), range(15))
    }),
    storeCase('reader: a rank beyond the buckets has nothing to read', make, async (store) => {
      const queue = await filled(store, 2, 1)
      const reader = await queue.reader({ rank: 2, worldSize: 3 })
      expectEqual([reader.buckets, await reader.read(), reader.offsets()], [[], [], {}])
    }),
    storeCase('reader: a rank outside of its world is invalid', make, async (store) => {
      const queue = await openQueue<number>(store, 'q')
      for (const [rank, worldSize] of [
        [1, 1],
        [-1, 2],
        [0.5, 2],
        [0, 0],
        [0, 1.5],
        [Number.NaN, 1],
      ] as const)
        await expectRejects(queue.reader({ rank, worldSize }), 'invalid', `${rank} of ${worldSize}`)
    }),
  ]
}

function readCases(make: MakeBackend): readonly SuiteCase[] {
  return [
    storeCase('reader: goes on where it was, in order, and moves no group', make, async (store) => {
      const queue = await filled(store, 1, 7)
      const group = await queue.group('g')
      const reader = await queue.reader()
      expectEqual(values(await reader.read({ limit: 3 })), [0, 1, 2])
      expectEqual(values(await reader.read({ limit: 3 })), [3, 4, 5])
      expectEqual(values(await reader.read()), [6])
      await queue.append(7)
      expectEqual(values(await reader.read()), [7])
      expectEqual([await reader.read(), await group.committed()], [[], [0]])
      expectEqual(values(await (await queue.reader()).read()), range(8), 'another reader begins at its own position')
    }),
    storeCase('reader: a full bucket does not keep the others waiting', make, async (store) => {
      const queue = await openQueue<number>(store, 'q', { buckets: 2 })
      const keys = await keysOf(queue)
      await queue.appendRecords(range(20).map((value) => ({ value, key: keys[0] as string })))
      await queue.append(100, { key: keys[1] as string })
      const reader = await queue.reader()
      const seen: number[] = []
      for (let turn = 0; turn < 2; turn++) for (const { value } of await reader.read({ limit: 5 })) seen.push(value)
      expectTrue(seen.includes(100), 'the other bucket came within as many reads as there are buckets')
    }),
    storeCase('reader: reads at the same time share the records', make, async (store) => {
      const queue = await filled(store, 2, 20)
      const reader = await queue.reader()
      const batches = await Promise.all(range(10).map(() => reader.read({ limit: 4 })))
      expectEqual(sorted(values(batches.flat())), range(40))
    }),
    storeCase('reader: stays in front of a record that cannot be read, and setOffset passes it', make, async (store) => {
      const raw = await openQueue<unknown>(store, 'q')
      await raw.appendMany(['a', 5, 'b'])
      const validate = (value: unknown) => (typeof value === 'string' ? { value } : { issues: [{ message: 'is no text' }] })
      const texts = await openQueue(store, 'q', { schema: { '~standard': { version: 1, vendor: 'suite', validate } } })
      const reader = await texts.reader()
      expectEqual(values(await reader.read()), ['a'])
      for (let turn = 0; turn < 2; turn++) expectEqual((await expectRejects(reader.read(), 'invalid')).facts.offset, 1)
      await reader.setOffset(0, 2)
      expectEqual(values(await reader.read()), ['b'])
    }),
    storeCase('reader: limits and waits that cannot be are invalid', make, async (store) => {
      const reader = await (await openQueue(store, 'q')).reader()
      for (const limit of [0, -1, 1.5, 10_001]) await expectRejects(reader.read({ limit }), 'invalid')
      for (const waitMs of [-1, 60_001, Number.NaN]) await expectRejects(reader.read({ waitMs }), 'invalid')
    }),
  ]
}

/** A key for each bucket of the queue. */
async function keysOf(queue: Queue<number>): Promise<readonly (string | undefined)[]> {
  const keys: string[] = []
  for (let n = 0; keys.filter((key) => key !== undefined).length < queue.buckets; n++) {
    const { bucket } = await queue.append(-1, { key: `k${n}` })
    keys[bucket] ??= `k${n}`
  }
  await queue.trim('latest')
  return keys
}

function offsetCases(make: MakeBackend): readonly SuiteCase[] {
  return [
    storeCase('reader: begins at any position, one for all buckets or one each', make, async (store) => {
      const queue = await filled(store, 2, 4)
      const begins = async (from: Position | Record<number, number> | readonly number[]) => (await queue.reader({ from })).offsets()
      expectEqual(await begins('earliest'), { 0: 0, 1: 0 })
      expectEqual(await begins('latest'), { 0: 4, 1: 4 })
      expectEqual(await begins({ last: 1 }), { 0: 3, 1: 3 })
      expectEqual(await begins({ time: 0 }), { 0: 0, 1: 0 })
      expectEqual(await begins(2), { 0: 2, 1: 2 })
      expectEqual(await begins([1, 4]), { 0: 1, 1: 4 })
      expectEqual(await begins({ 1: 3, 0: 2 }), { 0: 2, 1: 3 })
    }),
    storeCase('reader: offsets say where the next read begins, and a reader of another world takes them up', make, async (store) => {
      const queue = await filled(store, 4, 3)
      const halves = await Promise.all(range(2).map((rank) => queue.reader({ rank, worldSize: 2 })))
      for (const [rank, reader] of halves.entries()) await reader.read({ limit: rank + 2 })
      const offsets = Object.assign({}, ...halves.map((reader) => JSON.parse(JSON.stringify(reader.offsets()))))
      const rest = await (await queue.reader({ from: offsets })).read()
      expectEqual(rest.length, 12 - 5)
    }),
    storeCase('reader: setOffset moves one bucket, reset goes back to where it began', make, async (store) => {
      const queue = await filled(store, 2, 4)
      const reader = await queue.reader({ from: { last: 3 } })
      await reader.read()
      expectEqual(reader.offsets(), { 0: 4, 1: 4 })
      await reader.setOffset(1, 'earliest')
      expectEqual(reader.offsets(), { 0: 4, 1: 0 })
      expectEqual(
        (await reader.read()).map(({ bucket, offset }) => [bucket, offset]),
        range(4).map((offset) => [1, offset]),
      )
      await reader.reset()
      expectEqual(reader.offsets(), { 0: 1, 1: 1 })
      expectEqual((await reader.read()).length, 6)
    }),
    storeCase('reader: a reset looks up its position anew', make, async (store) => {
      const queue = await filled(store, 1, 2)
      const reader = await queue.reader({ from: 'latest' })
      await queue.append(2)
      await reader.reset()
      expectEqual(reader.offsets(), { 0: 3 })
    }),
    storeCase('reader: an offset below what is held reads the oldest that is there', make, async (store) => {
      const queue = await filled(store, 1, 5)
      const reader = await queue.reader()
      await queue.trim(3)
      expectEqual(values(await reader.read()), [3, 4])
    }),
    storeCase('reader: a position past the end, of another bucket or of no kind is invalid', make, async (store) => {
      const queue = await filled(store, 2, 3)
      expectEqual((await expectRejects(queue.reader({ from: 4 }), 'invalid')).facts.maximum, 3)
      await expectRejects(queue.reader({ from: [0] }), 'invalid', 'no offset for the second bucket')
      await expectRejects(queue.reader({ from: 'oldest' as Position }), 'invalid')
      const reader = await queue.reader({ rank: 1, worldSize: 2 })
      expectEqual((await expectRejects(reader.setOffset(1, 4), 'invalid')).facts.maximum, 3)
      for (const offset of [-1, 0.5]) await expectRejects(reader.setOffset(1, offset), 'invalid')
      for (const bucket of [0, 2, -1]) await expectRejects(reader.setOffset(bucket, 0), 'invalid', `bucket ${bucket}`)
      await reader.setOffset(1, 3)
      expectEqual(await reader.read(), [])
    }),
  ]
}

function waitCases(make: MakeBackend): readonly SuiteCase[] {
  return [
    storeCase('reader: a read that waits returns as soon as a record is there', make, async (store) => {
      const queue = await openQueue<number>(store, 'q', { buckets: 3 })
      const reader = await queue.reader()
      const waiting = reader.read({ waitMs: 60_000 })
      await queue.append(1)
      expectEqual(values(await waiting), [1])
    }),
    storeCase('reader: a read that waits sees the offset that was set meanwhile', make, async (store) => {
      const queue = await filled(store, 1, 2)
      const reader = await queue.reader({ from: 'latest' })
      const waiting = reader.read({ waitMs: 60_000 })
      await reader.setOffset(0, 1)
      expectEqual(values(await waiting), [1])
    }),
    storeCase('reader: batches come as records do, and end normally on abort', make, async (store) => {
      const queue = await filled(store, 1, 3)
      const reader = await queue.reader()
      const controller = new AbortController()
      const seen: number[][] = []
      for await (const batch of reader.batches({ limit: 2, signal: controller.signal })) {
        seen.push(values(batch))
        if (seen.length === 2) await queue.append(3)
        if (seen.length === 3) controller.abort()
      }
      expectEqual(seen, [[0, 1], [2], [3]])
      expectEqual(reader.offsets(), { 0: 4 })
    }),
    storeCase('reader: an abort ends a wait, for a read with the reason of the signal', make, async (store) => {
      const reader = await (await openQueue<number>(store, 'q')).reader()
      const controller = new AbortController()
      const read = reader.read({ waitMs: 60_000, signal: controller.signal })
      const batch = reader.batches({ signal: controller.signal }).next()
      const reason = new Error('enough')
      controller.abort(reason)
      expectTrue((await expectRejects(read)) === (reason as unknown), 'the reason of the abort')
      expectEqual((await batch).done, true)
    }),
    storeCase('reader: close ends its iteration, and later calls are closed', make, async (store) => {
      const queue = await filled(store, 1, 1)
      const reader = await queue.reader({ from: 'latest' })
      const batch = reader.batches().next()
      await reader.close()
      await reader.close()
      expectEqual((await batch).done, true)
      await expectRejects(reader.read(), 'closed')
      await expectRejects(reader.setOffset(0, 0), 'closed')
      await expectRejects(reader.reset(), 'closed')
      expectEqual(reader.offsets(), { 0: 1 }, 'where it was can still be asked')
      const other = await queue.reader()
      await queue.close()
      await expectRejects(other.read(), 'closed')
    }),
  ]
}

function offsetsAreTakenUp(make: MakeBackend, reopen: NonNullable<BackendSuiteOptions['reopen']>): SuiteCase {
  return storeCase('reader: offsets that were stored are taken up after a restart', make, async (store, backend) => {
    const queue = await filled(store, 2, 4)
    const reader = await queue.reader()
    await reader.read({ limit: 5 })
    const offsets = JSON.stringify(reader.offsets())
    await store.close()
    await backend.close()
    const again = await reopen(backend)
    try {
      const after = await openQueue<number>(storeOn(again), 'q')
      expectEqual((await (await after.reader({ from: JSON.parse(offsets) })).read()).length, 3)
    } finally {
      await again.close()
    }
  })
}
