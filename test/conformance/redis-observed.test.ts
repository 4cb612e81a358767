import { afterAll, beforeAll, expect, test } from 'vitest'
import { openQueue } from 'varve'
import { redis } from 'varve/adapters/redis'
import { metrics, observed, type StorageRequest } from 'varve/observe'
import { queueSuite, registerSuite, streamBrokerSuite } from 'varve/testing'
import { CLIENTS, describeRedis, type RedisServer, startRedisServer } from '../fixtures/redis-server.js'

type Client = (typeof CLIENTS)[number]

const client = CLIENTS[0] as Client
let made = 0

describeRedis('native streams, observed', () => {
  let server: RedisServer
  let opened: Awaited<ReturnType<Client['open']>>
  const counted = metrics()
  const prefixes = new WeakMap<object, string>()
  const at = (prefix: string, observer: Parameters<typeof observed>[1] = counted) => {
    const backend = observed(redis({ client: opened.client, prefix }), observer)
    prefixes.set(backend, prefix)
    return backend
  }
  const make = async () => at(`observed-${made++}:`)
  const reopen = async (backend: object) => at(prefixes.get(backend) as string)

  beforeAll(async () => {
    server = await startRedisServer()
    opened = await client.open(server.port)
  })
  afterAll(async () => {
    await opened?.close()
    await server?.stop()
  })

  registerSuite(test, streamBrokerSuite(make))
  registerSuite(test, queueSuite(make, { reopen }))

  test('tell what they carried, and what only waited', async () => {
    const seen: StorageRequest[] = []
    const backend = at(`observed-${made++}:`, { request: (request) => seen.push(request) })
    const queue = await openQueue<string>(backend, 'q', { codec: 'text' })
    await queue.append('ä word', { headers: { by: 'us' } })
    await queue.read({ limit: 1 })
    await queue.read({ from: 1, waitMs: 1 })
    await backend.close()
    const told = (operation: string) => seen.filter((request) => request.operation === operation)
    expect(told('stream.append')).toMatchObject([{ backend: 'redis', writtenBytes: 11 }])
    expect(told('stream.read')[0]).toMatchObject({ readBytes: 11 })
    expect(told('stream.read').at(-1)).toMatchObject({ waited: true })
    expect(told('stream.read').at(-1)).not.toHaveProperty('readBytes')
    expect(JSON.stringify(seen)).not.toContain('word')
  })
})
