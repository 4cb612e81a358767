// What any stream broker must know of what it has stored: a record by its id, a producer's batch by its number, however often
// they are sent, and after whatever happened to the records meanwhile.

import { utf8 } from '../core/base/bytes.js'
import { type Clock, systemClock } from '../core/base/clock.js'
import { OWN_HEADER } from '../core/base/own-headers.js'
import { createContext } from '../core/derived/resolve.js'
import { streamsOf } from '../core/derived/streams-over-journals.js'
import type { Backend } from '../core/ports/backend.js'
import type {
  AppendOptions,
  AppendResult,
  ProducerBatch,
  RawRecord,
  RecordStream,
  StreamBroker,
  StreamOptions,
} from '../core/ports/stream-broker.js'
import { expectEqual, expectRejects } from './assert.js'
import { ManualClock } from './manual-clock.js'
import { range } from './queue-place.js'
import { type BackendSuiteOptions, backendCase, type MakeBackend, type SuiteCase } from './suite.js'

const NAME = 'log/suite/0'
const COPY = 'log/suite/1'

export interface StreamProducersSuiteOptions extends BackendSuiteOptions {
  /** How the streams are opened. */
  readonly stream?: StreamOptions
}

interface Place {
  readonly backend: Backend
  readonly broker: StreamBroker
  /** Opens the stream, closed at the end of the case. */
  open(options?: StreamOptions, name?: string): Promise<RecordStream>
  /** As another process, tab or Worker finds it: in a context of its own, on another backend object where there can be one. */
  again(): Promise<Place>
}

/** For every backend that keeps records in order. */
export function streamProducersSuite(make: MakeBackend, options: StreamProducersSuiteOptions = {}): readonly SuiteCase[] {
  const placeCase = (name: string, body: (place: Place) => Promise<void>, clock: Clock = systemClock): SuiteCase =>
    backendCase(`said: ${name}`, make, (backend) => inPlaces(backend, { ...options, clock }, body))
  const reopenCase = (name: string, body: (place: Place) => Promise<void>): SuiteCase[] =>
    options.reopen === undefined ? [] : [placeCase(name, body)]
  return [...producerCases(placeCase), ...idCases(placeCase), ...keptCases(placeCase), ...reopenCases(reopenCase)]
}

interface PlaceOptions extends StreamProducersSuiteOptions {
  readonly clock: Clock
}

async function inPlaces(backend: Backend, options: PlaceOptions, body: (place: Place) => Promise<void>): Promise<void> {
  const closing: (() => Promise<void>)[] = []
  try {
    await body(placeOn(backend, options, closing))
  } finally {
    for (const close of closing.reverse()) await close()
  }
}

function placeOn(backend: Backend, options: PlaceOptions, closing: (() => Promise<void>)[]): Place {
  const context = createContext(backend, { clock: options.clock })
  const broker = streamsOf(context)
  closing.push(() => context.close())
  return {
    backend,
    broker,
    async open(more = {}, name = NAME) {
      return await broker.open(name, { ...options.stream, ...more })
    },
    async again() {
      if (options.reopen === undefined) return placeOn(backend, options, closing)
      if (backend.files !== undefined) await context.close() // one owner
      const another = await options.reopen(backend)
      closing.push(() => another.close())
      return placeOn(another, options, closing)
    },
  }
}

type PlaceCase<Result> = (name: string, body: (place: Place) => Promise<void>, clock?: Clock) => Result

