import { describe, test } from 'vitest'
import { memory } from '../../../dist/adapters/memory/index.js'
import { snapshotsSuite } from '../../../dist/testing/snapshots-suite.js'
import { registerSuite } from '../../../dist/testing/suite.js'

describe('snapshots in memory', () => {
  registerSuite(
    test,
    snapshotsSuite(async () => memory()),
  )
})

describe('snapshots in memory with small blobs', () => {
  registerSuite(
    test,
    snapshotsSuite(async () => memory({ maxBlobBytes: 512 * 1024 })),
  )
})
