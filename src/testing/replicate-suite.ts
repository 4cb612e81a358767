// What a replication must do between any two backends: every record once, at its offset, with all that it has; from where the
// target ends, whatever happened before; and never over anything else.

import { isStorageError, StorageError } from '../core/base/errors.js'
import { OWN_HEADER } from '../core/base/own-headers.js'
import { utf8 } from '../core/base/bytes.js'
import { copyQueue } from '../core/compose/copy-queue.js'
import { replicate, type ReplicationProgress } from '../core/compose/replicate.js'
import { contextOf, type Store } from '../core/derived/resolve.js'
import { streamsOf } from '../core/derived/streams-over-journals.js'
import { findQueue } from '../core/engine/catalogue.js'
import { openQueue } from '../core/features/queue/open-queue.js'
import { deleteQueue } from '../core/features/queue/queues.js'
import type { Backend } from '../core/ports/backend.js'
import type { RecordStream, StreamBroker, StreamRecord } from '../core/ports/stream-broker.js'
import { expectEqual, expectRejects, expectTrue } from './assert.js'
import { type FaultRule, faulty } from './faulty.js'
import { ManualClock } from './manual-clock.js'
import { driven, range, storeOn } from './queue-place.js'
import type { MakeBackend, SuiteCase } from './suite.js'

interface Pair {
  readonly source: Store
  readonly target: Store
  readonly targetBackend: Backend
  readonly clock: ManualClock
}

const SMALL = { segmentBytes: 1024 }

/** For every two kinds of backend that keep records in order; they may be the same kind. */
export function replicateSuite(makeSource: MakeBackend, makeTarget: MakeBackend): readonly SuiteCase[] {
  const pairCase: PairCase = (name, body) => ({
    name: `replicate: ${name}`,
    async run() {
      const clock = new ManualClock()
      const [from, to] = [await makeSource(), await makeTarget()]
      const [source, target] = [storeOn(from, { clock }), storeOn(to, { clock })]
      try {
        await body({ source, target, targetBackend: to, clock })
      } finally {
        for (const one of [source, target, from, to]) await one.close()
      }
    },
  })
  return [...copyCases(pairCase), ...liveCases(pairCase), ...conflictCases(pairCase), ...faultCases(pairCase)]
}

type PairCase = (name: string, body: (pair: Pair) => Promise<void>) => SuiteCase

