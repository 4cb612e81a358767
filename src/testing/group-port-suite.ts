// What the groups of any stream broker must do beyond delivering: the order of keys, delays, bounds on what is out, reasons,
// and names that are given anew.

import { utf8 } from '../core/base/bytes.js'
import { OWN_HEADER } from '../core/base/own-headers.js'
import type { GroupPort, PortDelivery, RawRecord, RecordStream } from '../core/ports/stream-broker.js'
import { expectEqual, expectRejects, expectTrue } from './assert.js'
import { range } from './queue-place.js'
import type { SuiteCase } from './suite.js'

const HOUR_MS = 3_600_000

export type GroupCase = (name: string, body: (stream: RecordStream) => Promise<void>) => SuiteCase

export function groupPortCases(groupCase: GroupCase): SuiteCase[] {
  return [...keyCases(groupCase), ...delayCases(groupCase), ...creationCases(groupCase), ...pendingCases(groupCase)]
}

function keyCases(groupCase: GroupCase): SuiteCase[] {
  return [
    groupCase('while a record of a key is out, later ones of it wait and other keys go on', async (stream) => {
      await stream.append({ records: keyed('a', 'a', 'b', 'a', 'b', undefined) })
      const group = await stream.group('g', { ordering: 'key' })
      const first = await group.receive('x', { limit: 10 })
      expectEqual(offsets(first), [0, 2, 5])
      expectEqual(await group.receive('x', { limit: 10 }), [])
      await ack(group, first.slice(0, 1))
      const second = await group.receive('y', { limit: 10 })
      expectEqual(offsets(second), [1])
      await ack(group, [...second, ...first.slice(1)])
      const third = await group.receive('y', { limit: 10 })
      expectEqual(offsets(third), [3, 4])
      await ack(group, third)
      expectEqual(await bounds(group), { committed: 6, cursor: 6, pending: 0 })
    }),
    groupCase('a key that waits for its retry holds its later records back', async (stream) => {
      await stream.append({ records: keyed('a', 'a', 'b') })
      const group = await stream.group('g', { ordering: 'key' })
      const [first, other] = await group.receive('x', { limit: 10 })
      expectEqual(offsets([first, other] as PortDelivery[]), [0, 2])
      await group.settle([{ offset: 0, attempt: 1, action: 'nack', delayMs: HOUR_MS }])
      expectEqual(await group.receive('x', { limit: 10 }), [])
      await group.settle([{ offset: 0, attempt: 1, action: 'nack', delayMs: 0 }])
      const again = await group.receive('x', { limit: 10 })
      expectEqual(
        again.map(({ record, attempt }) => [record.offset, attempt]),
        [[0, 2]],
      )
    }),
    groupCase('a blocked key does not end a receive: it looks further for others', async (stream) => {
      await stream.append({ records: keyed(...range(50).map(() => 'a'), 'b', 'c') })
      const group = await stream.group('g', { ordering: 'key' })
      expectEqual(offsets(await group.receive('x', { limit: 2 })), [0, 50])
      expectEqual(offsets(await group.receive('x', { limit: 2 })), [51])
      const pending = await group.pending({ limit: 100 })
      expectEqual(pending.length, 52)
      expectEqual([pending[0]?.attempt, pending[1]?.attempt, pending[1]?.idleMs], [1, 0, 0])
    }),
    groupCase('what was passed over is no delivery: nobody can claim it', async (stream) => {
      await stream.append({ records: keyed('a', 'a') })
      const group = await stream.group('g', { ordering: 'key' })
      await group.receive('x', { limit: 10 })
      expectEqual(offsets(await group.claim('y', { minIdleMs: 0, limit: 10 })), [0])
    }),
    groupCase('the order of keys holds over handles and their closing', async (stream) => {
      await stream.append({ records: keyed('a', 'a', 'b') })
      await (await stream.group('g', { ordering: 'key' })).receive('x', { limit: 2 })
      expectEqual(await (await stream.group('g')).receive('x', { limit: 10 }), [])
    }),
    groupCase('the ordering of a group is fixed', async (stream) => {
      await stream.group('plain')
      await stream.group('keys', { ordering: 'key' })
      await expectRejects(stream.group('plain', { ordering: 'key' }), 'invalid')
      await expectRejects(stream.group('keys', { ordering: 'none' }), 'invalid')
      await stream.group('keys', { ordering: 'key' })
      await stream.group('plain', { ordering: 'none' })
    }),
  ]
}

function delayCases(groupCase: GroupCase): SuiteCase[] {
  return [
    groupCase('a delayed record is read at once and delivered when it is due', async (stream) => {
      await stream.append({ records: [delayed(HOUR_MS), ...keyed('b'), delayed(-HOUR_MS)] })
      expectEqual((await stream.read({ from: 0, limit: 10 })).length, 3)
      const group = await stream.group('g')
      const taken = await group.receive('x', { limit: 10 })
      expectEqual(offsets(taken), [1, 2])
      await ack(group, taken)
      expectEqual(await bounds(group), { committed: 0, cursor: 3, pending: 1 })
    }),
    groupCase('a waiting receive gets a delayed record when its time has come', async (stream) => {
      await stream.append({ records: [delayed(30)] })
      const group = await stream.group('g')
      const taken = await group.receive('x', { limit: 1, waitMs: 60_000 })
      expectEqual(
        taken.map(({ record, attempt }) => [record.offset, attempt]),
        [[0, 1]],
      )
    }),
    groupCase('with the order of keys a delayed record holds its key back', async (stream) => {
      await stream.append({ records: [{ ...delayed(HOUR_MS), key: utf8('a') }, ...keyed('a', 'b')] })
      const group = await stream.group('g', { ordering: 'key' })
      expectEqual(offsets(await group.receive('x', { limit: 10 })), [2])
    }),
  ]
}

