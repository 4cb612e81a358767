// What a queue says of appends: stored once by id, with receipts that tell, delayed, and with headers of the user's own.

import type { AppendRecordOptions, Queue, RecordInput } from '../core/features/queue/types.js'
import { expectEqual, expectRejects, expectTrue } from './assert.js'
import { ManualClock } from './manual-clock.js'
import { openQueue } from './queue-format.js'
import { range, storeCase, storeOn } from './queue-place.js'
import type { BackendSuiteOptions, MakeBackend, SuiteCase } from './suite.js'

export function queueAppendSuite(make: MakeBackend, { reopen }: BackendSuiteOptions = {}): readonly SuiteCase[] {
  return [...idCases(make), ...headerCases(make), ...(reopen === undefined ? [] : reopenCases(make, reopen))]
}

function idCases(make: MakeBackend): SuiteCase[] {
  return [
    storeCase('append: what is sent twice with an id is stored once, and the receipt says so', make, async (store) => {
      const queue = await openQueue<string>(store, 'q')
      await queue.append('other')
      const stored = await queue.append('event', { id: 'evt_1' })
      const again = await queue.append('event, sent again', { id: 'evt_1' })
      expectEqual(again, { ...stored, duplicate: true })
      expectEqual(stored.duplicate, undefined)
      expectEqual(await valuesOf(queue), ['other', 'event'])
    }),
    storeCase('append: of many records those are stored that were not, and every receipt is of its record', make, async (store) => {
      const queue = await openQueue<number>(store, 'q')
      await queue.appendRecords([1, 2].map(numbered))
      const receipts = await queue.appendRecords([...[2, 3].map(numbered), { value: 0 }, ...[1, 4, 3].map(numbered)])
      expectEqual(
        receipts.map(({ offset, duplicate = false }) => [offset, duplicate]),
        [
          [1, true],
          [2, false],
          [3, false],
          [0, true],
          [4, false],
          [2, true],
        ],
      )
      const repeated = await queue.appendRecords([4, 1].map(numbered))
      expectEqual(
        repeated.map(({ offset, duplicate = false }) => [offset, duplicate]),
        [
          [4, true],
          [0, true],
        ],
      )
      expectEqual(await valuesOf(queue), [1, 2, 3, 0, 4])
    }),
    storeCase('append: an id leads to its bucket, and a key goes before it', make, async (store) => {
      const queue = await openQueue<number>(store, 'q', { buckets: 4 })
      for (const n of range(20)) {
        const stored = await queue.append(n, { id: `id ${n}` })
        const again = await queue.append(n, { id: `id ${n}` })
        expectEqual([again.bucket, again.offset, again.duplicate], [stored.bucket, stored.offset, true])
      }
      const keyed = await queue.append(1, { key: 'k', id: 'id 0' })
      expectEqual((await queue.append(2, { key: 'k' })).bucket, keyed.bucket)
      expectEqual((await queue.append(3, { key: 'k', id: 'id 0' })).duplicate, true)
    }),
    storeCase('append: a stored id is acknowledged although its condition would fail now', make, async (store) => {
      const queue = await openQueue<number>(store, 'q')
      const options = { id: 'a', when: { next: 0 } }
      await queue.append(1, options)
      expectEqual((await queue.append(1, options)).duplicate, true)
      expectEqual((await expectRejects(queue.append(2, { id: 'b', when: { next: 5 } }), 'conflict')).facts.next, 1)
      expectEqual((await queue.append(2, { id: 'b', when: { next: 1 } })).offset, 1)
    }),
    movedCase('append: ids are forgotten when the window is past', make, async (queue, clock) => {
      await queue.append(1, { id: 'a' })
      await clock.advance(59_999)
      expectEqual((await queue.append(1, { id: 'a' })).duplicate, true)
      await clock.advance(1)
      expectEqual((await queue.append(1, { id: 'a' })).offset, 1)
    }),
    storeCase('append: ids, windows and delays that make no sense are invalid', make, async (store) => {
      const queue = await openQueue<number>(store, 'q')
      const wrong: AppendRecordOptions[] = [{ id: '' }, { id: 'x'.repeat(1_025) }, { id: '\ud800' }, { id: 7 as unknown as string }]
      for (const options of [...wrong, { delayMs: -1 }, { delayMs: Number.NaN }]) await expectRejects(queue.append(1, options), 'invalid')
      expectEqual(await valuesOf(queue), [])
      for (const dedupe of [
        { ms: 0, ids: 1 },
        { ms: 1, ids: 0 },
        { ms: 1, ids: 1e6 },
        { ms: 1, ids: 1.5 },
      ]) {
        await expectRejects(openQueue(store, 'other', { dedupe }), 'invalid')
      }
    }),
  ]
}