function producerCases(placeCase: PlaceCase<SuiteCase>): SuiteCase[] {
  return [
    placeCase('a batch that is sent again is acknowledged with its first offset, and stored once', async ({ open }) => {
      const stream = await open()
      const stored = await send(stream, 0, { count: 3 })
      expectEqual([stored.first, stored.next, stored.duplicate ?? false], [0, 3, false])
      await stream.append({ records: records(2) })
      await send(stream, 1)
      const again = await send(stream, 0, { count: 3 })
      expectEqual([again.first, again.next, again.duplicate, again.timestamp], [0, 3, true, stored.timestamp])
      expectEqual((await stream.bounds()).next, 6)
    }),
    placeCase('a gap is a conflict that names the expected number, and nothing is stored', async ({ open }) => {
      const stream = await open()
      expectEqual((await expectRejects(send(stream, 1), 'conflict')).facts.expected, 0)
      await send(stream, 0)
      expectEqual((await expectRejects(send(stream, 2), 'conflict')).facts.expected, 1)
      expectEqual((await stream.bounds()).next, 1)
      expectEqual(await stream.producer('p'), { epoch: 0, sequence: 1 })
    }),
    placeCase('with allowGaps the numbers need only rise', async ({ open }) => {
      const stream = await open()
      for (const sequence of [5, 6, 40]) await send(stream, sequence, { allowGaps: true })
      expectEqual(await stream.producer('p'), { epoch: 0, sequence: 41 })
      expectEqual((await send(stream, 6, { allowGaps: true })).duplicate, true)
      expectEqual((await expectRejects(send(stream, 39, { allowGaps: true }), 'conflict')).facts.expected, 41)
      expectEqual((await stream.bounds()).next, 3)
    }),
    placeCase('a newer epoch begins at any number, and shuts the older ones out', async ({ open }) => {
      const stream = await open()
      await send(stream, 0, { epoch: 1 })
      await send(stream, 7, { epoch: 3 })
      await expectRejects(send(stream, 1, { epoch: 1 }), 'fenced')
      await expectRejects(send(stream, 0, { epoch: 1 }), 'fenced')
      await send(stream, 8, { epoch: 3 })
      expectEqual(await stream.producer('p'), { epoch: 3, sequence: 9 })
      expectEqual((await stream.bounds()).next, 3)
    }),
    placeCase('the places of the last 8 batches are remembered; one before is a conflict that says it is stored', async ({ open }) => {
      const stream = await open()
      for (const sequence of range(10)) await send(stream, sequence)
      for (const sequence of range(8, 2)) expectEqual((await send(stream, sequence)).first, sequence)
      const { stored, expected } = (await expectRejects(send(stream, 1), 'conflict')).facts
      expectEqual([stored, expected], [true, 10])
    }),
    placeCase('producers share a stream and know nothing of one another', async ({ open }) => {
      const stream = await open()
      const names = ['a', 'b/1', 'Ü 😀', '0/0/x']
      await Promise.all(names.flatMap((id) => range(5).map((sequence) => send(stream, sequence, { id }))))
      for (const id of names) expectEqual(await stream.producer(id), { epoch: 0, sequence: 5 })
      expectEqual(await stream.producer('other'), undefined)
      const again = await Promise.all(names.map((id) => send(stream, 4, { id })))
      expectEqual(
        again.every(({ duplicate }) => duplicate === true),
        true,
      )
      expectEqual((await stream.bounds()).next, 20)
    }),
    placeCase('of many sends of one batch at once one is stored, and all are acknowledged with its offset', async ({ open }) => {
      const stream = await open()
      const results = await Promise.all(range(10).map(() => send(stream, 0)))
      expectEqual(results.filter(({ duplicate }) => duplicate !== true).length, 1)
      expectEqual(new Set(results.map(({ first }) => first)).size, 1)
      expectEqual((await stream.bounds()).next, 1)
    }),
    placeCase('batches that are sent at once are judged in their order', async ({ open }) => {
      const stream = await open()
      const outcomes = await Promise.allSettled([0, 2, 1, 2].map((sequence) => send(stream, sequence)))
      expectEqual(
        outcomes.map(({ status }) => status),
        ['fulfilled', 'rejected', 'fulfilled', 'fulfilled'],
      )
      expectEqual((await stream.bounds()).next, 3)
    }),
    placeCase(
      'what was stored is acknowledged although its condition would fail now; a refused one may be sent again',
      async ({ open }) => {
        const stream = await open()
        await send(stream, 0, { when: { next: 0 } })
        expectEqual((await send(stream, 0, { when: { next: 0 } })).duplicate, true)
        await expectRejects(send(stream, 1, { when: { next: 9 } }), 'conflict')
        expectEqual((await send(stream, 1, { when: { next: 1 } })).first, 1)
      },
    ),
    placeCase('what no producer can say is invalid', async ({ open }) => {
      const stream = await open()
      for (const wrong of [{ id: '' }, { id: 'x'.repeat(1_025) }, { id: '\ud800' }, { epoch: -1 }, { epoch: 0.5 }]) {
        await expectRejects(send(stream, 0, wrong), 'invalid')
      }
      await expectRejects(send(stream, Number.NaN), 'invalid')
      await expectRejects(stream.append({ records: [withId('a')] }, { producer: { id: 'p', epoch: 0, sequence: 0 } }), 'invalid')
      expectEqual((await stream.bounds()).next, 0)
    }),
  ]
}