function copyCases(pairCase: PairCase): SuiteCase[] {
  return [
    pairCase('every record is there at its offset, with its time, key, value and headers, in as many buckets', async (pair) => {
      const { source, target } = pair
      await fill(pair)
      const report = await replicate(source, target)
      expectEqual(report.records, 41)
      expectEqual(
        report.queues.map(({ queue, buckets }) => [queue, buckets.map(({ lag }) => lag)]),
        [['orders', [0, 0, 0]]],
      )
      await expectSame(pair)
    }),
    pairCase('called again it copies what is new, and nothing else', async (pair) => {
      const { source, target, clock } = pair
      const queue = await fill(pair)
      await replicate(source, target)
      expectEqual((await replicate(source, target)).records, 0)
      await clock.advance(5)
      await queue.append({ late: true }, { key: 'a' })
      expectEqual((await replicate(source, target)).records, 1)
      await expectSame(pair)
    }),
    pairCase('only the queues that were asked for are copied; one that is not there is missing', async ({ source, target }) => {
      for (const name of ['a', 'b']) await (await openQueue<string>(source, name)).append(name)
      const { queues } = await replicate(source, target, { queues: ['b'] })
      expectEqual(
        queues.map(({ queue }) => queue),
        ['b'],
      )
      await expectRejects(openQueue(target, 'a', { create: false }), 'missing')
      await expectRejects(replicate(source, target, { queues: ['c'] }), 'missing')
    }),
    pairCase('ids, producers and other headers of our own come along', async (pair) => {
      const { source, target } = pair
      await openQueue(source, 'orders')
      const [stream] = (await streamsIn(source, 'orders')) as [RecordStream]
      const own = [OWN_HEADER.id, OWN_HEADER.producer, OWN_HEADER.due].map((name) => [name, utf8('0/0/p')] as const)
      for (let n = 0; n < 2; n++) await stream.append({ records: [{ value: utf8('1'), codec: 0, schema: 3, headers: own }] })
      await replicate(source, target)
      await expectSame(pair)
    }),
    pairCase('what was compacted away is a gap at the target, too', async (pair) => {
      const { source, target, clock } = pair
      const queue = await openQueue<number>(source, 'orders', { ...SMALL, compaction: 'key' })
      for (const n of range(60)) {
        await queue.append(n, { key: `k${n % 5}`, headers: { pad: 'x'.repeat(40) } })
        await clock.advance(1)
      }
      await queue.compact()
      const { queues } = await replicate(source, target)
      expectEqual(queues[0]?.buckets[0]?.skipped, [])
      await expectSame(pair)
      await queue.append(60)
      await replicate(source, target)
      await expectSame(pair)
    }),
    pairCase('what the source no longer has is a gap that is reported; a new copy begins where its source does', async (pair) => {
      const { source, target } = pair
      const queue = await openQueue<number>(source, 'orders', SMALL)
      await queue.appendMany(range(10))
      await queue.trim(4)
      expectEqual((await replicate(source, target)).queues[0]?.buckets[0]?.skipped, [])
      expectEqual((await (await openQueue(target, 'orders')).stats()).buckets[0]?.first, 4)
      await queue.appendMany(range(10))
      await queue.trim(15)
      await queue.append(20)
      const [bucket] = (await replicate(source, target)).queues[0]?.buckets ?? []
      expectEqual([bucket?.records, bucket?.skipped], [6, [{ from: 10, to: 15 }]])
      const copy = await openQueue<number>(target, 'orders')
      expectEqual(
        (await copy.read()).map(({ offset }) => offset),
        [4, 5, 6, 7, 8, 9, 15, 16, 17, 18, 19, 20],
      )
    }),
    pairCase('a sealed queue has a sealed copy', async (pair) => {
      const { source, target } = pair
      const queue = await fill(pair)
      await replicate(source, target)
      await queue.seal()
      const { queues } = await replicate(source, target)
      expectEqual(
        queues[0]?.buckets.map(({ sealed }) => sealed),
        [true, true, true],
      )
      await expectRejects((await openQueue(target, 'orders')).append(1, { key: 'a' }), 'closed')
      expectEqual((await replicate(source, target)).records, 0)
      await expectSame(pair)
    }),
    pairCase('groups go on at the copy where they were', async (pair) => {
      const { source, target } = pair
      const queue = await fill(pair)
      const group = await queue.group('billing')
      const taken = await group.receive({ limit: 10 })
      await group.ack(taken)
      await replicate(source, target)
      const copy = await (await openQueue<unknown>(target, 'orders')).group('billing', { from: 'latest' })
      expectEqual(await copy.committed(), await group.committed())
      await group.ack(await group.receive({ limit: 10 }))
      await replicate(source, target)
      expectEqual(await copy.lag(), await group.lag())
      const without = await (await openQueue(source, 'orders')).groups()
      expectEqual(await (await openQueue(target, 'orders')).groups(), without)
    }),
    pairCase('a group that keeps the order of keys keeps it at the copy', async (pair) => {
      const { source, target } = pair
      await fill(pair)
      const before = await streamsIn(source, 'orders')
      for (const stream of before) await stream.group('billing', { ordering: 'key' })
      await replicate(source, target)
      for (const stream of await streamsIn(target, 'orders')) {
        await expectRejects(stream.group('billing', { ordering: 'none' }), 'invalid')
        await stream.group('billing', { ordering: 'key', create: false })
      }
    }),
    pairCase('a copy that takes over knows the ids and batches that its source had stored', async (pair) => {
      const { source, target } = pair
      const queue = await openQueue<string>(source, 'orders')
      const first = await queue.append('a', { id: 'order 1' })
      const [stream] = (await streamsIn(source, 'orders')) as [RecordStream]
      const batch = { records: [{ value: utf8('"b"'), codec: 0 }] }
      const producer = { id: 'p', epoch: 1, sequence: 0 }
      await stream.append(batch, { producer })
      await replicate(source, target)
      const again = await (await openQueue<string>(target, 'orders')).append('a', { id: 'order 1' })
      expectEqual([again.duplicate, again.offset], [true, first.offset])
      const [copy] = (await streamsIn(target, 'orders')) as [RecordStream]
      expectEqual((await copy.append(batch, { producer })).duplicate, true)
      expectEqual((await copy.bounds()).next, 2)
    }),
    pairCase('copyQueue makes it again under another name, and goes on when called again', async (pair) => {
      const { source, target } = pair
      const queue = await fill(pair)
      expectEqual((await copyQueue({ store: source, queue: 'orders' }, target, { as: 'copy' })).buckets.length, 3)
      await queue.append('more', { key: 'b' })
      const again = await copyQueue({ store: source, queue: 'orders' }, target, { as: 'copy' })
      expectEqual(
        again.buckets.reduce((sum, { records }) => sum + records, 0),
        1,
      )
      expectEqual(await contentOf(target, 'copy'), await contentOf(source, 'orders'))
      await expectRejects(copyQueue({ store: source, queue: 'orders' }, source), 'invalid')
    }),
  ]
}

