// What becomes of records that fail: they rest longer each time, go to the dead letters in the end, and can be put back.

import { returnDeadLetters } from '../core/compose/dead-letters.js'
import type { Codec } from '../core/codec/codec.js'
import { fromUtf8, utf8 } from '../core/base/bytes.js'
import { type Clock, systemClock } from '../core/base/clock.js'
import type { Store } from '../core/derived/resolve.js'
import { deadLetterOf } from '../core/features/queue/dead-letter.js'
import { queues } from '../core/features/queue/queues.js'
import type { Delivery, Group } from '../core/features/queue/group-types.js'
import type { Queue } from '../core/features/queue/types.js'
import { expectBytes, expectEqual, expectRejects, expectTrue } from './assert.js'
import type { ManualClock } from './manual-clock.js'
import { openQueue } from './queue-format.js'
import { groupCase, MINUTE_MS, type Scene, valuesOf } from './queue-group-scene.js'
import { driven, range, storeCase, storeOn } from './queue-place.js'
import type { BackendSuiteOptions, MakeBackend, SuiteCase } from './suite.js'

/** Part of `queueSuite`. */
export function retryCases(make: MakeBackend, { reopen }: BackendSuiteOptions): readonly SuiteCase[] {
  const cases = [...backoffCases(make), ...deadLetterCases(make), ...unreadableCases(make), ...returnCases(make), slowReturnCase(make)]
  return reopen === undefined ? cases : [...cases, ...restartCases(make, reopen)]
}

function backoffCases(make: MakeBackend): readonly SuiteCase[] {
  const backoff = { firstMs: 1_000, maxMs: 4_000 }
  return [
    groupCase(
      'retry: what is given back rests longer each time, up to the limit',
      make,
      async ({ group, clock }) => {
        await group.commit(0, 9)
        for (const ceilingMs of [1_000, 2_000, 4_000, 4_000]) {
          const [delivery] = await group.receive()
          await delivery?.nack()
          await clock.advance(ceilingMs / 2 - 1)
          expectEqual(await group.receive(), [], 'at least half of it')
          await clock.advance(ceilingMs / 2 + 1)
        }
        expectEqual((await group.receive())[0]?.deliveries, 5)
      },
      { backoff },
    ),
    groupCase(
      'retry: without dead letters a record is delivered for ever',
      make,
      async ({ group, clock }) => {
        await group.commit(0, 9)
        for (let deliveries = 1; deliveries <= 25; deliveries++) {
          const [delivery] = await group.receive()
          expectEqual([delivery?.value, delivery?.deliveries], [9, deliveries])
          await delivery?.nack()
          await clock.advance(4_000)
        }
      },
      { backoff },
    ),
    groupCase('retry: options that make no sense are refused', make, async ({ queue, group }) => {
      for (const options of [
        { backoff: { firstMs: 0 } },
        { backoff: { firstMs: 10, maxMs: 5 } },
        { maxPending: 0 },
        { maxDeliveries: 3 },
        { maxDeliveries: 0, deadLetters: 'dead' },
        { deadLetters: 'q' },
        { deadLetters: queue },
        { deadLetters: '' },
        { ordering: 'all' as 'key' },
        { create: 'maybe' as 'new' },
        { visibilityMs: 0 },
      ])
        await expectRejects(queue.group('refused', options), 'invalid')
      expectEqual(await queue.groups(), ['g'])
      const [delivery] = await group.receive()
      await expectRejects(async () => delivery?.nack({ delayMs: -1 }), 'invalid')
      await expectRejects(async () => delivery?.extend(0), 'invalid')
    }),
  ]
}

/** Brings the group to receive what it has once more. */
async function later({ clock }: Pick<Scene, 'clock'>): Promise<void> {
  await clock.advance(10 * MINUTE_MS)
}