function headerCases(make: MakeBackend): SuiteCase[] {
  return [
    storeCase('append: headers that begin with varve- are not the user’s', make, async (store) => {
      const queue = await openQueue<number>(store, 'q')
      for (const name of ['varve-id', 'varve-producer', 'varve-', 'varve-any']) {
        expectEqual((await expectRejects(queue.append(1, { headers: { [name]: 'x' } }), 'invalid')).facts.header, name)
      }
      await expectRejects(queue.appendRecords([{ value: 1 }, { value: 2, headers: { 'varve-due': '1' } }]), 'invalid')
      await queue.append(1, { headers: { varve: 'x', 'x-varve-id': 'y' } })
      expectEqual(await valuesOf(queue), [1])
    }),
    movedCase('append: a delayed record says when it is due, and is read at once', make, async (queue, clock) => {
      await queue.append(1, { delayMs: 1_000, headers: { h: 'x' } })
      await queue.append(2, { delayMs: 0.5 })
      await queue.append(3, { delayMs: 0 })
      const headers = (await queue.read()).map((record) => ({ ...record.headers }))
      const due = (ms: number): string => String(clock.now() + ms)
      expectEqual(headers, [{ h: 'x', 'varve-due': due(1_000) }, { 'varve-due': due(1) }, {}] as Record<string, string>[])
    }),
  ]
}

function reopenCases(make: MakeBackend, reopen: NonNullable<BackendSuiteOptions['reopen']>): SuiteCase[] {
  return [
    storeCase('append: ids are known after a restart, also of records that are gone', make, async (store, backend) => {
      const queue = await openQueue<number>(store, 'q', { buckets: 2, compaction: 'key' })
      await queue.appendRecords(range(10).map((n) => ({ ...numbered(n), key: 'k' })))
      await queue.append(99, { key: 'k' })
      await queue.compact()
      await store.close()
      await backend.close()
      const again = storeOn(await reopen(backend))
      try {
        const next = await openQueue<number>(again, 'q')
        const receipts = await next.appendRecords(range(11).map((n) => ({ ...numbered(n), key: 'k' })))
        expectEqual(
          receipts.map(({ offset, duplicate = false }) => [offset, duplicate]),
          [...range(10).map((n): [number, boolean] => [n, true]), [11, false]],
        )
        expectTrue(receipts[10]?.duplicate === undefined, 'a new record')
      } finally {
        await again.close()
      }
    }),
  ]
}

function movedCase(name: string, make: MakeBackend, body: (queue: Queue<number>, clock: ManualClock) => Promise<void>): SuiteCase {
  const clock = new ManualClock()
  const dedupe = { ms: 60_000, ids: 100 }
  return storeCase(
    name,
    make,
    async (store) => body(await openQueue<number>(store, 'q', { dedupe }), clock),
    () => clock,
  )
}

function numbered(n: number): RecordInput<number> {
  return { value: n, id: `id ${n}` }
}

async function valuesOf<T>(queue: Queue<T>): Promise<T[]> {
  return (await queue.read()).map(({ value }) => value)
}
