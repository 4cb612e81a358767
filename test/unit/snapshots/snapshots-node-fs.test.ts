import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, test } from 'vitest'
import { nodeFs } from '../../../dist/adapters/node-fs/index.js'
import { snapshotsSuite } from '../../../dist/testing/snapshots-suite.js'
import { registerSuite } from '../../../dist/testing/suite.js'

const directories: string[] = []

afterAll(async () => {
  for (const directory of directories) await rm(directory, { recursive: true, force: true })
})

describe('snapshots on files', () => {
  registerSuite(
    test,
    snapshotsSuite(async () => {
      const directory = await mkdtemp(join(tmpdir(), 'varve-snapshots-'))
      directories.push(directory)
      return nodeFs({ directory })
    }),
  )
})