function deadLetterCases(make: MakeBackend): readonly SuiteCase[] {
  return [
    groupCase('dead letters: a record goes there after its last delivery, with all that is known of it', make, async ({ store, clock }) => {
      const queue = await openQueue<{ n: number }>(store, 'orders')
      const dead = await openQueue<{ n: number }>(store, 'dead')
      const group = await queue.group('billing', { deadLetters: dead, maxDeliveries: 2 })
      const { timestamp } = await queue.append({ n: 7 }, { key: 'ada', headers: { source: 'web' } })
      await queue.append({ n: 8 })
      const [first] = await group.receive()
      await first?.nack({ delayMs: 0, reason: 'no money' })
      await clock.advance(1_000)
      const [again] = await group.receive()
      expectEqual([again?.value, again?.deliveries], [{ n: 7 }, 2])
      expectEqual(await again?.nack({ reason: 'still none' }), { settled: 1, ignored: 0 })
      await later({ clock })
      expectEqual(valuesOf(await group.receive({ limit: 10 })), [{ n: 8 }], 'nobody sees it again')
      const [letter, ...others] = await dead.read()
      expectEqual(others, [])
      expectEqual([letter?.value, letter?.key, letter?.headers.source], [{ n: 7 }, 'ada', 'web'])
      expectEqual(letter === undefined ? undefined : deadLetterOf(letter), {
        reason: 'still none',
        queue: 'orders',
        bucket: 0,
        offset: 0,
        timestamp,
        group: 'billing',
        deliveries: 2,
        time: letter?.timestamp ?? 0,
      })
      expectEqual(deadLetterOf((await queue.read())[0] ?? { headers: {} }), undefined)
    }),
    groupCase('dead letters: a handler that throws for ever is left behind, the others go on', make, async ({ store, queue, clock }) => {
      const group = await queue.group('other', { deadLetters: 'dead', maxDeliveries: 3 })
      expectTrue(!(await queues(store)).includes('dead'), 'the queue is made when it is needed')
      const met: number[] = []
      const handler = ({ value }: Delivery<number>): void => {
        met.push(value)
        if (value === 4) throw new RangeError('never')
      }
      const sum = { acked: 0, failed: 0, dead: 0 }
      for (let round = 0; round < 5; round++) {
        const { acked, failed, dead } = await driven(clock, group.process(handler, { until: 'empty' }))
        sum.acked += acked
        sum.failed += failed
        sum.dead += dead
        await later({ clock })
      }
      expectEqual(sum, { acked: 9, failed: 3, dead: 1 })
      expectEqual(met.filter((value) => value === 4).length, 3)
      expectEqual((await group.lag()).total, 0)
      const letters = await (await openQueue<number>(store, 'dead')).read()
      expectEqual(valuesOf(letters), [4])
      expectEqual(letters[0] && deadLetterOf(letters[0])?.reason, 'never')
    }),
    groupCase('dead letters: a consumer that dies between receive and ack counts as a delivery', make, async ({ store, queue, clock }) => {
      const dead = await openQueue<number>(store, 'dead')
      const group = await queue.group('other', { deadLetters: dead, maxDeliveries: 2, visibilityMs: MINUTE_MS })
      await group.commit(0, 8)
      for (const deliveries of [1, 2]) {
        const [delivery] = await group.receive({ consumer: `dies ${deliveries}` })
        expectEqual([delivery?.value, delivery?.deliveries], [8, deliveries])
        await clock.advance(MINUTE_MS)
      }
      expectEqual(valuesOf(await group.receive({ limit: 10 })), [9])
      const [letter, ...others] = await dead.read()
      expectEqual([letter?.value, others.length], [8, 0])
      expectEqual(letter && deadLetterOf(letter)?.reason, 'not acknowledged in 2 deliveries')
      expectEqual(letter && deadLetterOf(letter)?.deliveries, 2)
    }),
    groupCase('dead letters: a claim does not bring back what used up its deliveries', make, async ({ store, queue, clock }) => {
      const dead = await openQueue<number>(store, 'dead')
      const group = await queue.group('other', { deadLetters: dead, maxDeliveries: 1 })
      await group.receive({ limit: 2 })
      await clock.advance(1_000)
      expectEqual(await group.claim({ minIdleMs: 1_000 }), [])
      expectEqual(valuesOf(await dead.read()), [0, 1])
      expectEqual(await group.committed(), [2])
    }),
    groupCase('dead letters: what was done already is none, whoever gives it back', make, async ({ store, queue, clock }) => {
      const dead = await openQueue<number>(store, 'dead')
      const group = await queue.group('other', { deadLetters: dead, maxDeliveries: 1 })
      const [acked, committed, failed] = await group.receive({ limit: 3 })
      await acked?.ack()
      expectEqual(await acked?.nack({ reason: 'too late' }), { settled: 0, ignored: 1 })
      await group.commit(0, 2)
      const all = [acked, committed, failed].filter((one) => one !== undefined)
      expectEqual(await group.nack(all, { reason: 'no' }), { settled: 1, ignored: 2 })
      expectEqual(valuesOf(await dead.read()), [2])
      const handler = async (delivery: Delivery<number>): Promise<void> => {
        await delivery.ack()
        throw new Error('after it was done')
      }
      const result = await driven(clock, group.process(handler, { until: 'empty' }))
      expectEqual(result, { acked: 0, failed: 7, dead: 0 })
      expectEqual(valuesOf(await dead.read()), [2])
    }),
    groupCase('dead letters: several queues and groups share one queue for them', make, async ({ store, queue, clock }) => {
      const dead = await openQueue<number>(store, 'dead', { buckets: 3 })
      const second = await openQueue<number>(store, 'second', { buckets: 2 })
      await second.appendRecords(range(6).map((value) => ({ value: 100 + value, key: `k${value}` })))
      for (const [from, name] of [
        [queue, 'a'],
        [queue, 'b'],
        [second, 'a'],
      ] as const) {
        const group = await from.group(name, { deadLetters: dead, maxDeliveries: 1 })
        await driven(
          clock,
          group.process(
            () => {
              throw new Error(name)
            },
            { until: 'empty' },
          ),
        )
      }
      const letters = (await Promise.all(range(3).map((bucket) => dead.read({ bucket })))).flat()
      expectEqual(
        letters.map((letter) => `${deadLetterOf(letter)?.queue} ${deadLetterOf(letter)?.group} ${letter.value}`).sort(),
        [...range(10).map((n) => `q a ${n}`), ...range(10).map((n) => `q b ${n}`), ...range(6).map((n) => `second a ${100 + n}`)].sort(),
      )
    }),
    groupCase('dead letters: where they cannot be stored the error is told, and nothing is lost', make, async ({ store, queue, clock }) => {
      const dead = await openQueue<number>(store, 'dead')
      await dead.seal()
      const group = await queue.group('other', { deadLetters: dead, maxDeliveries: 1 })
      await group.commit(0, 8)
      const [delivery] = await group.receive()
      await expectRejects(async () => delivery?.nack({ reason: 'no' }), 'closed')
      await later({ clock })
      await expectRejects(group.receive({ limit: 10 }), 'closed')
      const mended = await queue.group('other', { deadLetters: 'mended', maxDeliveries: 1 })
      expectEqual(valuesOf(await mended.receive({ limit: 10 })), [9])
      expectEqual(valuesOf(await (await openQueue<number>(store, 'mended')).read()), [8])
    }),
  ]
}

