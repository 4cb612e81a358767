// Marks of tasks: batches that are chosen once, shared by ranks, given back, and remembered.

import type { Store } from '../core/derived/resolve.js'
import type { MarkedBatch, Marks, Sampler } from '../core/features/queue/marks-types.js'
import { deleteQueue } from '../core/features/queue/queues.js'
import { rankAwareSampler, sequentialSampler } from '../core/features/queue/samplers.js'
import type { Queue } from '../core/features/queue/types.js'
import type { Backend } from '../core/ports/backend.js'
import { expectEqual, expectRejects, expectTrue } from './assert.js'
import { openQueue } from './queue-format.js'
import { range, storeCase, storeOn } from './queue-place.js'
import type { BackendSuiteOptions, MakeBackend, SuiteCase } from './suite.js'

/** Part of `queueSuite`. */
export function marksCases(make: MakeBackend, { reopen }: BackendSuiteOptions): readonly SuiteCase[] {
  return [
    ...batchCases(make),
    ...samplerCases(make),
    ...rankCases(make),
    ...resetCases(make),
    ...gapCases(make),
    ...waitCases(make),
    ...(reopen === undefined ? [] : restartCases(make, reopen)),
  ]
}

const sorted = (numbers: readonly number[]): number[] => [...numbers].sort((a, b) => a - b)

async function filled(store: Store, count: number, buckets = 1): Promise<Queue<number>> {
  const queue = await openQueue<number>(store, 'q', { buckets })
  await queue.appendMany(range(count))
  return queue
}

function offsetsOf(batch: MarkedBatch | undefined): number[] | undefined {
  return batch?.places.map(({ offset }) => offset)
}

/** The values of everything that is still ready. */
async function drain(marks: Marks<number>, limit: number): Promise<number[]> {
  const values: number[] = []
  for (let batch = await marks.take({ limit }); batch !== undefined; batch = await marks.take({ limit }))
    for (const { value } of await marks.read(batch)) values.push(value)
  return values
}