function liveCases(pairCase: PairCase): SuiteCase[] {
  return [
    pairCase('live it follows until the signal aborts, and reports the lag', async (pair) => {
      const { source, target, clock } = pair
      const queue = await fill(pair)
      const stop = new AbortController()
      const seen: ReplicationProgress[] = []
      let appended = 0
      const run = replicate(source, target, {
        live: true,
        signal: stop.signal,
        onProgress(progress) {
          seen.push(progress)
          const total = lastOf(seen).reduce((sum, { records }) => sum + records, 0)
          if (total === 41 + appended && appended < 3) void queue.append({ appended: appended++ }, { key: `k${appended}` })
          else if (total === 44) stop.abort()
        },
      })
      expectEqual((await driven(clock, run)).records, 44)
      expectEqual(
        lastOf(seen).map(({ lag }) => lag),
        [0, 0, 0],
      )
      await expectSame(pair)
    }),
    pairCase('live it takes up queues that are made later, and leaves those that are deleted', async (pair) => {
      const { source, target, clock } = pair
      await (await openQueue<string>(source, 'first')).append('x')
      const stop = new AbortController()
      let made: Promise<unknown> | undefined
      const makeSecond = async () => {
        await deleteQueue(source, 'first')
        await (await openQueue<string>(source, 'second')).append('y')
      }
      const run = replicate(source, target, {
        live: true,
        signal: stop.signal,
        onProgress({ queue, records }) {
          if (queue === 'first' && records === 1) made ??= makeSecond()
          if (queue === 'second' && records === 1) void clock.after(6_000, () => stop.abort())
        },
      })
      const { queues } = await driven(clock, run)
      await made
      expectEqual(
        queues.map(({ queue, deleted }) => [queue, deleted]),
        [
          ['first', true],
          ['second', undefined],
        ],
      )
      expectEqual(
        (await (await openQueue<string>(target, 'first')).read()).map(({ value }) => value),
        ['x'],
      )
    }),
    pairCase('an abort in the middle leaves a part, and the next call goes on behind it', async (pair) => {
      const { source, target, clock } = pair
      const queue = await openQueue<number>(source, 'orders')
      for (const n of range(9)) {
        await queue.appendMany(range(500, 500 * n))
        await clock.advance(1)
      }
      const stop = new AbortController()
      const reason = new Error('enough')
      const onProgress = ({ records }: ReplicationProgress) => records > 0 && stop.abort(reason)
      const error = await replicate(source, target, { signal: stop.signal, onProgress }).catch((caught) => caught)
      expectTrue(error === reason, 'it rejects with the reason')
      const copied = (await contentOf(target, 'orders'))[0]?.length ?? 0
      expectTrue(copied > 0 && copied < 4_500 && copied % 500 === 0, `no batch is cut in two: ${copied}`)
      expectEqual((await replicate(source, target)).records, 4_500 - copied)
      await expectSame(pair)
    }),
  ]
}

