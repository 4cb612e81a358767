import { openKv, openQueue, openStore, type StorageError, toAppend, toPut, transaction } from 'varve'
import { crashStates, type FaultBackend, faultBackend, type FaultRule, faulty, ManualClock } from 'varve/testing'
import { describe, expect, test } from 'vitest'
import { SEED, tally } from '../tally.js'

const COUNT = 12
const NOW = Date.UTC(2024, 0, 1)

async function open(backend: FaultBackend | ReturnType<typeof faulty>) {
  const clock = new ManualClock({ now: NOW })
  const store = await openStore(backend, { clock })
  const counters = await openKv<{ n: number }>(store, 'counters')
  const [orders, audit] = [await openQueue<number>(store, 'orders', { segmentBytes: 600 }), await openQueue<number>(store, 'audit')]
  return { store, clock, counters, orders, audit }
}

type Shop = Awaited<ReturnType<typeof open>>

function step({ store, counters, orders, audit }: Shop, n: number): Promise<unknown> {
  return transaction(store, [toPut(counters, 'n', n), toAppend(orders, n), toAppend(audit, n), toAppend(orders, -1 - n)])
}

/** The counter tells what both queues hold. */
async function checkWhole({ counters, orders, audit }: Shop): Promise<number> {
  const count = ((await counters.get('n')) ?? -1) + 1
  const numbers = Array.from({ length: count }, (_, n) => n)
  expect((await orders.read({ limit: 1_000 })).map(({ value }) => value)).toEqual(numbers.flatMap((n) => [n, -1 - n]))
  expect((await audit.read({ limit: 1_000 })).map(({ value }) => value)).toEqual(numbers)
  return count
}

describe('a transaction is there as a whole or not at all', () => {
  test.each([
    { name: 'strict', options: { files: false } },
    { name: 'relaxed', options: { files: false, defaultDurability: 'relaxed', relaxedLoss: 'suffix' } as const },
  ])('whatever a crash leaves, puts being $name', async ({ name, options }) => {
    const from = performance.now()
    const backend = faultBackend(options)
    const shop = await open(backend)
    const stored: number[] = []
    for (let n = 0; n < COUNT; n++) {
      await step(shop, n)
      stored.push(backend.recording.operations.length)
      if (n === 6) await shop.orders.compact()
    }
    let ran = 0
    const lengths = new Set<number>()
    for (const state of crashStates(backend.recording, { seed: SEED, backend: options })) {
      const opened = await open(state.open())
      const count = await checkWhole(opened)
      const isSure = state.failure === 'kill' || name === 'strict'
      if (isSure) expect(count, state.description).toBeGreaterThanOrEqual(stored.filter((at) => at < state.operations).length)
      await step(opened, count)
      expect(await checkWhole(opened)).toBe(count + 1)
      lengths.add(count)
      await opened.store.close()
      ran++
    }
    expect(lengths.size).toBe(COUNT + 1)
    tally({ row: `crash at every write and sync: transactions, ${name}`, ran, seed: SEED, ms: performance.now() - from })
  })

  test('is stored once when answers are lost, and refused ones are tried again', async () => {
    for (const effect of ['lose', 'fail'] as const) {
      for (const n of [1, 2, 5]) {
        const backend = faultBackend({ files: false })
        const rules: FaultRule[] = [{ on: 'blobs.batch', n, effect }]
        const shop = await open(faulty(backend, rules))
        const pending = [0, 1, 2].reduce((before, one) => before.then(() => step(shop, one)), Promise.resolve<unknown>(undefined))
        await driven(shop, pending)
        expect(await checkWhole(shop)).toBe(3)
        await shop.store.close()
      }
    }
  })

  test('of keys alone tells where an answer was lost that it may be stored', async () => {
    const backend = faultBackend({ files: false })
    const { store, counters } = await open(faulty(backend, [{ on: 'blobs.batch', n: 1, effect: 'lose' }]))
    expect(await transaction(store, [toPut(counters, 'n', 1)])).toEqual([{ version: (await counters.entry('n'))?.version }])
    const failing = await open(faulty(backend, [{ on: 'blobs.batch', n: 1, effect: 'fail', code: 'quota' }]))
    const error = await transaction(failing.store, [toPut(failing.counters, 'n', 2)]).catch((reason: StorageError) => reason)
    expect(error).toMatchObject({ code: 'quota' })
    expect(await counters.get('n')).toBe(1)
  })
})

/** The back-off of a lost answer waits on the clock of the store. */
async function driven({ clock }: Shop, pending: Promise<unknown>): Promise<void> {
  let isDone = false
  const done = pending.finally(() => {
    isDone = true
  })
  while (!isDone) {
    await clock.advance(50)
    await new Promise((resolve) => setImmediate(resolve))
  }
  await done
}