function creationCases(groupCase: GroupCase): SuiteCase[] {
  return [
    groupCase('a group is made, found or refused as was asked', async (stream) => {
      await expectRejects(stream.group('g', { create: false }), 'missing')
      expectEqual(await stream.groups(), [])
      await stream.group('g', { create: 'new' })
      await expectRejects(stream.group('g', { create: 'new' }), 'conflict')
      await stream.group('g', { create: false })
      await stream.group('g')
    }),
    groupCase('a group that was deleted is gone for its handles, and one of the same name knows nothing of it', async (stream) => {
      await stream.append({ records: keyed('a', 'a', 'b') })
      const old = await stream.group('g', { ordering: 'key' })
      const taken = await old.receive('x', { limit: 10 })
      await stream.deleteGroup('g')
      await expectRejects(ack(old, taken), 'missing')
      expectEqual(await stream.groups(), [])
      const anew = await stream.group('g', { create: 'new' })
      expectEqual(offsets(await anew.receive('x', { limit: 10 })), [0, 1, 2])
      await expectRejects(ack(old, taken), 'missing')
      await expectRejects(old.receive('x', { limit: 1 }), 'missing')
      expectEqual(await bounds(anew), { committed: 0, cursor: 3, pending: 3 })
    }),
  ]
}

function pendingCases(groupCase: GroupCase): SuiteCase[] {
  return [
    groupCase('no more are out than may be pending', async (stream) => {
      await stream.append({ records: keyed(...range(10).map((n) => `${n}`)) })
      const group = await stream.group('g', { maxPending: 3 })
      const taken = await group.receive('x', { limit: 10 })
      expectEqual(offsets(taken), [0, 1, 2])
      expectEqual(await group.receive('x', { limit: 10 }), [])
      await ack(group, taken.slice(1, 2))
      expectEqual(offsets(await group.receive('x', { limit: 10 })), [3])
    }),
    groupCase('the reason of a nack is told with what is pending and with the next delivery', async (stream) => {
      await stream.append({ records: keyed('a', 'b') })
      const group = await stream.group('g')
      await group.receive('x', { limit: 2 })
      await group.settle([{ offset: 0, attempt: 1, action: 'nack', delayMs: 0, reason: 'r'.repeat(2_000) }])
      const [rested, out] = await group.pending()
      expectEqual([rested?.reason?.length, out?.reason], [1_000, undefined])
      const [again] = await group.receive('x', { limit: 1 })
      expectEqual([again?.record.offset, again?.reason?.length], [0, 1_000])
    }),
    groupCase('pending goes page by page', async (stream) => {
      await stream.append({ records: keyed(...range(5).map((n) => `${n}`)) })
      const group = await stream.group('g')
      await ack(group, (await group.receive('x', { limit: 5 })).slice(1, 2))
      const page = await group.pending({ limit: 2 })
      expectEqual(
        page.map(({ offset }) => offset),
        [0, 2],
      )
      expectTrue(
        page.every(({ idleMs }) => idleMs >= 0),
        'the time since the delivery is told',
      )
      expectEqual(
        (await group.pending({ after: 2 })).map(({ offset }) => offset),
        [3, 4],
      )
    }),
    groupCase('an acknowledgement frees its key for whoever waits', async (stream) => {
      await stream.append({ records: keyed('a', 'a') })
      const group = await stream.group('g', { ordering: 'key' })
      const first = await group.receive('x', { limit: 1 })
      const waiting = group.receive('y', { limit: 1, waitMs: 60_000 })
      await ack(group, first)
      expectEqual(offsets(await waiting), [1])
    }),
  ]
}

function keyed(...keys: readonly (string | undefined)[]): RawRecord[] {
  return keys.map((key, index) => {
    const record = { value: utf8(`record ${index}`), codec: 0 }
    return key === undefined ? record : { ...record, key: utf8(key) }
  })
}

/** Due so long from now. */
function delayed(ms: number): RawRecord {
  return { value: utf8('late'), codec: 0, headers: [[OWN_HEADER.due, `${Date.now() + ms}`]] }
}

async function ack(group: GroupPort, deliveries: readonly PortDelivery[]): Promise<void> {
  await group.settle(deliveries.map(({ record, attempt }) => ({ offset: record.offset, attempt, action: 'ack' })))
}

async function bounds(group: GroupPort): Promise<{ committed: number; cursor: number; pending: number }> {
  const { committed, cursor, pending } = await group.state()
  return { committed, cursor, pending }
}

function offsets(deliveries: readonly PortDelivery[]): number[] {
  return deliveries.map(({ record }) => record.offset)
}