function batchCases(make: MakeBackend): readonly SuiteCase[] {
  return [
    storeCase('marks: batches of a task have every record once, and move no group', make, async (store) => {
      const queue = await filled(store, 7)
      const group = await queue.group('g')
      const marks = await queue.marks('train')
      expectEqual(await marks.lag(), { total: 7, buckets: [7] })
      const batch = await marks.take({ limit: 3 })
      expectEqual(batch, { task: 'train', places: range(3).map((offset) => ({ bucket: 0, offset })) })
      expectEqual(await marks.lag(), { total: 4, buckets: [4] })
      expectEqual(await drain(marks, 3), [3, 4, 5, 6])
      expectEqual([await marks.take(), await marks.lag(), await group.committed()], [undefined, { total: 0, buckets: [0] }, [0]])
      await queue.append(7)
      expectEqual(offsetsOf(await marks.take({ limit: 3 })), [7])
    }),
    storeCase('marks: a batch is plain data that whoever has the task can read, as often as wanted', make, async (store) => {
      const queue = await filled(store, 4, 2)
      const batch = await (await queue.marks('train')).take({ limit: 4 })
      const sent = JSON.parse(JSON.stringify(batch)) as MarkedBatch
      const other = await (await openQueue<number>(store, 'q')).marks('train')
      for (let time = 0; time < 2; time++) {
        const records = await other.read(sent)
        expectEqual(
          records.map(({ bucket, offset }) => ({ bucket, offset })),
          sent.places,
        )
        expectEqual(sorted(records.map(({ value }) => value)), range(4))
      }
    }),
    storeCase('marks: tasks are independent of each other', make, async (store) => {
      const queue = await filled(store, 4)
      const [train, judge] = [await queue.marks('train'), await queue.marks('jüdge/..')]
      await train.take({ limit: 3 })
      expectEqual(await drain(judge, 4), range(4))
      await judge.reset()
      expectEqual(await drain(train, 4), [3])
    }),
    storeCase('marks: who takes at the same time gets other records', make, async (store) => {
      const queue = await filled(store, 24, 3)
      const workers = await Promise.all(range(3).map(() => queue.marks('train')))
      const batches = await Promise.all(range(12).map((n) => (workers[n % 3] as Marks<number>).take({ limit: 2 })))
      const places = batches.flatMap((batch) => batch?.places ?? []).map(({ bucket, offset }) => `${bucket}/${offset}`)
      expectEqual([places.length, new Set(places).size], [24, 24])
    }),
    storeCase('marks: a bucket that is full does not keep the others waiting', make, async (store) => {
      const queue = await filled(store, 12, 3)
      const marks = await queue.marks('train')
      const buckets = new Set<number>()
      for (let turn = 0; turn < 3; turn++) for (const { bucket } of (await marks.take({ limit: 2 }))?.places ?? []) buckets.add(bucket)
      expectEqual(sorted([...buckets]), [0, 1, 2])
    }),
    storeCase('marks: atLeast waits for a whole batch', make, async (store) => {
      const queue = await filled(store, 3)
      const marks = await queue.marks('train')
      expectEqual(await marks.take({ limit: 4, atLeast: 4 }), undefined)
      await queue.append(3)
      expectEqual(offsetsOf(await marks.take({ limit: 4, atLeast: 4 })), range(4))
    }),
    storeCase('marks: what is given back is ready again, for everybody', make, async (store) => {
      const queue = await filled(store, 6)
      const marks = await queue.marks('train')
      const batch = (await marks.take({ limit: 4 })) as MarkedBatch
      await marks.giveBack({ ...batch, places: batch.places.slice(1, 3) })
      await marks.giveBack({ ...batch, places: batch.places.slice(1, 3) })
      expectEqual(await marks.lag(), { total: 4, buckets: [4] })
      expectEqual(await drain(await queue.marks('train'), 3), [1, 2, 4, 5])
    }),
    storeCase('marks: what cannot be is invalid', make, async (store) => {
      const queue = await filled(store, 2)
      await expectRejects(queue.marks(''), 'invalid')
      await expectRejects(queue.marks('train', { sampler: {} as Sampler }), 'invalid')
      for (const window of [0, 0.5, 10_001])
        await expectRejects(queue.marks('train', { sampler: { ...sequentialSampler(), window } }), 'invalid')
      const marks = await queue.marks('train')
      for (const limit of [0, 1.5, 10_001]) await expectRejects(marks.take({ limit }), 'invalid')
      for (const atLeast of [0, 3]) await expectRejects(marks.take({ limit: 2, atLeast }), 'invalid')
      const batch = (await marks.take()) as MarkedBatch
      await expectRejects((await queue.marks('judge')).read(batch), 'invalid', 'a batch of another task')
      for (const place of [
        { bucket: 1, offset: 0 },
        { bucket: 0, offset: -1 },
      ])
        await expectRejects(marks.giveBack({ task: 'train', places: [place] }), 'invalid')
      expectEqual((await expectRejects(marks.reset(3), 'invalid')).facts.maximum, 2)
      await queue.close()
      for (const call of [() => marks.take(), () => marks.read(batch), () => marks.giveBack(batch), () => marks.reset(), () => marks.lag()])
        await expectRejects(call, 'closed')
    }),
    storeCase('marks: in read mode a batch can be read and none taken', make, async (store, backend) => {
      const queue = await filled(store, 2)
      const batch = (await (await queue.marks('train')).take()) as MarkedBatch
      const reading = await openQueue<number>(storeOn(backend, { mode: 'read' }), 'q')
      const marks = await reading.marks('train')
      expectEqual((await marks.read(batch))[0]?.value, 0)
      expectEqual((await marks.lag()).total, 1)
      await expectRejects(marks.take(), 'denied')
      await expectRejects(marks.reset(), 'denied')
    }),
  ]
}

function samplerCases(make: MakeBackend): readonly SuiteCase[] {
  return [
    storeCase('marks: a sampler chooses from a window, in its own order', make, async (store) => {
      const queue = await filled(store, 10)
      const newestFirst: Sampler = { window: 5, choose: (ready, limit) => [...ready].reverse().slice(0, limit) }
      const marks = await queue.marks('train', { sampler: newestFirst })
      const batch = (await marks.take({ limit: 2 })) as MarkedBatch
      expectEqual(offsetsOf(batch), [4, 3])
      expectEqual(
        (await marks.read(batch)).map(({ value }) => value),
        [4, 3],
      )
      expectEqual(offsetsOf(await marks.take({ limit: 2 })), [6, 5])
      expectEqual(await drain(await queue.marks('train'), 10), [0, 1, 2, 7, 8, 9])
    }),
    storeCase('marks: a sampler can wait until all records of a key are there', make, async (store) => {
      const queue = await openQueue<number>(store, 'q')
      const threeOfAKey: Sampler = {
        window: 100,
        choose(ready) {
          const ofKey = (key: string | undefined) => ready.filter((record) => record.key === key)
          return ready.map(({ key }) => ofKey(key)).find((group) => group.length === 3) ?? []
        },
      }
      const marks = await queue.marks('train', { sampler: threeOfAKey })
      const append = (keys: string) => queue.appendRecords([...keys].map((key, value) => ({ key, value })))
      await append('abab')
      expectEqual(await marks.take({ limit: 3 }), undefined)
      await append('cba')
      expectEqual(offsetsOf(await marks.take({ limit: 3 })), [0, 2, 6])
      expectEqual(offsetsOf(await marks.take({ limit: 3 })), [1, 3, 5])
      expectEqual((await marks.lag()).total, 1)
    }),
    storeCase('marks: a choice outside of what is ready is invalid and marks nothing', make, async (store) => {
      const queue = await filled(store, 4)
      const choices: Sampler['choose'][] = [
        (ready) => ready, // more than the limit
        ([first]) => (first === undefined ? [] : [first, first]),
        () => [{ bucket: 0, offset: 3, timestamp: 0 }],
      ]
      for (const choose of choices) {
        const marks = await queue.marks('train', { sampler: { choose, window: 4 } })
        await expectRejects(marks.take({ limit: 2 }), 'invalid')
        expectEqual((await marks.lag()).total, 4)
      }
    }),
  ]
}

