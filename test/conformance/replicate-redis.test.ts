import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, test } from 'vitest'
import { memory } from 'varve/adapters/memory'
import { nodeFs } from 'varve/adapters/node-fs'
import { redis } from 'varve/adapters/redis'
import { type MakeBackend, registerSuite, replicateSuite } from 'varve/testing'
import { clientForTests, serverForTests } from '../fixtures/redis-for-tests.js'
import { describeRedis, openNodeRedis } from '../fixtures/redis-server.js'

const root = mkdtempSync(join(tmpdir(), 'varve-replicate-redis-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
let made = 0

describeRedis('replication to and from Redis', () => {
  const server = serverForTests()
  const opened = clientForTests(server, openNodeRedis)

  const onRedis: MakeBackend = async () => redis({ client: opened.client, prefix: `replicate-${made++}:` })
  const inMemory: MakeBackend = async () => memory()
  const onFiles: MakeBackend = async () => nodeFs({ directory: join(root, String(made++)) })
  const pairs = [
    { name: 'from memory to Redis', from: inMemory, to: onRedis },
    { name: 'from Redis to memory', from: onRedis, to: inMemory },
    { name: 'from files to Redis', from: onFiles, to: onRedis },
    { name: 'from Redis to files', from: onRedis, to: onFiles },
    { name: 'from Redis to Redis', from: onRedis, to: onRedis },
  ]
  for (const { name, from, to } of pairs) describe(name, () => registerSuite(test, replicateSuite(from, to)))
})
