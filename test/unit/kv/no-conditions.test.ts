import { describe, test } from 'vitest'
import { memory } from '../../../dist/adapters/memory/index.js'
import type { Backend } from '../../../dist/core/ports/backend.js'
import { kvSuite } from '../../../dist/testing/kv-suite.js'
import { snapshotsSuite } from '../../../dist/testing/snapshots-suite.js'
import { registerSuite } from '../../../dist/testing/suite.js'

/** A backend on which the last write wins. */
async function lastWriteWins(): Promise<Backend> {
  const backend = memory()
  const { blobs } = backend
  return {
    name: 'simple',
    blobs: {
      traits: { ...blobs.traits, conditionalPut: false, consistency: 'eventual' },
      get: (...args) => blobs.get(...args),
      put: (...args) => blobs.put(...args),
      delete: (...args) => blobs.delete(...args),
      list: (...args) => blobs.list(...args),
    },
    health: () => backend.health(),
    close: () => backend.close(),
  }
}

describe('where the backend cannot compare and set', () => {
  registerSuite(test, [...kvSuite(lastWriteWins), ...snapshotsSuite(lastWriteWins)])
})