function rankCases(make: MakeBackend): readonly SuiteCase[] {
  const ofRank = (queue: Queue<number>, rank: number, replica?: string) =>
    queue.marks('train', { sampler: rankAwareSampler({ rank, worldSize: 3, ...(replica === undefined ? {} : { replica }) }) })
  return [
    storeCase('marks: all ranks of a replica get the same batches in the same order', make, async (store) => {
      const queue = await filled(store, 6)
      const ranks = await Promise.all(range(3).map((rank) => ofRank(queue, rank)))
      const taken: (MarkedBatch | undefined)[][] = [[], [], []]
      for (const rank of [2, 2, 0, 1, 0, 0, 1, 1, 2]) taken[rank]?.push(await ranks[rank]?.take({ limit: 2 }))
      expectEqual(taken[0]?.map(offsetsOf), [
        [0, 1],
        [2, 3],
        [4, 5],
      ])
      expectEqual(
        taken[0]?.map((batch) => batch?.index),
        [0, 1, 2],
      )
      expectEqual([taken[1], taken[2]], [taken[0], taken[0]])
      for (const rank of ranks) expectEqual(await rank.take(), undefined)
    }),
    storeCase('marks: ranks that ask at the same time agree', make, async (store) => {
      const queue = await filled(store, 8)
      const ranks = await Promise.all(range(3).map((rank) => ofRank(queue, rank)))
      const taken = await Promise.all(ranks.map(async (rank) => [await rank.take({ limit: 4 }), await rank.take({ limit: 4 })]))
      expectEqual(taken[0]?.map(offsetsOf), [range(4), range(4, 4)])
      expectEqual([taken[1], taken[2]], [taken[0], taken[0]])
    }),
    storeCase('marks: replicas get different records', make, async (store) => {
      const queue = await filled(store, 8)
      const [a, b] = [await ofRank(queue, 0, 'a'), await ofRank(queue, 0, 'b')]
      const slow = await ofRank(queue, 2, 'a')
      expectEqual([offsetsOf(await a.take({ limit: 2 })), offsetsOf(await b.take({ limit: 2 }))], [range(2), range(2, 2)])
      expectEqual([offsetsOf(await a.take({ limit: 2 })), offsetsOf(await slow.take())], [range(2, 4), range(2)])
    }),
    storeCase('marks: a rank that is far ahead waits for the slowest', make, async (store) => {
      const queue = await filled(store, 110)
      const [fast, slow, slowest] = await Promise.all(range(3).map((rank) => ofRank(queue, rank)))
      for (let n = 0; n < 100; n++) await fast?.take()
      expectEqual(await fast?.take(), undefined)
      await slow?.take()
      expectEqual(await fast?.take(), undefined)
      expectEqual(offsetsOf(await slowest?.take()), [0])
      expectEqual(offsetsOf(await fast?.take()), [100])
    }),
    storeCase('marks: a world of another size than the replica was begun with is invalid until a reset', make, async (store) => {
      const queue = await filled(store, 4)
      await (await ofRank(queue, 0)).take()
      const other = await queue.marks('train', { sampler: rankAwareSampler({ rank: 0, worldSize: 2 }) })
      await expectRejects(other.take(), 'invalid')
      await other.reset()
      expectEqual(offsetsOf(await other.take()), [0])
      await expectRejects(async () => rankAwareSampler({ rank: 3, worldSize: 3 }), 'invalid')
    }),
  ]
}

function resetCases(make: MakeBackend): readonly SuiteCase[] {
  return [
    storeCase('marks: reset begins anew, or at any position', make, async (store) => {
      const queue = await filled(store, 6, 2)
      const marks = await queue.marks('train')
      await marks.take({ limit: 5 })
      await marks.reset()
      expectEqual((await marks.lag()).total, 6)
      await marks.reset({ last: 1 })
      expectEqual(await marks.lag(), { total: 2, buckets: [1, 1] })
      await marks.reset('latest')
      expectEqual(await marks.take({ limit: 10 }), undefined)
    }),
    storeCase('marks: a deleted and re-created queue has none', make, async (store, backend) => {
      const queue = await filled(store, 2)
      await (await queue.marks('train')).take({ limit: 2 })
      await deleteQueue(store, 'q')
      const left: string[] = []
      for await (const { key } of backend.blobs.list({ prefix: 'log/' })) left.push(key)
      expectEqual(left, [])
      expectEqual((await (await (await filled(store, 2)).marks('train')).lag()).total, 2)
    }),
  ]
}