/** Reads back only what it wrote: another codec has no idea. */
const reversed: Codec = {
  name: 'reversed',
  id: 9,
  encode: (value) => utf8([...String(value)].reverse().join('')),
  decode: (bytes) => [...fromUtf8(bytes)].reverse().join(''),
}

function unreadableCases(make: MakeBackend): readonly SuiteCase[] {
  return [
    groupCase('dead letters: a value that cannot be read goes there as bytes, and the group goes on', make, async ({ store, clock }) => {
      const written = await openQueue<string>(store, 'odd', { codec: reversed })
      const plain = await openQueue<string>(store, 'odd')
      await plain.append('one')
      await written.append('two', { headers: { source: 'web' } })
      await plain.append('three')
      const dead = await openQueue<unknown>(store, 'dead')
      const group = await plain.group('g', { deadLetters: dead, maxDeliveries: 2 })
      expectEqual(valuesOf(await group.receive({ limit: 10 })), ['one', 'three'])
      expectEqual(await dead.read(), [], 'another consumer may be able to')
      await later({ clock })
      for (const delivery of await group.receive({ limit: 10 })) await delivery.ack()
      expectEqual((await group.lag()).total, 0)
      const [letter, ...others] = await dead.read()
      expectEqual(others, [])
      expectBytes(letter?.value as Uint8Array, utf8('owt'))
      expectEqual(letter?.headers.source, 'web')
      expectTrue((letter && deadLetterOf(letter)?.reason)?.includes('codec'), 'the reason says why')
      expectEqual(await returnDeadLetters(dead, plain), { returned: 1, left: 0 })
      expectEqual((await written.read({ from: { last: 1 } }))[0]?.value, 'two', 'it is what it was')
    }),
  ]
}

