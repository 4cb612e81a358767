import { openQueue, openStore } from 'varve'
import { memory } from 'varve/adapters/memory'
import { expect, test } from 'vitest'

test('a header called __proto__ stays data and reaches no prototype', async () => {
  const store = await openStore(memory())
  const queue = await openQueue(store, 'q')
  const headers = JSON.parse('{"__proto__": "x", "constructor": "y"}') as Record<string, string>
  await queue.append(1, { headers })
  const [record] = await queue.read()
  expect(Object.entries(record?.headers ?? {})).toEqual(Object.entries(headers))
  expect(Object.getPrototypeOf(record?.headers)).toBe(Object.prototype)
  await store.close()
})
