// What an archive of a store must hold and give back, between any two backends that keep records in order.

import { utf8 } from '../core/base/bytes.js'
import { exportAll } from '../core/compose/archive/export-all.js'
import { importAll } from '../core/compose/archive/import-all.js'
import { findGroup } from '../core/compose/replica-groups.js'
import { scan } from '../core/compose/scan.js'
import { contextOf, type Store } from '../core/derived/resolve.js'
import { streamsOf } from '../core/derived/streams-over-journals.js'
import { findQueue } from '../core/engine/catalogue.js'
import { openKv } from '../core/features/kv/open-kv.js'
import { openQueue } from '../core/features/queue/open-queue.js'
import { queues } from '../core/features/queue/queues.js'
import { openSnapshots } from '../core/features/snapshots/open-snapshots.js'
import type { Backend } from '../core/ports/backend.js'
import type { RecordStream } from '../core/ports/stream-broker.js'
import { expectBytes, expectEqual, expectRejects, expectTrue } from './assert.js'
import { ManualClock } from './manual-clock.js'
import { range, storeOn } from './queue-place.js'
import type { MakeBackend, SuiteCase } from './suite.js'

interface Pair {
  readonly source: Store
  readonly target: Store
  readonly clock: ManualClock
  /** Another empty store as the target. */
  readonly another: () => Promise<Store>
}

type PairCase = (name: string, body: (pair: Pair) => Promise<void>) => SuiteCase

const SMALL = { segmentBytes: 1024 }

/** For every two kinds of backend that keep records in order; they may be the same kind. */
export function archiveSuite(makeSource: MakeBackend, makeTarget: MakeBackend): readonly SuiteCase[] {
  const pairCase: PairCase = (name, body) => ({
    name: `archive: ${name}`,
    async run() {
      const clock = new ManualClock()
      const opened: (Store | Backend)[] = []
      const open = async (make: MakeBackend): Promise<Store> => {
        const backend = await make()
        const store = storeOn(backend, { clock })
        opened.push(store, backend)
        return store
      }
      try {
        await body({ source: await open(makeSource), target: await open(makeTarget), clock, another: () => open(makeTarget) })
      } finally {
        for (const one of opened) await one.close()
      }
    },
  })
  return [
    ...wholeCases(pairCase),
    ...existingCases(pairCase),
    ...movingCases(pairCase),
    ...snapshotCases(pairCase),
    ...damageCases(pairCase),
  ]
}

