import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nodeFs } from 'varve/adapters/node-fs'
import { afterAll } from 'vitest'
import { validateSaver } from './validate.js'

const root = mkdtempSync(join(tmpdir(), 'varve-langgraph-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const directories = new WeakMap<object, string>()
let made = 0

function open(directory: string) {
  const backend = nodeFs({ directory })
  directories.set(backend, directory)
  return backend
}

validateSaver('files', async () => open(join(root, String(made++))), {
  reopen: async (backend: object) => open(directories.get(backend) as string),
})
