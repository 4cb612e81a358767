import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import type { Backend } from 'varve'
import { memory } from 'varve/adapters/memory'
import { nodeFs } from 'varve/adapters/node-fs'
import { metrics, observed } from 'varve/observe'
import {
  blobStoreSuite,
  fileStoreSuite,
  kvSuite,
  lockManagerSuite,
  queueSuite,
  registerSuite,
  signalBusSuite,
  snapshotsSuite,
  transactionSuite,
} from 'varve/testing'

const root = mkdtempSync(join(tmpdir(), 'varve-observed-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const counted = metrics()
const below = new WeakMap<object, string>()
let made = 0

function files(directory = join(root, String(made++))): Backend {
  const backend = observed(nodeFs({ directory }), counted)
  below.set(backend, directory)
  return backend
}

const inMemory = async (): Promise<Backend> => observed(memory(), counted)
const onFiles = async (): Promise<Backend> => files()
const reopen = async (backend: Backend): Promise<Backend> => files(below.get(backend))

describe('observed, in memory', () => {
  registerSuite(test, blobStoreSuite(inMemory))
  registerSuite(test, lockManagerSuite(inMemory))
  registerSuite(test, signalBusSuite(inMemory))
  registerSuite(test, kvSuite(inMemory))
  registerSuite(test, transactionSuite(inMemory, {}))
  registerSuite(test, snapshotsSuite(inMemory))
})

describe('observed, in files', () => {
  registerSuite(test, blobStoreSuite(onFiles, { reopen }))
  registerSuite(test, fileStoreSuite(onFiles, { reopen }))
  registerSuite(test, lockManagerSuite(onFiles, { reopen }))
  registerSuite(test, queueSuite(onFiles, { reopen }))
})

test('all of it was counted', () => {
  const operations = counted.read().map(({ backend, operation }) => `${backend} ${operation}`)
  expect(operations).toEqual(
    expect.arrayContaining(['memory blobs.batch', 'memory blobs.put', 'node-fs file.append', 'node-fs file.sync', 'node-fs files.open']),
  )
})
