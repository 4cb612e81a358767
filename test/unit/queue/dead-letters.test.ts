// A process dies at each write on a record's way to the dead letters, and back: it arrives once.

import { expect, test } from 'vitest'
import { deadLetterOf, openQueue, type Queue, returnDeadLetters } from 'varve'
import { memory } from 'varve/adapters/memory'
import { type FaultyBackend, faulty, ManualClock } from 'varve/testing'
import { createContext, storeOver } from '../../../dist/core/derived/resolve.js'

const HOUR_MS = 3_600_000
const MAX_WRITES = 50

interface World {
  readonly orders: Queue<string>
  readonly dead: Queue<string>
}

/** One life of the program; it is never closed. */
async function open(backend: FaultyBackend, clock: ManualClock): Promise<World> {
  const context = createContext(backend, { clock })
  const store = storeOver(context, () => context.close())
  return { orders: await openQueue<string>(store, 'orders'), dead: await openQueue<string>(store, 'dead') }
}

async function giveUpFirst({ orders, dead }: World): Promise<void> {
  const group = await orders.group('billing', { deadLetters: dead, maxDeliveries: 1 })
  const [delivery] = await group.receive()
  await delivery?.nack({ reason: 'no money' })
}

interface Story {
  readonly prepare: (world: World) => Promise<void>
  /** Dies at one of its writes. */
  readonly run: (world: World) => Promise<unknown>
  /** An hour later, in another process. */
  readonly after: (world: World) => Promise<void>
}

/** Resolves to how many deaths there were. */
async function dieAtEachWrite({ prepare, run, after }: Story): Promise<number> {
  for (let n = 1; n <= MAX_WRITES; n++) {
    for (const effect of ['fail', 'lose'] as const) {
      const clock = new ManualClock()
      const inner = memory()
      await prepare(await open(faulty(inner, []), clock))
      const dying = faulty(inner, [{ on: ['blobs.put', 'blobs.batch', 'blobs.delete'], n, always: true, effect: 'fail', code: 'denied' }])
      const lost = faulty(inner, [
        { on: ['blobs.put', 'blobs.batch', 'blobs.delete'], n, effect: 'lose' },
        { on: ['blobs.put', 'blobs.batch', 'blobs.delete'], n: n + 1, always: true, effect: 'fail', code: 'denied' },
      ])
      const backend = effect === 'fail' ? dying : lost
      await run(await open(backend, clock)).catch((error: unknown) => expect(error).toMatchObject({ brand: expect.any(String) }))
      if (backend.struck === 0) return n - 1
      await clock.advance(HOUR_MS)
      await after(await open(faulty(inner, []), clock))
      await inner.close()
    }
  }
  return MAX_WRITES
}

test('a record becomes one dead letter, wherever its consumer dies', async () => {
  const deaths = await dieAtEachWrite({
    prepare: async ({ orders }) => void (await orders.appendMany(['one', 'two'])),
    run: giveUpFirst,
    after: async ({ orders, dead }) => {
      const group = await orders.group('billing', { deadLetters: dead, maxDeliveries: 1 })
      const rest = await group.receive({ limit: 10 })
      const letters = await dead.read()
      const isStillThere = rest.some(({ value }) => value === 'one')
      expect(letters.map(({ value }) => value)).toEqual(isStillThere ? [] : ['one'])
      for (const letter of letters) expect(deadLetterOf(letter)).toMatchObject({ queue: 'orders', offset: 0, group: 'billing' })
      await group.ack(rest)
      expect(await group.lag()).toEqual({ total: 0, buckets: [0] })
    },
  })
  expect(deaths).toBeGreaterThanOrEqual(3)
  expect(deaths).toBeLessThan(MAX_WRITES)
})

test('a dead letter is put back once, wherever the call dies', async () => {
  const deaths = await dieAtEachWrite({
    prepare: async (world) => {
      await world.orders.appendMany(['one', 'two'])
      await giveUpFirst(world)
    },
    run: ({ orders, dead }) => returnDeadLetters(dead, orders),
    after: async ({ orders, dead }) => {
      await returnDeadLetters(dead, orders)
      expect((await orders.read()).map(({ value }) => value)).toEqual(['one', 'two', 'one'])
      expect(await returnDeadLetters(dead, orders)).toEqual({ returned: 0, left: 0 })
    },
  })
  expect(deaths).toBeGreaterThanOrEqual(2)
  expect(deaths).toBeLessThan(MAX_WRITES)
})
