import { afterAll, beforeAll, describe, test } from 'vitest'
import { redis } from 'varve/adapters/redis'
import {
  blobStoreSuite,
  kvSuite,
  lockManagerSuite,
  queueSuite,
  queueUpkeepSuite,
  registerSuite,
  signalBusSuite,
  snapshotsSuite,
  streamBrokerSuite,
  streamProducersSuite,
} from 'varve/testing'
import { CLIENTS, describeRedis, type RedisServer, startRedisServer } from '../fixtures/redis-server.js'

let made = 0

describeRedis('a Redis server', () => {
  let server: RedisServer
  beforeAll(async () => {
    server = await startRedisServer()
  })
  afterAll(() => server?.stop())

  describe.each(CLIENTS)('by the client $name', ({ open }) => {
    let opened: Awaited<ReturnType<typeof open>>
    const prefixes = new WeakMap<object, string>()
    const at = (prefix: string) => {
      const backend = redis({ client: opened.client, prefix })
      prefixes.set(backend, prefix)
      return backend
    }
    const make = async () => at(`place-${made++}:`)
    const reopen = async (backend: object) => at(prefixes.get(backend) as string)

    beforeAll(async () => {
      opened = await open(server.port)
    })
    afterAll(() => opened?.close())

    registerSuite(test, blobStoreSuite(make, { reopen }))
    registerSuite(test, lockManagerSuite(make, { reopen }))
    registerSuite(test, signalBusSuite(make, { reopen }))
    registerSuite(test, kvSuite(make))
    registerSuite(test, snapshotsSuite(make))
    registerSuite(test, streamBrokerSuite(make))
    registerSuite(test, streamProducersSuite(make, { reopen }))
    registerSuite(test, queueSuite(make, { reopen }))
    registerSuite(test, queueUpkeepSuite(make, { reopen }))
  })
})
