// What any stream broker must do, native or built over journals: dense offsets, atomic batches, conditions, bounds, waits,
// and the group port's attempts.

import { fromUtf8, utf8 } from '../core/base/bytes.js'
import { contextOf } from '../core/derived/resolve.js'
import { streamsOf } from '../core/derived/streams-over-journals.js'
import type { RawRecord, RecordStream, StreamBroker, StreamRecord } from '../core/ports/stream-broker.js'
import { expectEqual, expectRejects, expectTrue } from './assert.js'
import { groupPortCases } from './group-port-suite.js'
import { range } from './queue-place.js'
import { backendCase, type MakeBackend, type SuiteCase } from './suite.js'

const NAME = 'log/suite/0'
/** Opened with segments that few records fill. */
const SMALL = 'log/suite/1'

/** For every backend that keeps records in order. `make` gives an empty place each time. */
export function streamBrokerSuite(make: MakeBackend): readonly SuiteCase[] {
  const streamCase = (name: string, body: (stream: RecordStream, broker: StreamBroker) => Promise<void>): SuiteCase =>
    backendCase(`streams: ${name}`, make, async (backend) => {
      const broker = streamsOf(contextOf(backend))
      const stream = await broker.open(NAME)
      try {
        await body(stream, broker)
      } finally {
        await stream.close()
      }
    })
  return [...recordCases(streamCase), ...groupCases(streamCase), ...groupPortCases(streamCase)]
}

type StreamCase = (name: string, body: (stream: RecordStream, broker: StreamBroker) => Promise<void>) => SuiteCase