function gapCases(make: MakeBackend): readonly SuiteCase[] {
  return [
    storeCase('marks: records that were trimmed are passed, and left out of a batch', make, async (store) => {
      const queue = await filled(store, 8)
      const marks = await queue.marks('train')
      const batch = (await marks.take({ limit: 4 })) as MarkedBatch
      await marks.giveBack({ task: 'train', places: [{ bucket: 0, offset: 1 }] })
      await queue.trim(3)
      expectEqual(
        (await marks.read(batch)).map(({ value }) => value),
        [3],
      )
      expectEqual([await marks.lag(), await drain(marks, 3)], [{ total: 4, buckets: [4] }, [4, 5, 6, 7]])
      await queue.trim(8)
      await queue.append(8)
      expectEqual(await drain(marks, 3), [8])
    }),
    storeCase('marks: records that compaction left out are passed', make, async (store) => {
      const queue = await openQueue<number>(store, 'q', { compaction: 'key' })
      await queue.appendRecords(range(12).map((value) => ({ value, key: `k${value % 4 === 3 ? value : 0}` })))
      await queue.compact()
      const marks = await queue.marks('train')
      const batch = (await marks.take({ limit: 2 })) as MarkedBatch
      expectEqual(offsetsOf(batch), [3, 7])
      await marks.giveBack({ task: 'train', places: batch.places.slice(1) })
      expectEqual(await drain(marks, 5), [7, 10, 11])
      expectEqual((await marks.lag()).total, 0)
    }),
  ]
}

function waitCases(make: MakeBackend): readonly SuiteCase[] {
  return [
    storeCase('marks: a take that waits returns as soon as its batch is there', make, async (store) => {
      const queue = await filled(store, 1)
      const marks = await queue.marks('train')
      const waiting = marks.take({ limit: 2, atLeast: 2, waitMs: 60_000 })
      await queue.append(1)
      const batch = (await waiting) as MarkedBatch
      expectEqual(offsetsOf(batch), [0, 1])
      const again = marks.take({ limit: 2, waitMs: 60_000 })
      await marks.giveBack(batch)
      expectEqual(offsetsOf(await again), [0, 1])
    }),
    storeCase('marks: an abort ends a wait with the reason of the signal', make, async (store) => {
      const marks = await (await filled(store, 0)).marks('train')
      const controller = new AbortController()
      const taking = marks.take({ waitMs: 60_000, signal: controller.signal })
      const reason = new Error('enough')
      controller.abort(reason)
      expectTrue((await expectRejects(taking)) === (reason as unknown), 'the reason of the abort')
    }),
  ]
}

function restartCases(make: MakeBackend, reopen: NonNullable<BackendSuiteOptions['reopen']>): readonly SuiteCase[] {
  const afterRestart = (name: string, before: (store: Store) => Promise<void>, after: (store: Store) => Promise<void>) =>
    storeCase(`marks: ${name}`, make, async (store, backend: Backend) => {
      await before(store)
      await store.close()
      await backend.close()
      const again = await reopen(backend)
      try {
        await after(storeOn(again))
      } finally {
        await again.close()
      }
    })
  return [
    afterRestart(
      'what a task has consumed is known after a restart',
      async (store) => {
        const marks = await (await filled(store, 6)).marks('train')
        const batch = (await marks.take({ limit: 4 })) as MarkedBatch
        await marks.giveBack({ ...batch, places: batch.places.slice(0, 1) })
      },
      async (store) => expectEqual(await drain(await (await openQueue<number>(store, 'q')).marks('train'), 9), [0, 4, 5]),
    ),
    afterRestart(
      'a rank that comes late gets the batches of its replica after a restart',
      async (store) => {
        const first = await (await filled(store, 4)).marks('train', { sampler: rankAwareSampler({ rank: 0, worldSize: 2 }) })
        await first.take({ limit: 3 })
      },
      async (store) => {
        const queue = await openQueue<number>(store, 'q')
        const [first, second] = await Promise.all(
          range(2).map((rank) => queue.marks('train', { sampler: rankAwareSampler({ rank, worldSize: 2 }) })),
        )
        expectEqual([offsetsOf(await first?.take()), offsetsOf(await second?.take())], [[3], [0, 1, 2]])
      },
    ),
  ]
}
