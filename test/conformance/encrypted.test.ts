import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, test } from 'vitest'
import { type Backend, encrypted } from 'varve'
import { memory } from 'varve/adapters/memory'
import { nodeFs } from 'varve/adapters/node-fs'
import {
  blobStoreSuite,
  doctorSuite,
  type FaultBackend,
  faultBackend,
  fileStoreSuite,
  inFormat,
  kvSuite,
  queueAppendSuite,
  queueSuite,
  queueUpkeepSuite,
  registerSuite,
  snapshotsSuite,
  streamBrokerSuite,
  transactionSuite,
} from 'varve/testing'

const secret = { key: Uint8Array.from({ length: 32 }, (_, i) => i * 7) }
const root = mkdtempSync(join(tmpdir(), 'varve-encrypted-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const below = new WeakMap<object, () => Backend>()
let made = 0

function over(make: () => Backend): Backend {
  const backend = encrypted(make(), secret)
  below.set(backend, make)
  return backend
}

function directory(): Backend {
  const path = join(root, String(made++))
  return over(() => nodeFs({ directory: path }))
}

function simulated(files: boolean): Backend {
  let disk: FaultBackend | undefined
  return over(() => {
    disk = disk === undefined ? faultBackend({ files }) : disk.another()
    return disk
  })
}

const reopen = async (backend: Backend): Promise<Backend> => over(below.get(backend) as () => Backend)

describe.each([
  { place: 'memory', make: async () => encrypted(memory(), secret), options: {} },
  { place: 'files', make: async () => directory(), options: { reopen } },
  { place: 'a simulated disk', make: async () => simulated(true), options: { reopen } },
  { place: 'simulated chunks', make: async () => simulated(false), options: { reopen } },
])('encrypted, in $place', ({ make, options }) => {
  registerSuite(test, blobStoreSuite(make, options))
  registerSuite(test, kvSuite(make))
  registerSuite(test, queueSuite(make, options))
  registerSuite(test, queueUpkeepSuite(make, options))
  registerSuite(test, queueAppendSuite(make, options))
  registerSuite(test, streamBrokerSuite(make))
  registerSuite(test, transactionSuite(make, options))
  registerSuite(test, snapshotsSuite(make))
})

describe.each([
  { place: 'files', make: async () => directory() },
  { place: 'a simulated disk', make: async () => simulated(true) },
])('encrypted files, in $place', ({ make }) => {
  registerSuite(test, fileStoreSuite(make, { reopen }))
  registerSuite(test, doctorSuite(make))
})

describe('encrypted queues of text', () => {
  registerSuite(
    test,
    queueSuite(async () => inFormat(directory(), 'ndjson')),
  )
})
