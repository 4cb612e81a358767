import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, test } from 'vitest'
import { nodeFs } from '../../../dist/adapters/node-fs/index.js'
import { kvSuite } from '../../../dist/testing/kv-suite.js'
import { registerSuite } from '../../../dist/testing/suite.js'

const directories: string[] = []

afterAll(async () => {
  for (const directory of directories) await rm(directory, { recursive: true, force: true })
})

describe('key-value namespaces on files', () => {
  registerSuite(
    test,
    kvSuite(async () => {
      const directory = await mkdtemp(join(tmpdir(), 'varve-kv-'))
      directories.push(directory)
      return nodeFs({ directory })
    }),
  )
})
