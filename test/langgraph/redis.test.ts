import { redis } from 'varve/adapters/redis'
import { clientForTests, serverForTests } from '../fixtures/redis-for-tests.js'
import { describeRedis, openNodeRedis } from '../fixtures/redis-server.js'
import { validateSaver } from './validate.js'

describeRedis('a Redis server', () => {
  const server = serverForTests()
  const opened = clientForTests(server, openNodeRedis)
  const prefixes = new WeakMap<object, string>()
  let made = 0

  const open = async (prefix: string) => {
    const backend = redis({ client: opened.client, prefix })
    prefixes.set(backend, prefix)
    return backend
  }

  validateSaver('Redis', () => open(`place-${made++}:`), { reopen: (backend) => open(prefixes.get(backend) as string) })
})
