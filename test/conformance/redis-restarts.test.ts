import { describe, expect, test } from 'vitest'
import { isStorageError, openQueue, openStore, type Queue } from 'varve'
import { redis } from 'varve/adapters/redis'
import { seededRandom } from 'varve/testing'
import { serverForTests } from '../fixtures/redis-for-tests.js'
import { CLIENTS, describeRedis } from '../fixtures/redis-server.js'
import { SCALE, SEED, tally } from '../tally.js'

/** Of each client. */
const LIVES = 25 * SCALE
const CALLERS = 6

describeRedis('a Redis that syncs before it answers, killed under load', () => {
  const server = serverForTests('--appendonly', 'yes', '--appendfsync', 'always')

  describe.each(CLIENTS)('with the client $name', ({ name, open }) => {
    test('loses nothing that was acknowledged, and stores nothing twice', { timeout: 60_000 * Math.max(2, SCALE) }, async () => {
      const begun = performance.now()
      const random = seededRandom(SEED)
      const opened = await open(server.port)
      const store = await openStore(redis({ client: opened.client, prefix: `${name}:` }))
      const queue = await openQueue<string>(store, 'q')
      const load = startLoad(queue)
      for (let life = 0; life < LIVES; life++) {
        await load.until(1 + Math.floor(random() * 60))
        await server.kill()
        await server.start()
      }
      const { receipts, acked, redelivered } = await load.stop()
      const values = await valuesOf(queue)
      expect(new Set(values).size).toBe(values.length)
      for (const [value, offset] of receipts) expect(values[offset]).toBe(value)
      expect(receipts.size).toBeGreaterThanOrEqual(LIVES)
      expect(acked.size).toBeGreaterThan(0)
      expect(redelivered).toEqual([])
      await store.close()
      await opened.close()
      tally({
        row: `KV staleness, R2 and S3 faults, Redis restarts:restarts by ${name}`,
        ran: LIVES,
        seed: SEED,
        ms: performance.now() - begun,
      })
    })
  })
})

/** Callers that append without a pause, and one that works the records off. */
function startLoad(queue: Queue<string>) {
  const receipts = new Map<string, number>()
  const acked = new Set<number>()
  const redelivered: number[] = []
  let isOver = false
  const appending = Array.from({ length: CALLERS }, async (_, caller) => {
    for (let n = 0; !isOver; n++) {
      const value = `${caller}/${n}`
      const receipt = await queue.append(value).catch(onlyUnavailable)
      if (receipt !== undefined) receipts.set(value, receipt.offset)
    }
  })
  const consuming = (async () => {
    const group = await patiently(() => queue.group('g', { visibilityMs: 60_000 }))
    while (!isOver) {
      const deliveries = (await group.receive({ limit: 5, waitMs: 100 }).catch(onlyUnavailable)) ?? []
      for (const { offset } of deliveries) if (acked.has(offset)) redelivered.push(offset)
      const isAcked = await group.ack(deliveries).then(
        () => true,
        (error) => onlyUnavailable(error) !== undefined,
      )
      if (isAcked) for (const { offset } of deliveries) acked.add(offset)
    }
  })()
  return {
    /** So many receipts more. */
    async until(more: number): Promise<void> {
      const goal = receipts.size + more
      while (receipts.size < goal) await new Promise((resolve) => setImmediate(resolve))
    },
    async stop() {
      isOver = true
      await Promise.all([...appending, consuming])
      return { receipts, acked, redelivered }
    },
  }
}

function onlyUnavailable(error: unknown): undefined {
  if (!isStorageError(error, 'unavailable')) throw error
}

async function patiently<T>(run: () => Promise<T>): Promise<T> {
  for (;;) {
    const result = await run().catch(onlyUnavailable)
    if (result !== undefined) return result
  }
}

async function valuesOf(queue: Queue<string>): Promise<string[]> {
  const values: string[] = []
  for (;;) {
    const records = await queue.read({ from: values.length, limit: 1_000 })
    for (const { value } of records) values.push(value)
    if (records.length === 0) return values
  }
}
