import { openQueue, type Queue } from 'varve'
import { memory } from 'varve/adapters/memory'
import { expect, test } from 'vitest'

async function withQueue(use: (queue: Queue<number>) => Promise<void>): Promise<void> {
  const backend = memory()
  await use(await openQueue<number>(backend, 'orders'))
  await backend.close()
}

test('one key in front of all others holds none of them up', () =>
  withQueue(async (queue) => {
    const hot = Array.from({ length: 3_000 }, (_, value) => ({ key: 'hot', value }))
    const others = Array.from({ length: 7 }, (_, value) => ({ key: `customer-${value}`, value: 3_000 + value }))
    await queue.appendRecords([...hot, ...others])
    const group = await queue.group('billing', { ordering: 'key' })
    const taken = await group.receive({ limit: 8 })
    expect(taken.map(({ value }) => value)).toEqual([0, ...others.map(({ value }) => value)])
  }))

test('a receive beside an acknowledgement finds others when the next of that key is not due', () =>
  withQueue(async (queue) => {
    await queue.append(0, { key: 'a' })
    await queue.append(1, { key: 'a', delayMs: 3_600_000 })
    const group = await queue.group('billing', { ordering: 'key' })
    const first = await group.receive({ limit: 2 })
    await queue.append(2, { key: 'b' })
    const [, second] = await Promise.all([group.ack(first), group.receive()])
    expect([...first, ...second].map(({ value }) => value)).toEqual([0, 2])
  }))