function wholeCases(pairCase: PairCase): SuiteCase[] {
  return [
    pairCase('queues come back with every record, bound, group and mark, keys with their values and expiry', async (pair) => {
      await fill(pair)
      const report = await importAll(pair.target, blob(await archiveOf(pair.source)))
      expectEqual(
        report.queues.map(({ queue, records, groups, gaps }) => [queue, records, groups, gaps.length]),
        [
          ['done', 3, 0, 0],
          ['empty', 0, 1, 0],
          ['orders', 42, 2, 0],
        ],
      )
      expectEqual(
        report.namespaces.map(({ namespace, values }) => [namespace, values]),
        [
          ['default', 30],
          ['ümlaut/ns', 1],
        ],
      )
      await expectSameStores(pair.source, pair.target)
    }),
    pairCase(
      'a restored store is healthy, goes on at the offsets behind the old ones, and shares no name with the old one',
      async (pair) => {
        const { source, target } = pair
        await fill(pair)
        await importAll(target, exportAll(source))
        expectEqual((await scan(target)).healthy, true)
        for (const name of await queues(source)) {
          expectTrue((await entryOf(source, name)).incarnation !== (await entryOf(target, name)).incarnation, 'another incarnation')
        }
        const [before, after] = [await openQueue(source, 'empty'), await openQueue(target, 'empty')]
        expectEqual((await after.append('next')).offset, (await before.append('next')).offset)
        const again = await openQueue(target, 'orders')
        const group = await again.group('billing', { ordering: 'key' })
        expectTrue((await group.receive({ limit: 5 })).length > 0, 'deliveries')
      },
    ),
    pairCase('only what was asked for is in the archive; what is not there is missing', async (pair) => {
      const { source, target } = pair
      await fill(pair)
      const report = await importAll(target, exportAll(source, { queues: ['done'], kv: false }))
      expectEqual([report.queues.map(({ queue }) => queue), report.namespaces.length], [['done'], 0])
      await expectRejects(archiveOf(source, { queues: ['nobody'] }), 'missing')
      expectEqual((await importAll(await pair.another(), exportAll(source, { queues: false }))).queues, [])
    }),
    pairCase('a large value and many small ones come back', async (pair) => {
      const { source, target } = pair
      const kv = await openKv<Record<string, unknown>>(source)
      const { maxBlobBytes } = contextOf(source).backend.blobs.traits
      const large = noise(Math.min(9 * 1024 * 1024 + 17, Math.floor(maxBlobBytes / 2)))
      await kv.put('large', large)
      for (const n of range(300)) await kv.put(`small ${n}`, { n })
      await importAll(target, exportAll(source))
      const copy = await openKv<Record<string, unknown>>(target)
      expectBytes((await copy.get('large')) as Uint8Array, large)
      expectEqual(await copy.get('small 299'), { n: 299 })
    }),
    pairCase('what has expired on the way stays away', async (pair) => {
      const { source, target, clock } = pair
      const kv = await openKv<Record<string, unknown>>(source)
      await kv.put('short', 1, { ttlMs: 1_000 })
      await kv.put('long', 2, { ttlMs: 1_000_000 })
      const bytes = await archiveOf(source)
      await clock.advance(2_000)
      const [namespace] = (await importAll(target, blob(bytes))).namespaces
      expectEqual([namespace?.values, namespace?.expired], [1, 1])
    }),
    pairCase('progress is told on both ways', async (pair) => {
      await fill(pair)
      const [out, back]: { bytes: number; records: number; values: number }[][] = [[], []]
      const bytes = await archiveOf(pair.source, { onProgress: (one) => out?.push(one) })
      await importAll(pair.target, blob(bytes), { onProgress: (one) => back?.push(one) })
      expectEqual(out?.at(-1)?.bytes, bytes.length)
      expectEqual([out?.at(-1)?.records, out?.at(-1)?.values], [45, 31])
      expectEqual([back?.at(-1)?.records, back?.at(-1)?.values], [45, 31])
    }),
  ]
}

function existingCases(pairCase: PairCase): SuiteCase[] {
  return [
    pairCase('an archive that was imported may be imported again: nothing is stored twice', async (pair) => {
      const { source, target } = pair
      await fill(pair)
      const bytes = await archiveOf(source)
      await importAll(target, blob(bytes))
      const report = await importAll(target, blob(bytes))
      expectEqual(
        report.queues.map(({ records, present }) => [records, present]),
        [
          [0, 3],
          [0, 0],
          [0, 42],
        ],
      )
      expectEqual(
        report.namespaces.map(({ values, present }) => [values, present]),
        [
          [0, 30],
          [0, 1],
        ],
      )
      await expectSameStores(source, target)
    }),
    pairCase('a queue that is there already is refused before anything is stored, skipped, or replaced', async (pair) => {
      const { source, target } = pair
      await fill(pair)
      const bytes = await archiveOf(source)
      await (await openQueue(target, 'orders')).append('mine')
      await expectRejects(importAll(target, blob(bytes)), 'conflict')
      expectEqual(await queues(target), ['orders'])
      const skipped = await importAll(target, blob(bytes), { onExisting: 'skip' })
      expectEqual(
        skipped.queues.map((queue) => queue.skipped === true),
        [false, false, true],
      )
      expectEqual((await (await openQueue(target, 'orders')).read()).length, 1)
      await importAll(target, blob(bytes), { onExisting: 'replace' })
      await expectSameStores(source, target)
    }),
    pairCase('a key with another value is refused, left, or replaced', async (pair) => {
      const { source, target } = pair
      const [from, to] = [await openKv<Record<string, unknown>>(source), await openKv<Record<string, unknown>>(target)]
      await from.put('a', 1)
      await to.put('a', 2)
      const bytes = await archiveOf(source)
      await expectRejects(importAll(target, blob(bytes)), 'conflict')
      expectEqual((await importAll(target, blob(bytes), { onExisting: 'skip' })).namespaces[0]?.skipped, 1)
      expectEqual(await to.get('a'), 2)
      await importAll(target, blob(bytes), { onExisting: 'replace' })
      expectEqual(await to.get('a'), 1)
    }),
    pairCase('a store does not take its own archive for a copy', async (pair) => {
      const { source } = pair
      await fill(pair)
      await expectRejects(importAll(source, exportAll(source)), 'conflict')
      await expectRejects(importAll(source, exportAll(source), { onExisting: 'maybe' as never }), 'invalid')
    }),
    pairCase('a group that was used since is left where it is', async (pair) => {
      const { source, target } = pair
      await fill(pair)
      const bytes = await archiveOf(source)
      await importAll(target, blob(bytes))
      const group = await (await openQueue(target, 'orders')).group('audit')
      const before = (await group.committed())[0] as number
      const first = await group.receive({ limit: 1 })
      for (const delivery of first) await delivery.ack()
      const moved = await group.committed()
      expectTrue((moved[0] as number) > before || moved.some((offset) => offset > 0), 'the group moved')
      await importAll(target, blob(bytes))
      expectEqual(await group.committed(), moved)
    }),
  ]
}

