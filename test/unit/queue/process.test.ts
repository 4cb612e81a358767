import { expect, test } from 'vitest'
import { openQueue } from 'varve'
import { memory } from 'varve/adapters/memory'
import { type FaultyBackend, faulty, ManualClock } from 'varve/testing'
import { createContext, storeOver } from '../../../dist/core/derived/resolve.js'

/** The group's own state can be changed so many times, and never again. */
function failingAfter(writes: number): FaultyBackend {
  return faulty(memory(), [
    { on: ['blobs.put', 'blobs.batch'], key: '/group', n: writes + 1, always: true, effect: 'fail', code: 'denied' },
  ])
}

test('process rejects when what its handlers did cannot be acknowledged, and waits for those that run', async () => {
  const failures: string[] = []
  for (let writes = 1; writes < 6; writes++) {
    const backend = failingAfter(writes)
    const queue = await openQueue<number>(backend, 'orders')
    await queue.appendMany([0, 1, 2, 3, 4, 5, 6, 7])
    let running = 0
    const handler = async (): Promise<void> => {
      running++
      await new Promise((resolve) => setImmediate(resolve))
      running--
    }
    const group = await queue.group('billing')
    await group.process(handler, { concurrency: 3, until: 'empty' }).then(
      () => failures.push('none'),
      (error) => failures.push(error.code),
    )
    expect(running).toBe(0)
    backend.heal()
    await backend.close()
  }
  expect(failures[0]).toBe('denied')
})

test('a waiting receive gets what was given back here when it falls due, and not later', async () => {
  const clock = new ManualClock()
  const backend = memory()
  const context = createContext(backend, { clock })
  const queue = await openQueue<number>(
    storeOver(context, () => context.close()),
    'orders',
  )
  await queue.append(1)
  const group = await queue.group('billing')
  const [delivery] = await group.receive()
  await delivery?.nack({ delayMs: 300 })
  const waiting = group.receive({ waitMs: 60_000 })
  while (clock.pending === 0) await new Promise((resolve) => setImmediate(resolve))
  await clock.advance(300)
  expect((await waiting).map(({ value, deliveries }) => [value, deliveries])).toEqual([[1, 2]])
  await backend.close()
})

test('a handler may take value and ack out of its delivery, and a delivery can be copied', async () => {
  const backend = memory()
  const queue = await openQueue<string>(backend, 'orders')
  await queue.append('one', { key: 'k', headers: { h: 'x' } })
  const group = await queue.group('billing')
  const [delivery] = await group.receive()
  expect(structuredClone(delivery)).toEqual({
    ...{ bucket: 0, offset: 0, key: 'k', value: 'one', headers: { h: 'x' }, deliveries: 1 },
    timestamp: expect.any(Number),
  })
  const { ack } = delivery ?? {}
  expect(await ack?.()).toEqual({ settled: 1, ignored: 0 })
  await backend.close()
})

test('what handlers acknowledge without a wait is stored in one write, together with what is received next', async () => {
  const backend = faulty(memory(), [])
  const queue = await openQueue<number>(backend, 'orders')
  const records = Array.from({ length: 63 }, (_, value) => ({ key: `customer-${value % 8}`, value }))
  await queue.appendRecords(records)
  const group = await queue.group('billing', { ordering: 'key' })
  const writes = (): number =>
    backend.operations.filter(({ operation, key }) => /blobs.(put|batch)/.test(operation) && key.includes('/group')).length
  const before = writes()
  const seen: number[] = []
  await group.process(({ value }) => seen.push(value), { until: 'empty' })
  for (let key = 0; key < 8; key++)
    expect(seen.filter((value) => value % 8 === key)).toEqual([...Array(8).keys()].map((n) => 8 * n + key).filter((n) => n < 63))
  expect(writes() - before).toBe(4 + 6 + 1) // 1, 2, 4 and 8 received, then one of each key, six times; the last acknowledgements
  await backend.close()
})
