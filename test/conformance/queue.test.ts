import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, test } from 'vitest'
import { memory } from 'varve/adapters/memory'
import { nodeFs } from 'varve/adapters/node-fs'
import {
  type FaultBackend,
  faultBackend,
  inFormat,
  queueAppendSuite,
  queueSuite,
  queueUpkeepSuite,
  registerSuite,
  streamBrokerSuite,
  streamProducersSuite,
  transactionSuite,
} from 'varve/testing'

const root = mkdtempSync(join(tmpdir(), 'varve-queue-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const directories = new WeakMap<object, string>()
let made = 0

function open(directory: string) {
  const backend = nodeFs({ directory })
  directories.set(backend, directory)
  return backend
}

describe('queues in memory', () => {
  registerSuite(
    test,
    queueSuite(async () => memory()),
  )
  registerSuite(
    test,
    queueUpkeepSuite(async () => memory()),
  )
  registerSuite(
    test,
    streamBrokerSuite(async () => memory()),
  )
  registerSuite(
    test,
    streamProducersSuite(async () => memory()),
  )
  registerSuite(
    test,
    queueAppendSuite(async () => memory()),
  )
  registerSuite(
    test,
    transactionSuite(async () => memory()),
  )
})

describe('queues on files', () => {
  const make = async () => open(join(root, String(made++)))
  const reopen = async (backend: object) => open(directories.get(backend) as string)
  registerSuite(test, queueSuite(make, { reopen }))
  registerSuite(test, queueUpkeepSuite(make, { reopen }))
  registerSuite(test, queueAppendSuite(make, { reopen }))
  registerSuite(test, transactionSuite(make, { reopen }))
  registerSuite(test, streamBrokerSuite(make))
  registerSuite(test, streamProducersSuite(make, { reopen }))
})

describe.each([
  { place: 'files', files: true },
  { place: 'chunks', files: false },
])('queues on the simulated disk, in $place', ({ files }) => {
  const reopen = async (backend: object) => (backend as FaultBackend).another()
  registerSuite(
    test,
    queueSuite(async () => faultBackend({ files }), { reopen }),
  )
  registerSuite(
    test,
    streamBrokerSuite(async () => faultBackend({ files })),
  )
  registerSuite(
    test,
    streamProducersSuite(async () => faultBackend({ files }), { reopen }),
  )
  registerSuite(
    test,
    queueAppendSuite(async () => faultBackend({ files }), { reopen }),
  )
  registerSuite(
    test,
    transactionSuite(async () => faultBackend({ files }), { reopen }),
  )
  registerSuite(
    test,
    queueUpkeepSuite(async () => faultBackend({ files }), { reopen }),
  )
})

describe('queues of text', () => {
  const make = async () => inFormat(open(join(root, String(made++))), 'ndjson')
  const reopen = async (backend: object) => inFormat(open(directories.get(backend) as string), 'ndjson')
  registerSuite(test, queueSuite(make, { reopen }))
  registerSuite(test, queueUpkeepSuite(make, { reopen }))
  registerSuite(test, queueAppendSuite(make, { reopen }))
  registerSuite(test, streamProducersSuite(make, { reopen, stream: { format: 'ndjson' } }))
})