function movingCases(pairCase: PairCase): SuiteCase[] {
  return [
    pairCase('while records are appended, acknowledged and trimmed it holds one cut: no group stands behind its end', async (pair) => {
      const { source, target, clock } = pair
      const queue = await openQueue<number>(source, 'busy', SMALL)
      const group = await queue.group('g')
      for (const n of range(60)) await queue.append(n, { headers: { pad: 'x'.repeat(40) } })
      const reader = exportAll(source).getReader()
      const pieces: Uint8Array[] = []
      for (let n = 60; ; n++) {
        const { done, value } = await reader.read()
        if (done || value === undefined) break
        pieces.push(value)
        await queue.append(n, { headers: { pad: 'x'.repeat(40) } })
        for (const delivery of await group.receive({ limit: 3 })) await delivery.ack()
        await clock.advance(1)
      }
      const report = await importAll(target, blob(joined(pieces)))
      const records = await (await openQueue<number>(target, 'busy')).read({ limit: 1_000 })
      expectEqual(
        records.map(({ value }) => value),
        range(records.length),
      )
      expectTrue(records.length >= 60 && records.length <= 62, 'what was there when it was begun')
      const copy = await (await openQueue<number>(target, 'busy')).group('g')
      expectTrue(((await copy.committed())[0] as number) <= records.length, 'the group inside the log')
      expectEqual(report.queues[0]?.gaps, [])
      expectEqual((await scan(target)).healthy, true)
    }),
    pairCase('what is trimmed while it is exported is a gap that is told', async (pair) => {
      const { source, target } = pair
      const queue = await openQueue<number>(source, 'busy', SMALL)
      const other = await openQueue<Uint8Array>(source, 'a')
      await other.append(new Uint8Array(10))
      for (const n of range(60)) await queue.append(n, { headers: { pad: 'x'.repeat(40) } })
      const reader = exportAll(source).getReader()
      const pieces: Uint8Array[] = []
      for (;;) {
        const { done, value } = await reader.read()
        if (done || value === undefined) break
        pieces.push(value)
        if (pieces.length === 2) await queue.trim(30) // the cut is fixed, and nothing of it was read
      }
      const report = await importAll(target, blob(joined(pieces)))
      expectEqual(report.queues[1]?.gaps, [{ bucket: 0, from: 0, to: 30 }])
      const records = await (await openQueue<number>(target, 'busy')).read({ limit: 1_000 })
      expectEqual([records[0]?.offset, records.length], [30, 30])
      expectEqual((await scan(target)).healthy, true)
    }),
    pairCase('an import that is cut anywhere is finished by another one', async (pair) => {
      const { source } = pair
      await fill(pair)
      const bytes = await archiveOf(source)
      const cuts = [0.1, 0.5, 0.85, 0.99].map((part) => Math.floor(part * bytes.length))
      for (const cut of cuts) {
        const target = await pair.another()
        await expectRejects(importAll(target, blob(bytes.subarray(0, cut))), 'corrupt')
        await importAll(target, blob(bytes))
        await expectSameStores(source, target)
      }
    }),
  ]
}

