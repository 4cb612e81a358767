import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { memory } from 'varve/adapters/memory'
import { nodeFs } from 'varve/adapters/node-fs'
import { chunkDoctorSuite, doctorSuite, faultBackend, registerSuite } from 'varve/testing'
import { afterAll, describe, test } from 'vitest'

const root = mkdtempSync(join(tmpdir(), 'varve-doctor-suite-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
let made = 0

describe('on files', () => {
  registerSuite(
    test,
    doctorSuite(async () => nodeFs({ directory: join(root, String(made++)) })),
  )
})

describe.each([
  { place: 'memory', make: async () => memory() },
  { place: 'the simulated disk', make: async () => faultBackend({ files: false }) },
])('in chunks, $place', ({ make }) => {
  registerSuite(test, doctorSuite(make))
  registerSuite(test, chunkDoctorSuite(make))
})