function recordCases(streamCase: StreamCase): SuiteCase[] {
  return [
    streamCase('a new stream is empty and begins at 0', async (stream) => {
      const { first, next, durable } = await stream.bounds()
      expectEqual({ first, next, durable }, { first: 0, next: 0, durable: 0 })
      expectEqual(await stream.read({ from: 0, limit: 10 }), [])
    }),
    streamCase('a sealed stream says so, here and where it is opened again', async (stream, broker) => {
      await stream.append({ records: records(2) })
      expectEqual((await stream.bounds()).sealed, undefined)
      await stream.seal()
      await stream.seal()
      expectEqual((await stream.bounds()).sealed, true)
      await expectRejects(stream.append({ records: records(1) }), 'closed')
      await stream.close()
      const again = await broker.open(NAME)
      const { next, sealed } = await again.bounds()
      expectEqual({ next, sealed }, { next: 2, sealed: true })
      await again.close()
    }),
    streamCase('offsets are dense over batches and callers', async (stream) => {
      const results = await Promise.all(range(20).map((index) => stream.append({ records: records(1 + (index % 3)) })))
      const taken = results.flatMap(({ first, next }) => range(next - first, first)).sort((a, b) => a - b)
      expectEqual(taken, range(taken.length))
      expectEqual((await stream.bounds()).next, taken.length)
    }),
    streamCase('key, value, headers and codec come back; a tombstone has no value', async (stream) => {
      const full: RawRecord = { key: utf8('k'), value: utf8('v'), headers: [['h', utf8('x')]], codec: 7 }
      await stream.append({ records: [full, { key: utf8('k'), value: undefined, codec: 0 }, { value: new Uint8Array(0), codec: 1 }] })
      const [first, second, third] = await stream.read({ from: 0, limit: 10 })
      expectEqual([text(first?.key), text(first?.value), first?.codec, text(first?.headers[0]?.[1])], ['k', 'v', 7, 'x'])
      expectEqual([text(second?.key), second?.value, second?.headers.length], ['k', undefined, 0])
      expectEqual([third?.key, third?.value?.length], [undefined, 0])
    }),
    streamCase('an append further on leaves a gap; one further back is a conflict', async (stream) => {
      await stream.append({ records: records(2) })
      await expectRejects(stream.append({ records: records(1) }, { at: 1 }), 'conflict')
      const { first, next } = await stream.append({ records: records(2) }, { at: 70 })
      expectEqual([first, next], [70, 72])
      expectEqual((await expectRejects(stream.append({ records: records(1) }, { at: 71 }), 'conflict')).facts.next, 72)
      await expectRejects(stream.append({ records: records(1) }, { at: 2 ** 40 }), 'invalid')
      await stream.append({ records: records(1) }, { at: 72 })
      expectEqual((await stream.bounds()).next, 73)
      const offsetsFrom = async (from: number): Promise<number[]> => (await stream.read({ from, limit: 10 })).map(({ offset }) => offset)
      expectEqual(await offsetsFrom(0), [0, 1, 70, 71, 72])
      expectEqual(await offsetsFrom(2), [70, 71, 72])
      expectEqual(await offsetsFrom(72), [72])
    }),
    streamCase('timestamps are kept where the append says so, and only there', async (stream) => {
      const at = (timestamp: number): RawRecord => ({ value: utf8('v'), codec: 0, timestamp })
      await stream.append({ records: [at(5_000), at(1), at(3_000)] }, { timestamps: 'keep' })
      const { timestamp } = await stream.append({ records: [at(7)] })
      const read = await stream.read({ from: 0, limit: 10 })
      expectEqual(
        read.map((record) => record.timestamp),
        [5_000, 1, 3_000, timestamp],
      )
      expectTrue(timestamp > 7)
      for (const wrong of [-1, 0.5, Number.NaN]) {
        await expectRejects(stream.append({ records: [at(wrong)] }, { timestamps: 'keep' }), 'invalid')
      }
    }),
    streamCase('text comes back as its UTF-8 bytes', async (stream) => {
      const texts = ['', 'plain', 'naïve €', '😀'.repeat(40), 'long '.repeat(2_000), '€'.repeat(9_000)]
      await stream.append({ records: texts.map((one) => ({ key: one, value: one, headers: [['h', one]] as const, codec: 1 })) })
      const read = await stream.read({ from: 0, limit: 10 })
      expectEqual(
        read.map(({ key, value, headers }) => [text(key), text(value), text(headers[0]?.[1])]),
        texts.map((one) => [one, one, one]),
      )
    }),
    streamCase('the version of its schema comes back with each record that has one', async (stream) => {
      const versions = [1, undefined, 127, 128, 2 ** 53 - 1]
      const raws = versions.map((schema) => ({ key: utf8('k'), value: utf8('v'), headers: [['h', utf8('x')]] as const, codec: 15, schema }))
      await stream.append({ records: raws })
      const read = await stream.read({ from: 0, limit: 10 })
      expectEqual(
        read.map(({ schema }) => schema),
        versions,
      )
      for (const { value, codec, headers } of read) expectEqual([text(value), codec, headers[0]?.[0]], ['v', 15, 'h'])
    }),
    streamCase('an append on a condition is a conflict unless the stream ends there', async (stream) => {
      await stream.append({ records: records(2) }, { when: { next: 0 } })
      await expectRejects(stream.append({ records: records(1) }, { when: { next: 1 } }), 'conflict')
      expectEqual((await stream.append({ records: records(1) }, { when: { next: 2 } })).first, 2)
    }),
    streamCase('of many appends on one condition exactly one is stored', async (stream) => {
      const outcomes = await Promise.allSettled(range(10).map(() => stream.append({ records: records(1) }, { when: { next: 0 } })))
      expectEqual(outcomes.filter(({ status }) => status === 'fulfilled').length, 1)
      expectEqual((await stream.bounds()).next, 1)
    }),
    streamCase('an empty batch is invalid', async (stream) => {
      await expectRejects(stream.append({ records: [] }), 'invalid')
    }),
    streamCase('a read begins anywhere and stops at its limit', async (stream) => {
      for (const size of [3, 1, 5]) await stream.append({ records: records(size) })
      for (const from of range(10)) {
        const read = await stream.read({ from, limit: 4 })
        expectEqual(
          read.map(({ offset }) => offset),
          range(Math.min(4, Math.max(0, 9 - from)), from),
        )
      }
    }),
    streamCase('maxBytes ends a read after the record that reaches it', async (stream) => {
      await stream.append({ records: range(10).map(() => ({ value: new Uint8Array(1_000), codec: 0 })) })
      const read = await stream.read({ from: 0, limit: 10, maxBytes: 1 })
      expectTrue(read.length >= 1, 'at least one record')
    }),
    streamCase('timestamps never fall, and a read by time finds the first that reaches it', async (stream) => {
      for (const _ of range(3)) await stream.append({ records: records(2) })
      const all = await stream.read({ from: 0, limit: 10 })
      const times = all.map(({ timestamp }) => timestamp)
      expectEqual(
        times,
        [...times].sort((a, b) => a - b),
      )
      const last = times[5] as number
      const found = await stream.read({ from: { time: last }, limit: 1 })
      expectEqual(found[0]?.offset, times.indexOf(last))
      expectEqual(await stream.read({ from: { time: last + 60_000 }, limit: 1 }), [])
    }),
    streamCase('records stay where they are while segments fill up behind them', async (_stream, broker) => {
      const stream = await broker.open(SMALL, { segmentBytes: 1024 })
      const values = range(50).map((index) => `${index} `.padEnd(60, '.'))
      for (const value of values.slice(0, 40)) await stream.append({ records: [{ value: utf8(value), codec: 0 }] })
      const all = await stream.read({ from: 0, limit: 100 })
      await stream.compact()
      for (const value of values.slice(40)) await stream.append({ records: [{ value: utf8(value), codec: 0 }] })
      for (const from of [0, 1, 19, 38, 39, 40, 49, 50]) {
        const read = await stream.read({ from, limit: 100 })
        expectEqual(
          read.map(({ value }) => text(value)),
          values.slice(from),
        )
      }
      const time = all[20]?.timestamp ?? 0
      const [found] = await stream.read({ from: { time }, limit: 1 })
      expectEqual(found?.offset, all.find(({ timestamp }) => timestamp >= time)?.offset)
      await stream.close()
    }),
    streamCase('a reader goes on where it was while another handle trims and compacts', async (_stream, broker) => {
      const stream = await broker.open(SMALL, { segmentBytes: 1024 })
      for (const index of range(40)) await stream.append({ records: [{ value: utf8(`${index}`.padEnd(60, '.')), codec: 0 }] })
      expectEqual((await stream.read({ from: 5, limit: 3 })).length, 3)
      await stream.trim(7)
      await stream.compact()
      const read = await stream.read({ from: 8, limit: 100 })
      expectEqual(
        read.map(({ offset }) => offset),
        range(32, 8),
      )
      expectEqual((await stream.bounds()).first, 7)
      await stream.close()
    }),
    streamCase('a waiting read returns when a record comes', async (stream) => {
      const waiting = stream.read({ from: 0, limit: 10, waitMs: 30_000 })
      await stream.append({ records: records(1) })
      expectEqual((await waiting).length, 1)
    }),
    streamCase('a read that waits rejects with the reason of its signal', async (stream) => {
      const controller = new AbortController()
      const waiting = stream.read({ from: 0, limit: 1, waitMs: 30_000, signal: controller.signal })
      const reason = new Error('enough')
      controller.abort(reason)
      expectTrue((await expectRejects(waiting)) === (reason as unknown), 'the reason')
    }),
    streamCase('listeners are told of an append, and no longer after they stopped', async (stream) => {
      let wakes = 0
      const stop = stream.listen(() => wakes++)
      await stream.append({ records: records(1) })
      expectTrue(wakes >= 1, 'a wake-up')
      stop()
    }),
    streamCase('two handles share the stream; a closed one does not close the other', async (stream, broker) => {
      const other = await broker.open(NAME)
      await other.append({ records: records(2) })
      await other.close()
      expectEqual((await stream.append({ records: records(1) })).first, 2)
    }),
    streamCase('a deleted stream takes no more records, its name with another handle neither', async (stream, broker) => {
      await stream.append({ records: records(3) })
      await broker.delete(NAME)
      await expectRejects(stream.append({ records: records(1) }), 'closed')
    }),
  ]
}

