import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import { openQueue } from 'varve'
import { memory } from 'varve/adapters/memory'

test('a signal that outlives its appends is left without listeners', async () => {
  const backend = memory()
  const queue = await openQueue<number>(backend, 'orders')
  const { signal } = new AbortController()
  await Promise.all([1, 2, 3].map((value) => queue.append(value, { signal })))
  await expect(queue.append(4, { signal, when: { next: 99 } })).rejects.toMatchObject({ code: 'conflict' })
  expect(getEventListeners(signal, 'abort')).toEqual([])
  await backend.close()
})
