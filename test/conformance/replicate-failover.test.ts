// The source is a Redis that fails over to a replica without its last records, while a replication follows it.

import { afterEach, expect, test } from 'vitest'
import { openQueue, openStore, replicate, type Store } from 'varve'
import { memory } from 'varve/adapters/memory'
import { redis } from 'varve/adapters/redis'
import { describeRedis, openIoRedis, startRedisServer } from '../fixtures/redis-server.js'
import { startProxy } from '../fixtures/redis-server-proxy.js'

const cleanups: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean()
})

async function server(...args: readonly string[]) {
  const started = await startRedisServer(...args)
  cleanups.push(() => started.stop())
  return started
}

async function storeAt(port: number) {
  const { client, close } = await openIoRedis(port)
  cleanups.push(close)
  const store = await openStore(redis({ client }))
  cleanups.push(() => store.close())
  return { client, store }
}

async function append(store: Store, from: number, to: number): Promise<void> {
  const queue = await openQueue<string>(store, 'q')
  for (let n = from; n < to; n++) await queue.append(`${n}`)
}

/** The replica takes over with 8 records, and stores `count` of its own, when 10 were copied. */
async function failOver(count: number): Promise<{ readonly copying: Promise<unknown>; readonly target: Store }> {
  const first = await server('--repl-diskless-sync-delay', '0')
  const replica = await server('--replicaof', '127.0.0.1', String(first.port))
  const proxy = await startProxy(first.port)
  cleanups.push(() => proxy.stop())
  const { client, store } = await storeAt(first.port)
  await append(store, 0, 8)
  await client.set('written', 'last')
  expect(await client.wait(1, 60_000)).toBe(1)
  const promoted = await storeAt(replica.port)
  await promoted.client.replicaof('NO', 'ONE')
  await append(store, 8, 10)
  const target = await openStore(memory())
  cleanups.push(() => target.close())
  let copied = (): void => {}
  const isCopied = new Promise<void>((resolve) => {
    copied = resolve
  })
  const source = (await storeAt(proxy.port)).store
  const copying = replicate(source, target, {
    live: true,
    onProgress: ({ next }) => {
      if (next === 10) copied()
    },
  })
  copying.catch(() => {})
  await Promise.race([isCopied, copying])
  const queue = await openQueue<string>(promoted.store, 'q')
  for (let n = 0; n < count; n++) await queue.append(`other ${n}`)
  proxy.switchTo(replica.port)
  return { copying, target }
}

describeRedis('a live replication from Redis, when a replica takes over that lacks the last records', () => {
  test.each([
    { what: 'stands before what was copied', count: 0 },
    { what: 'has others in their place, and more', count: 7 },
  ])('it ends with conflict where the source $what', async ({ count }) => {
    const { copying, target } = await failOver(count)
    await expect(copying).rejects.toMatchObject({ code: 'conflict', facts: { differsFrom: 8, targetNext: 10 } })
    const records = await (await openQueue<string>(target, 'q')).read({ limit: 100 })
    expect(records.map(({ value }) => value)).toEqual(Array.from({ length: 10 }, (_, n) => `${n}`))
  })
})
