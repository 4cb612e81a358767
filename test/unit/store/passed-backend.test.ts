// Stores over a backend that the caller made, and closes.

import { expect, test } from 'vitest'
import { openKv, openQueue, openStore } from 'varve'
import { memory } from 'varve/adapters/memory'

const isClosed = expect.objectContaining({ code: 'closed' })

test('a backend outlives its stores: another one opens on it and finds what was stored', async () => {
  const backend = memory()
  const first = await openStore(backend)
  await (await openQueue(first, 'orders')).append('book')
  await first.close()
  const second = await openStore(backend)
  const [record] = await (await openQueue(second, 'orders')).read()
  expect(record?.value).toBe('book')
  await second.close()
  expect(await (await openQueue(backend, 'orders')).stats()).toMatchObject({ buckets: [{ next: 1 }] })
})

test('of two stores on one backend each is closed by itself', async () => {
  const backend = memory()
  const [first, second] = [await openStore(backend), await openStore(backend)]
  const queue = await openQueue(second, 'orders')
  await first.close()
  await first.close()
  await queue.append('book')
  await second.close()
  await expect(queue.append('pen')).rejects.toThrow(isClosed)
})

test('closing the backend closes what was opened on it, also in read mode', async () => {
  const backend = memory()
  const [writing, reading] = [await openStore(backend), await openStore(backend, { mode: 'read' })]
  const keys = [await openKv(writing), await openKv(reading)]
  await backend.close()
  for (const one of keys) await expect(one.get('theme')).rejects.toThrow(isClosed)
  await expect(openKv(reading)).rejects.toThrow('the store is closed')
})

test('a misspelt mode is refused and does not write', async () => {
  for (const mode of ['write', 'readonly', 'Read']) {
    await expect(openStore(memory(), { mode } as object)).rejects.toThrow(expect.objectContaining({ code: 'invalid', facts: { mode } }))
  }
})