function snapshotCases(pairCase: PairCase): SuiteCase[] {
  return [
    pairCase(
      'snapshots alone: a selection, then all; what is there is skipped, and chunks that are there are not stored again',
      async (pair) => {
        const { source, target } = pair
        await fillSnapshots(source, pair.clock)
        const [from, to] = [await openSnapshots(source), await openSnapshots(target)]
        const first = await to.import(from.export({ filter: { agent: 'planner', session: 's1' } }))
        expectEqual([first.imported, first.skipped], [4, 0])
        expectTrue(first.storedBytes > 0, 'bytes that were stored')
        const all = await collected(from.export())
        const second = await to.import(blob(all))
        expectEqual([second.imported, second.skipped], [2, 4])
        await expectSameSnapshots(source, target)
        expectEqual((await to.import(blob(all))).imported, 0)
        const whole = await importAll(await pair.another(), blob(all))
        expectEqual([whole.snapshots.imported, whole.queues.length], [6, 0])
      },
    ),
    pairCase('an archive of snapshots is encrypted when asked, and found to be damaged', async (pair) => {
      const { source, target, clock } = pair
      await fillSnapshots(source, clock)
      const [from, to] = [await openSnapshots(source), await openSnapshots(target)]
      const key = noise(32)
      const bytes = await collected(from.export({ key }))
      await expectRejects(to.import(blob(bytes)), 'denied')
      const plain = await collected(from.export())
      for (const at of [40, 400, Math.floor(plain.length / 2), plain.length - 3]) {
        const flipped = plain.slice()
        flipped[at] = (flipped[at] as number) ^ 1
        await expectRejects(to.import(blob(flipped)), 'corrupt')
      }
      await to.import(blob(bytes), { key })
      await expectSameSnapshots(source, target)
    }),
    pairCase(
      'a snapshot that is deleted and collected while it is exported is left out, and those that share its content are whole',
      async (pair) => {
        const { source, target } = pair
        const from = await openSnapshots<Uint8Array>(source)
        const state = noise(6 * 1024 * 1024)
        const gone = await from.save({ agent: 'a', session: 'gone', state })
        await pair.clock.advance(10)
        const kept = await from.save({ agent: 'a', session: 'kept', state: state.subarray(0, 4 * 1024 * 1024) })
        const reader = from.export().getReader()
        const pieces: Uint8Array[] = []
        for (;;) {
          const { done, value } = await reader.read()
          if (done || value === undefined) break
          pieces.push(value)
          if (pieces.length !== 4) continue
          await from.delete(gone.id) // the header, contents, the snapshot and a part of its chunks are out
          await from.collect()
        }
        const to = await openSnapshots<Uint8Array>(target)
        const report = await to.import(blob(joined(pieces)))
        expectTrue(report.imported >= 1, 'what was kept')
        expectBytes(await to.load(kept.id), state.subarray(0, 4 * 1024 * 1024))
        expectEqual((await to.verify()).problems, [])
      },
    ),
  ]
}