function conflictCases(pairCase: PairCase): SuiteCase[] {
  return [
    pairCase('a target that somebody else appended to is a conflict, with the offset, and stays as it is', async (pair) => {
      const { source, target, clock } = pair
      const queue = await openQueue<number>(source, 'orders')
      await queue.appendMany(range(50))
      await replicate(source, target)
      await (await openQueue<number>(target, 'orders')).append(-1)
      const ahead = await expectRejects(replicate(source, target), 'conflict')
      expectEqual(factsOf(ahead, 'differsFrom', 'sourceNext', 'targetNext'), [50, 50, 51])
      await clock.advance(1)
      await queue.appendMany(range(100))
      const before = await contentOf(target, 'orders')
      const apart = await expectRejects(replicate(source, target), 'conflict')
      expectEqual(factsOf(apart, 'queue', 'bucket', 'differsFrom'), ['orders', 0, 50])
      expectEqual(await contentOf(target, 'orders'), before)
    }),
    pairCase('where many records differ the first of them is found', async (pair) => {
      const { source, target, clock } = pair
      const queue = await openQueue<number>(source, 'orders')
      await queue.appendMany(range(101))
      await replicate(source, target)
      const copy = await openQueue<number>(target, 'orders')
      await copy.appendMany(range(300, 5_000))
      await clock.advance(1)
      await queue.appendMany(range(400))
      const error = await expectRejects(replicate(source, target), 'conflict')
      expectEqual(factsOf(error, 'differsFrom'), [101])
    }),
    pairCase('live, records of others at the target stop it', async (pair) => {
      const { source, target, clock } = pair
      const queue = await openQueue<number>(source, 'orders')
      await queue.append(0)
      let meddled: Promise<unknown> | undefined
      const meddle = async () => {
        await (await openQueue<number>(target, 'orders')).append(-1)
        await clock.advance(1)
        await queue.append(1)
      }
      const onProgress = ({ records }: ReplicationProgress) => {
        if (records > 0) meddled ??= meddle()
      }
      const error = await expectRejects(driven(clock, replicate(source, target, { live: true, onProgress })), 'conflict')
      await meddled
      expectEqual(factsOf(error, 'differsFrom'), [1])
    }),
    pairCase('a queue that was made again, or made by itself, is not taken for a copy', async (pair) => {
      const { source, target } = pair
      await (await openQueue<string>(source, 'orders')).append('old')
      await replicate(source, target)
      await deleteQueue(source, 'orders')
      await openQueue(source, 'orders')
      await expectRejects(replicate(source, target), 'conflict')
      await openQueue(source, 'other')
      await (await openQueue<string>(target, 'other')).append('own')
      await expectRejects(replicate(source, target, { queues: ['other'] }), 'conflict')
      await openQueue(source, 'three', { buckets: 3 })
      await openQueue(target, 'three', { buckets: 2 })
      await expectRejects(replicate(source, target, { queues: ['three'] }), 'conflict')
    }),
    pairCase('a copy that takes over can be copied back', async (pair) => {
      const { source, target, clock } = pair
      await fill(pair)
      await replicate(source, target)
      await clock.advance(1)
      await (await openQueue<unknown>(target, 'orders')).append({ taken: 'over' }, { key: 'a' })
      expectEqual((await replicate(target, source)).records, 1)
      await expectSame(pair)
    }),
    pairCase('a target that was sealed by itself is a conflict', async (pair) => {
      const { source, target } = pair
      const queue = await openQueue<number>(source, 'orders')
      await queue.append(0)
      await replicate(source, target)
      await (await openQueue(target, 'orders')).seal()
      await expectRejects(replicate(source, target), 'conflict')
    }),
  ]
}

/** So many of the writes at the target, one after another, lose their answer. */
const LOST = 12

