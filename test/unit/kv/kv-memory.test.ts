import { describe, test } from 'vitest'
import { memory } from '../../../dist/adapters/memory/index.js'
import { kvSuite } from '../../../dist/testing/kv-suite.js'
import { registerSuite } from '../../../dist/testing/suite.js'

describe('key-value namespaces in memory', () => {
  registerSuite(
    test,
    kvSuite(async () => memory()),
  )
})