function idCases(placeCase: PlaceCase<SuiteCase>): SuiteCase[] {
  const clock = new ManualClock()
  return [
    placeCase('a record whose id was stored is acknowledged with its offset, and stored once', async ({ open }) => {
      const stream = await open()
      await stream.append({ records: records(2) })
      const stored = await stream.append({ records: [withId('a')] })
      const again = await stream.append({ records: [withId('a')] })
      expectEqual([stored.first, again.first, again.next, again.duplicate, again.offsets], [2, 2, 3, true, [2]])
      expectEqual(again.timestamp, stored.timestamp)
      expectEqual((await stream.bounds()).next, 3)
    }),
    placeCase('of a batch only those are stored that were not, and every record has its offset', async ({ open }) => {
      const stream = await open()
      await stream.append({ records: ['a', 'b'].map(withId) })
      const mixed = await stream.append({ records: [...['b', 'c', 'a'].map(withId), ...records(1), ...['d', 'c'].map(withId)] })
      expectEqual([mixed.first, mixed.next, mixed.duplicate ?? false, mixed.offsets], [2, 5, false, [1, 2, 0, 3, 4, 2]])
      const ids = (await stream.read({ from: 0, limit: 10 })).map(({ headers }) => idIn(headers))
      expectEqual(ids, ['a', 'b', 'c', undefined, 'd'])
    }),
    placeCase('of many appends of one id at once one is stored', async ({ open }) => {
      const stream = await open()
      const results = await Promise.all(range(10).map(() => stream.append({ records: [withId('a')] })))
      expectEqual(results.filter(({ duplicate }) => duplicate !== true).length, 1)
      expectEqual(new Set(results.map(({ first }) => first)).size, 1)
      expectEqual((await stream.bounds()).next, 1)
    }),
    placeCase('an id is kept beside the headers of its record', async ({ open }) => {
      const stream = await open()
      await stream.append({ records: [{ ...withId('Ü 😀'), headers: [['h', utf8('x')]] }] })
      const [record] = await stream.read({ from: 0, limit: 1 })
      expectEqual(
        record?.headers.map(([name]) => name),
        ['h', OWN_HEADER.id],
      )
      expectEqual(idIn(record?.headers ?? []), 'Ü 😀')
    }),
    placeCase('an id that is no text, or none at all, is invalid', async ({ open }) => {
      const stream = await open()
      for (const id of ['', 'x'.repeat(1_025), '\udc00', 1 as unknown as string]) {
        await expectRejects(stream.append({ records: [...records(1), withId(id)] }), 'invalid')
      }
      expectEqual((await stream.bounds()).next, 0)
    }),
    placeCase(
      'the window forgets ids by time',
      async ({ open }) => {
        const stream = await open({ dedupe: { ms: 1_000, ids: 100 } })
        await stream.append({ records: [withId('a')] })
        await clock.advance(999)
        expectEqual((await stream.append({ records: [withId('a')] })).duplicate, true)
        await clock.advance(1)
        const anew = await stream.append({ records: [withId('a')] })
        expectEqual([anew.first, anew.duplicate ?? false], [1, false])
        expectEqual((await stream.append({ records: [withId('a')] })).first, 1)
      },
      clock,
    ),
    placeCase('the window forgets ids by count, the oldest first', async ({ open }) => {
      const stream = await open({ dedupe: { ms: 60_000, ids: 3 } })
      for (const id of ['a', 'b', 'c', 'd']) await stream.append({ records: [withId(id)] })
      for (const [offset, id] of ['b', 'c', 'd'].entries()) {
        expectEqual((await stream.append({ records: [withId(id)] })).first, offset + 1)
      }
      expectEqual((await stream.append({ records: [withId('a')] })).first, 4)
      expectEqual((await stream.append({ records: [withId('b')] })).first, 5)
    }),
  ]
}

