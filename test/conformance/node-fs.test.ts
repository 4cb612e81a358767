import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, test } from 'vitest'
import { nodeFs } from 'varve/adapters/node-fs'
import { blobStoreSuite, fileStoreSuite, lockManagerSuite, registerSuite, signalBusSuite } from 'varve/testing'

const root = mkdtempSync(join(tmpdir(), 'varve-node-fs-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const directories = new WeakMap<object, string>()
let made = 0

function open(directory: string) {
  const backend = nodeFs({ directory })
  directories.set(backend, directory)
  return backend
}

const make = async () => open(join(root, String(made++), 'store'))
const options = { reopen: async (backend: object) => open(directories.get(backend) as string) }

registerSuite(test, blobStoreSuite(make, options))
registerSuite(test, fileStoreSuite(make, options))
registerSuite(test, lockManagerSuite(make, options))
registerSuite(test, signalBusSuite(make, options))