function damageCases(pairCase: PairCase): SuiteCase[] {
  return [
    pairCase(
      'an encrypted archive shows nothing, is denied to a wrong passphrase or none, and comes back with the right one',
      async (pair) => {
        const { source, target } = pair
        await fill(pair)
        const key = noise(32)
        const bytes = await archiveOf(source, { key })
        expectTrue(!textOf(bytes).includes('orders') && textOf(await archiveOf(source)).includes('orders'), 'names are hidden')
        for (const secret of [{}, { passphrase: 'wrong' }, { key: new Uint8Array(32) }]) {
          await expectRejects(importAll(target, blob(bytes), secret), 'denied')
        }
        const flipped = bytes.slice()
        flipped[bytes.length - 100] = (flipped[bytes.length - 100] as number) ^ 1
        await expectRejects(importAll(await pair.another(), blob(flipped), { key }), 'corrupt')
        await expectRejects(importAll(await pair.another(), blob(bytes.subarray(0, 1_000)), { key }), 'corrupt')
        await expectRejects(importAll(target, blob(bytes), { key, passphrase: 'both' }), 'invalid')
        expectEqual((await importAll(target, blob(bytes), { key })).encrypted, true)
        await expectSameStores(source, target)
      },
    ),
    pairCase('a flipped bit, a cut and a foreign section are corrupt, and the error says where', async (pair) => {
      const { source, target } = pair
      await fill(pair)
      const bytes = await archiveOf(source)
      for (const at of [0, 50, bytes.length - 10]) {
        const flipped = bytes.slice()
        flipped[at] = (flipped[at] as number) ^ 4
        const { facts } = await expectRejects(importAll(await pair.another(), blob(flipped)), 'corrupt')
        expectTrue(typeof facts.position === 'number' && facts.position <= at, 'a place at or before the damage')
      }
      await expectRejects(importAll(target, blob(bytes.subarray(0, bytes.length - 1))), 'corrupt')
      const longer = new Uint8Array(bytes.length + 1)
      longer.set(bytes)
      await expectRejects(importAll(await pair.another(), blob(longer)), 'corrupt')
      await expectRejects(importAll(target, 5 as never), 'invalid')
    }),
    pairCase('an abort ends an export and an import with its reason', async (pair) => {
      const { source, target } = pair
      await fill(pair)
      const reason = new Error('enough')
      const signal = AbortSignal.abort(reason)
      expectEqual((await expectRejects(archiveOf(source, { signal }))) as Error, reason)
      expectEqual((await expectRejects(importAll(target, exportAll(source), { signal }))) as Error, reason)
      expectEqual(await queues(target), [])
    }),
  ]
}

/** Three buckets with groups in all their states, a sealed queue, one that was trimmed to its end, and keys. */
async function fill({ source, clock }: Pick<Pair, 'source' | 'clock'>): Promise<void> {
  const orders = await openQueue<unknown>(source, 'orders', { ...SMALL, buckets: 3, key: (value) => String((value as { k: number }).k) })
  for (const n of range(40)) {
    await orders.append({ k: n % 7, n }, { headers: { pad: 'x'.repeat(30), n: String(n) }, id: `id ${n}` })
    await clock.advance(1)
  }
  await orders.tombstone('3')
  await orders.append({ k: 1, later: true }, { delayMs: 60_000 })
  const billing = await orders.group('billing', { ordering: 'key' })
  const deliveries = await billing.receive({ limit: 20 })
  for (const [index, delivery] of deliveries.entries()) {
    if (index % 3 === 0) await delivery.ack()
    if (index % 3 === 1) await delivery.nack({ delayMs: 5_000, reason: 'not yet' })
  }
  const audit = await orders.group('audit', { from: 'earliest' })
  for (const delivery of await audit.receive({ limit: 4 })) await delivery.ack()
  await (await orders.marks('training')).take({ limit: 5 })
  const done = await openQueue<unknown>(source, 'done', { codec: 'structured' })
  for (const value of [new Map([[1, 2]]), new Date(5), utf8('bytes')]) await done.append(value)
  await done.seal()
  const empty = await openQueue<number>(source, 'empty')
  for (const n of range(5)) await empty.append(n)
  await empty.group('g', { from: 'latest' })
  await empty.trim(5)
  const kv = await openKv<Record<string, unknown>>(source)
  for (const n of range(29)) await kv.put(`key ${n}`, { n }, n % 2 === 0 ? {} : { ttlMs: 100_000 + n })
  await kv.put('bytes', utf8('raw'))
  await (await openKv<Record<string, unknown>>(source, 'ümlaut/ns')).put('x', 'y')
  await fillSnapshots(source, clock)
}

/** Two sessions that share most of their content, a branch, labels, and bytes. */
async function fillSnapshots(source: Store, clock: ManualClock): Promise<void> {
  const snapshots = await openSnapshots<unknown>(source)
  const log = range(400).map((n) => ({ n, text: `entry ${n} of a state that is shared by all of them` }))
  for (const n of range(3)) {
    await snapshots.save({ agent: 'planner', session: 's1', state: { step: n, log: log.slice(0, 300 + n * 50) }, tags: [`t${n}`] })
    await clock.advance(10)
  }
  const forked = await snapshots.fork({ agent: 'planner', session: 's1' }, { branch: 'other' })
  await snapshots.pin(forked.id)
  await snapshots.tag(forked.id, ['late'])
  await snapshots.save({ agent: 'planner', session: 's2', state: { log }, description: 'all', metadata: { offsets: [1, 2] } })
  await snapshots.save({ agent: 'böses/../agent', session: 's', state: noise(200_000) })
}

