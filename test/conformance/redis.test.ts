import { describe, test } from 'vitest'
import { memory } from 'varve/adapters/memory'
import { redis } from 'varve/adapters/redis'
import {
  archiveSuite,
  blobStoreSuite,
  kvSuite,
  lockManagerSuite,
  queueAppendSuite,
  queueSuite,
  queueUpkeepSuite,
  registerSuite,
  replicateSuite,
  signalBusSuite,
  snapshotsSuite,
  streamBrokerSuite,
  streamProducersSuite,
} from 'varve/testing'
import { clientForTests, serverForTests } from '../fixtures/redis-for-tests.js'
import { CLIENTS, describeRedis } from '../fixtures/redis-server.js'

let made = 0

const inMemory = async () => memory()

/** The faulty backend has no hand in native streams: answers of theirs are lost in redis-native.test.ts. */
const replicated: typeof replicateSuite = (from, to) =>
  replicateSuite(from, to).filter(({ name }) => name !== 'replicate: a lost answer stores nothing twice')

describeRedis('a Redis server', () => {
  const server = serverForTests()

  describe.each(CLIENTS)('by the client $name', ({ open }) => {
    const opened = clientForTests(server, open)
    const prefixes = new WeakMap<object, string>()
    const at = (prefix: string) => {
      const backend = redis({ client: opened.client, prefix })
      prefixes.set(backend, prefix)
      return backend
    }
    const make = async () => at(`place-${made++}:`)
    const reopen = async (backend: object) => at(prefixes.get(backend) as string)

    registerSuite(test, blobStoreSuite(make, { reopen }))
    registerSuite(test, lockManagerSuite(make, { reopen }))
    registerSuite(test, signalBusSuite(make, { reopen }))
    registerSuite(test, kvSuite(make))
    registerSuite(test, snapshotsSuite(make))
    registerSuite(test, streamBrokerSuite(make))
    registerSuite(test, streamProducersSuite(make, { reopen }))
    registerSuite(test, queueSuite(make, { reopen }))
    registerSuite(test, queueUpkeepSuite(make, { reopen }))
    registerSuite(test, queueAppendSuite(make, { reopen }))
    describe('archived from Redis to memory', () => registerSuite(test, archiveSuite(make, inMemory)))
    describe('archived from memory to Redis', () => registerSuite(test, archiveSuite(inMemory, make)))
    describe('replicated from Redis to memory', () => registerSuite(test, replicateSuite(make, inMemory)))
    describe('replicated from memory to Redis', () => registerSuite(test, replicated(inMemory, make)))
    describe('replicated within Redis', () => registerSuite(test, replicated(make, make)))
  })
})