function groupCases(streamCase: StreamCase): SuiteCase[] {
  return [
    streamCase('a group delivers each record once until it is acknowledged', async (stream) => {
      await stream.append({ records: records(5) })
      const group = await stream.group('g')
      const taken = await group.receive('a', { limit: 3 })
      expectEqual(offsets(taken), [0, 1, 2])
      expectEqual(offsets(await group.receive('b', { limit: 10 })), [3, 4])
      expectEqual(await group.receive('c', { limit: 10 }), [])
      await group.settle(taken.map(({ record, attempt }) => ({ offset: record.offset, attempt, action: 'ack' })))
      const { committed, cursor, pending } = await group.state()
      expectEqual({ committed, cursor, pending }, { committed: 3, cursor: 5, pending: 2 })
    }),
    streamCase('what is given back unseen comes again without a count, a nack with one', async (stream) => {
      await stream.append({ records: records(2) })
      const group = await stream.group('g')
      const taken = await group.receive('a', { limit: 2 })
      await group.release([{ offset: 0, attempt: 1 }])
      expectEqual(await group.settle([{ offset: 1, attempt: 1, action: 'nack', delayMs: 0 }]), { settled: 1, ignored: 0 })
      const again = await group.receive('b', { limit: 2 })
      expectEqual(
        again.map(({ record, attempt }) => [record.offset, attempt]),
        [
          [0, 1],
          [1, 2],
        ],
      )
      expectEqual(taken.length, 2)
    }),
    streamCase('an ack takes any attempt, nack and extend only the current one', async (stream) => {
      await stream.append({ records: records(1) })
      const group = await stream.group('g')
      await group.receive('a', { limit: 1 })
      await group.settle([{ offset: 0, attempt: 1, action: 'nack', delayMs: 0 }])
      await group.receive('b', { limit: 1 })
      expectEqual(await group.settle([{ offset: 0, attempt: 1, action: 'extend' }]), { settled: 0, ignored: 1 })
      expectEqual(await group.settle([{ offset: 0, attempt: 1, action: 'ack' }]), { settled: 1, ignored: 0 })
    }),
    streamCase('what was given back is not extended by who gave it back', async (stream) => {
      await stream.append({ records: records(1) })
      const group = await stream.group('g')
      await group.receive('a', { limit: 1 })
      await group.settle([{ offset: 0, attempt: 1, action: 'nack', delayMs: 0 }])
      expectEqual(await group.settle([{ offset: 0, attempt: 1, action: 'extend', delayMs: 60_000 }]), { settled: 0, ignored: 1 })
      expectEqual(offsets(await group.receive('b', { limit: 1 })), [0])
    }),
    streamCase('claim takes over what has been out long enough, and pending tells of it', async (stream) => {
      await stream.append({ records: records(2) })
      const group = await stream.group('g')
      await group.receive('a', { limit: 2 })
      expectEqual(await group.claim('b', { minIdleMs: 60_000, limit: 10 }), [])
      expectEqual(offsets(await group.claim('b', { minIdleMs: 0, limit: 1 })), [0])
      const pending = await group.pending()
      expectEqual(
        pending.map(({ offset, consumer, attempt }) => [offset, consumer, attempt]),
        [
          [0, 'b', 2],
          [1, 'a', 1],
        ],
      )
    }),
    streamCase('commit and seek stay inside the stream and say where it ends', async (stream) => {
      await stream.append({ records: records(3) })
      const group = await stream.group('g')
      expectEqual((await expectRejects(group.commit(4), 'invalid')).facts.maximum, 3)
      await group.commit(2)
      expectEqual((await group.state()).committed, 2)
      await group.seek(0)
      expectEqual(offsets(await group.receive('a', { limit: 10 })), [0, 1, 2])
    }),
    streamCase('groups are listed, and deleted ones begin anew', async (stream) => {
      await stream.append({ records: records(1) })
      await (await stream.group('Ü/1')).commit(1)
      await stream.group('b')
      expectEqual([...(await stream.groups())].sort(), ['b', 'Ü/1'])
      await stream.deleteGroup('Ü/1')
      expectEqual(await stream.groups(), ['b'])
      expectEqual((await (await stream.group('Ü/1')).state()).committed, 0)
    }),
  ]
}

function records(count: number): RawRecord[] {
  return range(count).map((index) => ({ value: utf8(`record ${index}`), codec: 0 }))
}

function offsets(deliveries: readonly { readonly record: StreamRecord }[]): number[] {
  return deliveries.map(({ record }) => record.offset)
}

function text(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined ? undefined : fromUtf8(bytes)
}