function faultCases(pairCase: PairCase): SuiteCase[] {
  return [
    pairCase('a lost answer stores nothing twice', async (pair) => {
      const { source, target, targetBackend, clock } = pair
      const queue = await fill(pair)
      let struck = 0
      for (const n of range(LOST, 1)) {
        await queue.append({ n }, { key: `k${n}` })
        const rules: FaultRule[] = [{ on: ['blobs.put', 'blobs.batch', 'file.append'], key: 'log/', n, effect: 'lose' }]
        await target.close()
        const backend = faulty(targetBackend, rules)
        const native = { n, struck: 0 }
        const shaky = storeOn({ ...backend, ...losingAnswers(targetBackend.streams, native) }, { clock })
        await driven(clock, replicate(source, shaky))
        struck += backend.struck + native.struck
        await shaky.close()
        const again = storeOn(targetBackend, { clock })
        expectEqual(await contentOf(again, 'orders'), await contentOf(source, 'orders'))
        await again.close()
      }
      expectTrue(struck > 0, 'answers were lost')
    }),
    pairCase('two at once store every record once', async (pair) => {
      const { source, target, clock } = pair
      const queue = await openQueue<number>(source, 'orders')
      for (const n of range(30)) {
        await queue.appendMany(range(100, n))
        await clock.advance(1)
      }
      const runs = range(2).map(() => replicate(source, target))
      await driven(clock, Promise.all(runs))
      await expectSame(pair)
    }),
    pairCase('a target that is only read is denied, a source that is only read is enough', async (pair) => {
      const { source, target } = pair
      await fill(pair)
      await expectRejects(replicate(source, readOnly(target)), 'denied')
      await replicate(readOnly(source), target)
      await expectSame(pair)
    }),
  ]
}

/** A broker whose n-th append is stored, and says that it may not be. */
function losingAnswers(streams: StreamBroker | undefined, lost: { n: number; struck: number }): Pick<Backend, 'streams'> {
  if (streams === undefined) return {}
  const open: StreamBroker['open'] = async (name, options) => {
    const stream = await streams.open(name, options)
    const append: RecordStream['append'] = async (batch, appendOptions) => {
      const result = await stream.append(batch, appendOptions)
      if (--lost.n !== 0) return result
      lost.struck++
      throw new StorageError('unavailable', 'the answer was lost', { operation: 'append' })
    }
    return new Proxy(stream, { get: (of, name) => (name === 'append' ? append : bound(of, name)) })
  }
  return { streams: { open, delete: (name) => streams.delete(name) } }
}

function bound(of: object, name: string | symbol): unknown {
  const value: unknown = Reflect.get(of, name)
  return typeof value === 'function' ? value.bind(of) : value
}

function readOnly(store: Store): Store {
  return storeOn(contextOf(store).backend, { mode: 'read', clock: contextOf(store).clock })
}

/** Three buckets with all that a record can have, in batches of several times. */
async function fill({ source, clock }: Pair) {
  const queue = await openQueue<unknown>(source, 'orders', { buckets: 3 })
  for (const n of range(10)) {
    await queue.appendRecords(range(3).map((i) => ({ value: { n, i, text: 'é'.repeat(n) }, key: `k${(n + i) % 4}` })))
    await queue.append(new Uint8Array([n]), { headers: { n: String(n), more: '"' } })
    await clock.advance(10)
  }
  await queue.tombstone('k1')
  return queue
}

async function streamsIn(store: Store, queue: string): Promise<RecordStream[]> {
  const context = contextOf(store)
  const found = await findQueue(context.backend.blobs, queue)
  if (found === undefined) return []
  const { incarnation, buckets, frames } = found.entry
  const options = frames === undefined ? {} : { format: frames }
  return Promise.all(range(buckets).map((bucket) => streamsOf(context).open(`${incarnation}/${bucket}`, options)))
}

/** As the port gives it, bucket by bucket. */
async function contentOf(store: Store, queue: string): Promise<StreamRecord[][]> {
  const content: StreamRecord[][] = []
  for (const stream of await streamsIn(store, queue)) {
    const records: StreamRecord[] = []
    for (;;) {
      const next = (records[records.length - 1]?.offset ?? -1) + 1
      const more = await stream.read({ from: next, limit: 1_000 })
      if (more.length === 0) break
      records.push(...more)
    }
    content.push(records)
    await stream.close()
  }
  return content
}

async function expectSame({ source, target }: Pair): Promise<void> {
  const wanted = await contentOf(source, 'orders')
  expectTrue(wanted.flat().length > 0, 'there is something to compare')
  expectEqual(await contentOf(target, 'orders'), wanted)
}

function lastOf(seen: readonly ReplicationProgress[]): ReplicationProgress[] {
  const last = new Map<number, ReplicationProgress>()
  for (const progress of seen) last.set(progress.bucket, progress)
  return [...last.values()].sort((a, b) => a.bucket - b.bucket)
}

function factsOf(error: StorageError, ...names: readonly string[]): unknown[] {
  expectTrue(isStorageError(error), 'it is a StorageError')
  return names.map((name) => error.facts[name])
}
