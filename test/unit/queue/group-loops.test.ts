// What a loop over a group says to it, and when.

import { expect, test } from 'vitest'
import { openQueue } from 'varve'
import { memory } from 'varve/adapters/memory'
import { ManualClock } from 'varve/testing'
import { createContext, storeOver } from '../../../dist/core/derived/resolve.js'
import type { GroupHandle } from '../../../dist/core/features/queue/group-handle.js'
import type { GroupSource } from '../../../dist/core/features/queue/group-source.js'
import { processGroup } from '../../../dist/core/features/queue/process.js'

const MINUTE_MS = 60_000

test('what is being given back is not extended, so that it rests as long as it was told', async () => {
  const clock = new ManualClock()
  const context = createContext(memory(), { clock })
  const queue = await openQueue<number>(
    storeOver(context, () => context.close()),
    'orders',
  )
  await queue.append(1)
  const group = (await queue.group('billing', { visibilityMs: MINUTE_MS, backoff: { firstMs: 1_000 } })) as GroupHandle<number>
  const extended: number[] = []
  const slow: GroupSource<number> = {
    clock,
    visibilityMs: MINUTE_MS,
    fetch: (options) => group.fetch(options),
    ack: (deliveries) => group.ack(deliveries),
    extend: (deliveries, ms) => {
      extended.push(...deliveries.map(({ offset }) => offset))
      return group.extend(deliveries, ms)
    },
    release: (deliveries) => group.release(deliveries),
    giveBack: async (delivery, options) => {
      const dead = await group.giveBack(delivery, options)
      await clock.advance(MINUTE_MS / 3)
      return dead
    },
  }
  const controller = new AbortController()
  const handler = (): void => {
    controller.abort()
    throw new Error('no')
  }
  expect(await processGroup(slow, handler, { signal: controller.signal })).toEqual({ acked: 0, failed: 1, dead: 0 })
  expect(extended).toEqual([])
  expect((await group.receive()).map(({ deliveries }) => deliveries)).toEqual([2])
  await context.close()
})

test('what rests cannot be extended', async () => {
  const clock = new ManualClock()
  const context = createContext(memory(), { clock })
  const queue = await openQueue<number>(
    storeOver(context, () => context.close()),
    'orders',
  )
  await queue.append(1)
  const group = await queue.group('billing')
  const [delivery] = await group.receive()
  await delivery?.nack({ delayMs: 10 })
  expect(await delivery?.extend(MINUTE_MS)).toEqual({ settled: 0, ignored: 1 })
  await clock.advance(10)
  expect((await group.receive()).map(({ deliveries }) => deliveries)).toEqual([2])
  await context.close()
})

test('a waiting handle is woken by what another handle of its group settles', async () => {
  const clock = new ManualClock()
  const context = createContext(memory(), { clock })
  const store = storeOver(context, () => context.close())
  const queue = await openQueue<number>(store, 'orders')
  const same = await openQueue<number>(store, 'orders')
  await queue.appendRecords([1, 2, 3].map((value) => ({ key: 'ada', value })))
  const one = await queue.group('billing', { ordering: 'key' })
  const two = await same.group('billing')
  let [delivery] = await one.receive()
  for (const [expected, taker] of [[2, two] as const, [3, one] as const]) {
    const waiting = taker.receive({ waitMs: MINUTE_MS })
    while (clock.pending === 0) await new Promise((resolve) => setImmediate(resolve))
    await delivery?.ack() // no time passes
    delivery = (await waiting)[0]
    expect(delivery?.value).toBe(expected)
  }
  await context.close()
})

test('process counts a handler that returned, also where it acknowledged its record itself', async () => {
  const backend = memory()
  const queue = await openQueue<number>(backend, 'orders')
  await queue.appendMany([1, 2])
  const group = await queue.group('billing')
  expect(await group.process(({ ack }) => ack(), { until: 'empty' })).toEqual({ acked: 2, failed: 0, dead: 0 })
  await backend.close()
})