function archiveOf(source: Store, options: Parameters<typeof exportAll>[1] = {}): Promise<Uint8Array> {
  return collected(exportAll(source, options))
}

async function collected(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const reader = stream.getReader()
  const pieces: Uint8Array[] = []
  for (;;) {
    const { done, value } = await reader.read()
    if (done || value === undefined) break
    pieces.push(value)
  }
  return joined(pieces)
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const piece of pieces) {
    whole.set(piece, at)
    at += piece.length
  }
  return whole
}

/** A character a byte. */
function textOf(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return text
}

/** In odd pieces. */
async function* blob(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 997) yield bytes.subarray(at, at + 997)
}

/** Does not compress. */
function noise(length: number): Uint8Array {
  const bytes = new Uint8Array(length)
  let state = 1
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    bytes[at] = state >>> 24
  }
  return bytes
}

async function entryOf(store: Store, name: string): Promise<{ readonly incarnation: string; readonly buckets: number }> {
  const found = await findQueue(contextOf(store).backend.blobs, name)
  expectTrue(found !== undefined, `the queue ${name}`)
  return found.entry
}

async function expectSameStores(source: Store, target: Store): Promise<void> {
  const isExact = contextOf(target).backend.streams === undefined
  expectEqual(await queuesIn(target, isExact), await queuesIn(source, isExact), 'the queues')
  expectEqual(await marksIn(target), await marksIn(source), 'the marks')
  await expectSameSnapshots(source, target)
  for (const namespace of ['default', 'ümlaut/ns']) {
    expectEqual(await keysIn(target, namespace), await keysIn(source, namespace), `the keys of ${namespace}`)
  }
}

async function expectSameSnapshots(source: Store, target: Store): Promise<void> {
  expectEqual(await snapshotsIn(target), await snapshotsIn(source), 'the snapshots')
  const report = await (await openSnapshots(target)).verify()
  expectEqual(report.problems, [], 'problems')
}

async function snapshotsIn(store: Store): Promise<unknown> {
  const all: unknown[] = []
  const snapshots = await openSnapshots<unknown>(store)
  for await (const { storedBytes: _, ...info } of snapshots.list()) all.push([info, await snapshots.load(info.id)])
  return all
}

async function queuesIn(store: Store, isExact: boolean): Promise<unknown> {
  const all: unknown[] = []
  for (const name of await queues(store)) {
    const { incarnation, buckets } = await entryOf(store, name)
    for (const bucket of range(buckets)) {
      const stream = await streamsOf(contextOf(store)).open(`${incarnation}/${bucket}`)
      all.push([name, bucket, await bucketIn(stream, isExact)])
      await stream.close()
    }
  }
  return all
}

async function marksIn(store: Store): Promise<unknown> {
  return (await (await openQueue(store, 'orders')).marks('training')).lag()
}

async function bucketIn(stream: RecordStream, isExact: boolean): Promise<unknown> {
  const { first, next, sealed } = await stream.bounds()
  const records = await stream.read({ from: 0, limit: 1_000 })
  const groups: unknown[] = []
  for (const name of await stream.groups()) {
    const found = await findGroup(stream, name)
    const pending = await found?.group.pending({ limit: 1_000 })
    const entries = pending?.map(({ offset, attempt, consumer, deadline, reason }) => [offset, attempt, consumer, deadline, reason])
    const exact = isExact ? { cursor: found?.bounds.cursor, entries } : {}
    groups.push({ name, ordering: found?.ordering, committed: found?.bounds.committed, ...exact })
  }
  return { first, next, sealed, records, groups }
}

async function keysIn(store: Store, namespace: string): Promise<unknown> {
  const found: unknown[] = []
  const kv = await openKv<Record<string, unknown>>(store, namespace)
  for await (const { key, value, expiresAt } of kv.list()) found.push([key, value, expiresAt])
  return found
}
