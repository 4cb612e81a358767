import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, test } from 'vitest'
import { memory } from 'varve/adapters/memory'
import { nodeFs } from 'varve/adapters/node-fs'
import { faultBackend, type MakeBackend, registerSuite, archiveSuite } from 'varve/testing'

const root = mkdtempSync(join(tmpdir(), 'varve-archive-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
let made = 0

const places: Record<string, MakeBackend> = {
  memory: async () => memory(),
  files: async () => nodeFs({ directory: join(root, String(made++)) }),
  'a simulated object store': async () => faultBackend({ files: false }),
}

/** An object store behaves as memory does; it is here for what is moved between chunks and files. */
const isTested = (from: string, to: string): boolean => [from, to].includes('files') || (from === 'memory' && to === 'memory')

for (const [from, makeSource] of Object.entries(places)) {
  for (const [to, makeTarget] of Object.entries(places)) {
    if (isTested(from, to)) describe(`from ${from} to ${to}`, () => registerSuite(test, archiveSuite(makeSource, makeTarget)))
  }
}
