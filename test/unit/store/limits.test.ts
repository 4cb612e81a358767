// One rule wherever somebody says how many they want at most.

import { openKv, openQueue, openSnapshots, returnDeadLetters } from 'varve'
import { memory } from 'varve/adapters/memory'
import { expect, test } from 'vitest'

const NONE = [1.5, -1, Number.NaN, Number.NEGATIVE_INFINITY, '5', {}] as readonly number[]
const SOME = [...NONE, 0, 10_001, Number.POSITIVE_INFINITY]
const S = { agent: 'a', session: 's' }

async function refused(limits: readonly number[], name: string, call: (limit: number) => Promise<unknown>): Promise<void> {
  for (const limit of limits) {
    const error = await call(limit).then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    expect(error, `${name} ${String(limit)}`).toMatchObject({ code: 'invalid', facts: { [name]: expect.anything() } })
  }
}

async function all(items: AsyncIterable<unknown>): Promise<unknown[]> {
  const found: unknown[] = []
  for await (const item of items) found.push(item)
  return found
}

test('lists take a whole number, 0 or more, or Infinity', async () => {
  const backend = memory()
  const kv = await openKv(backend)
  const snapshots = await openSnapshots(backend)
  await kv.put('one', 1)
  await kv.put('two', 2)
  for (const state of [1, 2]) await snapshots.save({ ...S, state })
  for (const list of [kv.list, kv.keys, snapshots.list] as const) {
    const of = list === snapshots.list ? snapshots : kv
    const listed = (limit: number) => all((list as (options: object) => AsyncIterable<unknown>).call(of, { limit }))
    await refused(NONE, 'limit', listed)
    expect([(await listed(0)).length, (await listed(1)).length, (await listed(Number.POSITIVE_INFINITY)).length]).toEqual([0, 1, 2])
  }
  await refused(NONE, 'limit', (limit) => snapshots.copy(memory(), { filter: { limit } }))
  await refused(NONE, 'limit', (limit) => new Response(snapshots.export({ filter: { limit } })).arrayBuffer())
})

test('reads of queues take a whole number from 1 to 10 000', async () => {
  const backend = memory()
  const queue = await openQueue(backend, 'q')
  const letters = await openQueue(backend, 'letters')
  await queue.append('one')
  const group = await queue.group('g')
  const reader = await queue.reader()
  const marks = await queue.marks('task')
  await refused(SOME, 'limit', (limit) => queue.read({ limit }))
  await refused(SOME, 'limit', (limit) => reader.read({ limit }))
  await refused(SOME, 'limit', (limit) => group.receive({ limit }))
  await refused(SOME, 'limit', (limit) => group.claim({ minIdleMs: 0, limit }))
  await refused(SOME, 'limit', (limit) => group.pending({ limit }))
  await refused(SOME, 'limit', (limit) => marks.take({ limit }))
  await refused(SOME, 'prefetch', (prefetch) => all(group.consume({ prefetch, until: 'empty' })))
  await refused([...NONE, 0], 'limit', (limit) => returnDeadLetters(letters, queue, { limit }))
})