function keptCases(placeCase: PlaceCase<SuiteCase>): SuiteCase[] {
  return [
    placeCase('what was said outlives the records: trimmed, and compacted by key', async ({ open }) => {
      const stream = await open({ compaction: 'key' })
      for (const sequence of range(4)) await send(stream, sequence, { records: [keyed('same')] })
      await stream.append({ records: [{ ...keyed('same'), id: 'a' }] })
      await stream.append({ records: [keyed('same')] })
      await stream.compact()
      expectEqual((await stream.read({ from: 0, limit: 10 })).length, 1)
      await stream.append({ records: [keyed('other')] })
      await stream.trim(7)
      expectEqual(await stream.producer('p'), { epoch: 0, sequence: 4 })
      expectEqual([(await send(stream, 2)).first, (await stream.append({ records: [withId('a')] })).first], [2, 4])
      expectEqual((await stream.bounds()).next, 7)
    }),
    placeCase('a stream that is copied knows what its records said', async ({ open }) => {
      const stream = await open()
      await send(stream, 0, { count: 2 })
      await send(stream, 1)
      await stream.append({ records: [withId('a')] })
      const copy = await open({}, COPY)
      const read = await stream.read({ from: 0, limit: 10 })
      await copy.append({ records: read.map(asRaw) }, { at: 0, timestamps: 'keep' })
      expectEqual(await copy.producer('p'), { epoch: 0, sequence: 2 })
      expectEqual([(await send(copy, 0, { count: 2 })).first, (await copy.append({ records: [withId('a')] })).first], [0, 3])
      expectEqual((await copy.bounds()).next, 4)
    }),
    placeCase('two writers with one id, or one number, store it once', async (place) => {
      if (place.backend.files !== undefined) return // one owner
      const one = await place.open()
      const other = await (await place.again()).open()
      for (const round of range(5)) {
        const results = await Promise.all([one, other].map((stream) => stream.append({ records: [withId(`id ${round}`)] })))
        expectEqual(results.filter(({ duplicate }) => duplicate === true).length, 1)
        const sent = await Promise.all([one, other].map((stream) => send(stream, round)))
        expectEqual(new Set(sent.map(({ first }) => first)).size, 1)
      }
      expectEqual((await one.bounds()).next, 10)
    }),
    placeCase('a writer learns what others said while it appended what says nothing', async (place) => {
      if (place.backend.files !== undefined) return
      const one = await place.open()
      const other = await (await place.again()).open()
      await one.append({ records: [withId('a')] })
      await other.append({ records: [withId('b')] })
      await one.append({ records: records(3) })
      await send(other, 0)
      expectEqual((await one.append({ records: [withId('b')] })).first, 1)
      expectEqual((await send(one, 0)).duplicate, true)
      expectEqual((await other.append({ records: [withId('a')] })).first, 0)
    }),
  ]
}

function reopenCases(reopenCase: PlaceCase<SuiteCase[]>): SuiteCase[] {
  return [
    ...reopenCase('all of it is known after a restart', async (place) => {
      const stream = await place.open()
      for (const sequence of range(3)) await send(stream, sequence, { epoch: 2, count: 2 })
      await stream.append({ records: [withId('a'), withId('b')] })
      await stream.close()
      const next = await (await place.again()).open()
      expectEqual(await next.producer('p'), { epoch: 2, sequence: 3 })
      expectEqual((await send(next, 1, { epoch: 2, count: 2 })).first, 2)
      expectEqual((await next.append({ records: [withId('b'), withId('c')] })).offsets, [7, 8])
      await expectRejects(send(next, 3, { epoch: 1 }), 'fenced')
    }),
    ...reopenCase('after a restart also of what was trimmed, dropped by retention and compacted', async (place) => {
      const options = { compaction: 'key', retention: { records: 2 }, segmentBytes: 1_024 } as const
      const stream = await place.open(options)
      await stream.append({ records: [{ ...keyed('k'), id: 'a' }] })
      for (const sequence of range(30)) await send(stream, sequence, { records: [keyed('k')] })
      await stream.compact()
      await stream.append({ records: [{ ...keyed('k'), id: 'b' }] })
      await stream.close()
      const next = await (await place.again()).open(options)
      const ids = await Promise.all(['a', 'b'].map((id) => next.append({ records: [withId(id)] })))
      expectEqual(
        ids.map(({ first }) => first),
        [0, 31],
      )
      expectEqual([(await send(next, 29)).first, (await next.producer('p'))?.sequence], [30, 30])
    }),
  ]
}

interface Sent extends Partial<Omit<ProducerBatch, 'sequence'>>, Pick<AppendOptions, 'when'> {
  readonly count?: number
  readonly records?: readonly RawRecord[]
}

function send(stream: RecordStream, sequence: number, sent: Sent = {}): Promise<AppendResult> {
  const { count = 1, records: given, id = 'p', epoch = 0, allowGaps, when } = sent
  const producer = { id, epoch, sequence, ...(allowGaps === undefined ? {} : { allowGaps }) }
  return stream.append({ records: given ?? records(count) }, { producer, ...(when === undefined ? {} : { when }) })
}

function records(count: number): RawRecord[] {
  return range(count).map((index) => ({ value: utf8(`record ${index}`), codec: 0 }))
}

function withId(id: string): RawRecord {
  return { value: utf8('once'), codec: 0, id }
}

function keyed(key: string): RawRecord {
  return { key, value: utf8('value'), codec: 0 }
}

function asRaw({ key, value, headers, codec, timestamp }: Awaited<ReturnType<RecordStream['read']>>[number]): RawRecord {
  return { value, headers, codec, timestamp, ...(key === undefined ? {} : { key }) }
}

function idIn(headers: readonly (readonly [string, Uint8Array])[]): string | undefined {
  const [, value] = headers.find(([name]) => name === OWN_HEADER.id) ?? []
  return value === undefined ? undefined : new TextDecoder().decode(value)
}
