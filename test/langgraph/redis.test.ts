import { redis } from 'varve/adapters/redis'
import { afterAll, beforeAll } from 'vitest'
import { describeRedis, openNodeRedis, type Opened, type RedisServer, startRedisServer } from '../fixtures/redis-server.js'
import { validateSaver } from './validate.js'

describeRedis('a Redis server', () => {
  let server: RedisServer
  let opened: Opened
  const prefixes = new WeakMap<object, string>()
  let made = 0

  beforeAll(async () => {
    server = await startRedisServer()
    opened = await openNodeRedis(server.port)
  })
  afterAll(async () => {
    await opened?.close()
    await server?.stop()
  })

  const open = async (prefix: string) => {
    const backend = redis({ client: opened.client, prefix })
    prefixes.set(backend, prefix)
    return backend
  }

  validateSaver('Redis', () => open(`place-${made++}:`), { reopen: (backend) => open(prefixes.get(backend) as string) })
})