/** All that is there becomes dead letters. */
async function killAll({ group, clock }: { readonly group: Group<number>; readonly clock: ManualClock }): Promise<void> {
  const handler = (): void => {
    throw new Error('no')
  }
  await driven(clock, group.process(handler, { until: 'empty' }))
}

interface Deadly extends Scene {
  readonly dead: Queue<number>
}

function returnCase(name: string, make: MakeBackend, body: (scene: Deadly) => Promise<void>): SuiteCase {
  return groupCase(name, make, async (scene) => {
    const dead = await openQueue<number>(scene.store, 'dead')
    const group = await scene.queue.group('dying', { deadLetters: dead, maxDeliveries: 1 })
    await killAll({ group, clock: scene.clock })
    expectEqual((await dead.read()).length, 10)
    await body({ ...scene, group, dead })
  })
}

function returnCases(make: MakeBackend): readonly SuiteCase[] {
  return [
    returnCase('dead letters: they are put back once, as they were', make, async ({ queue, dead, group }) => {
      expectEqual(await returnDeadLetters(dead, queue), { returned: 10, left: 0 })
      expectEqual(await returnDeadLetters(dead, queue), { returned: 0, left: 0 })
      const again = await group.receive({ limit: 20 })
      expectEqual(
        again.map(({ value, deliveries, headers }) => ({ value, deliveries, headers: Object.keys(headers).filter(isOfDeath) })),
        range(10).map((value) => ({ value, deliveries: 1, headers: [] })),
      )
    }),
    returnCase('dead letters: some are chosen, the others stay for later', make, async ({ queue, dead, group }) => {
      const filter = ({ value }: { readonly value: number }): boolean => value % 2 === 1
      expectEqual(await returnDeadLetters(dead, queue, { filter, limit: 2 }), { returned: 2, left: 2 })
      expectEqual(await returnDeadLetters(dead, queue, { filter }), { returned: 3, left: 5 })
      expectEqual(valuesOf(await group.receive({ limit: 20 })), [1, 3, 5, 7, 9])
      expectEqual(await returnDeadLetters(dead, queue), { returned: 5, left: 0 })
      expectEqual(valuesOf(await group.receive({ limit: 20 })), [0, 2, 4, 6, 8])
    }),
    returnCase('dead letters: a queue gets its own back, another one what it is given', make, async ({ store, queue, dead }) => {
      const other = await openQueue<number>(store, 'other', { buckets: 2 })
      expectEqual(await returnDeadLetters(dead, other), { returned: 0, left: 10 })
      await dead.append(11)
      const filter = (_record: unknown, letter: { readonly queue: string }): boolean => letter.queue === 'q'
      expectEqual(await returnDeadLetters(dead, other, { filter }), { returned: 10, left: 1 })
      expectEqual((await other.read({ bucket: 0 })).length + (await other.read({ bucket: 1 })).length, 10)
      await expectRejects(returnDeadLetters(dead, dead), 'invalid')
      await expectRejects(returnDeadLetters(dead, queue, { limit: 0 }), 'invalid')
    }),
    storeCase('dead letters: what was put back can die again', make, async (store) => {
      const queue = await openQueue<number>(store, 'q')
      const dead = await openQueue<number>(store, 'dead')
      await queue.append(1)
      const group = await queue.group('g', { deadLetters: dead, maxDeliveries: 1 })
      for (const count of [1, 2, 3]) {
        for (const delivery of await group.receive()) await delivery.nack({ reason: `time ${count}` })
        const letters = await dead.read()
        expectEqual(letters.length, count)
        expectEqual(deadLetterOf(letters[count - 1] ?? { headers: {} })?.reason, `time ${count}`)
        expectEqual(await returnDeadLetters(dead, queue), { returned: 1, left: 0 })
      }
    }),
  ]
}

/** Time passes only when it is told to. */
function slowReturnCase(make: MakeBackend): SuiteCase {
  let passed = 0
  const clock: Clock = { ...systemClock, now: () => systemClock.now() + passed }
  const name = 'dead letters: each is looked at once, however long it takes'
  const body = async (store: Store): Promise<void> => {
    const queue = await openQueue<number>(store, 'q')
    const dead = await openQueue<number>(store, 'dead')
    await queue.appendMany(range(10))
    const group = await queue.group('g', { deadLetters: dead, maxDeliveries: 1 })
    await group.nack(await group.receive({ limit: 10 }))
    const seen: number[] = []
    const filter = ({ value }: { readonly value: number }): boolean => {
      seen.push(value)
      passed += MINUTE_MS
      if (seen.length > 20) throw new RangeError('it begins again and again')
      return value % 2 === 1
    }
    expectEqual(await returnDeadLetters(dead, queue, { filter, limit: 9 }), { returned: 5, left: 5 })
    expectEqual(
      seen.sort((a, b) => a - b),
      range(10),
    )
    expectEqual(await returnDeadLetters(dead, queue), { returned: 5, left: 0 })
  }
  return storeCase(name, make, body, () => clock)
}

function restartCases(make: MakeBackend, reopen: NonNullable<BackendSuiteOptions['reopen']>): readonly SuiteCase[] {
  return [
    storeCase('retry: deliveries, reasons and dead letters are counted on after a restart', make, async (store, backend) => {
      const queue = await openQueue<number>(store, 'q')
      await queue.appendMany([1, 2])
      const options = { deadLetters: 'dead', maxDeliveries: 2, ordering: 'key' } as const
      const [first, second] = await (await queue.group('g', options)).receive({ limit: 2 })
      await first?.nack({ delayMs: 0, reason: 'before' })
      await second?.ack()
      await store.close()
      await backend.close()
      const again = await reopen(backend)
      const store2 = storeOn(again)
      const queue2 = await openQueue<number>(store2, 'q')
      const group = await queue2.group('g', options)
      const [third, ...none] = await group.receive({ limit: 2 })
      expectEqual([third?.value, third?.deliveries, third?.reason, none.length], [1, 2, 'before', 0])
      await third?.nack({ reason: 'after' })
      const dead = await openQueue<number>(store2, 'dead')
      expectEqual(
        (await dead.read()).map((letter) => [letter.value, deadLetterOf(letter)?.reason]),
        [[1, 'after']],
      )
      expectEqual((await group.lag()).total, 0)
      expectEqual(await returnDeadLetters(dead, queue2), { returned: 1, left: 0 })
      await store2.close()
      await again.close()
    }),
  ]
}

function isOfDeath(name: string): boolean {
  return name.startsWith('varve-dead')
}
