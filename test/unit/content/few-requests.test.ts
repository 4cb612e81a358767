import { expect, test } from 'vitest'
import { openSnapshots } from 'varve'
import { memory } from 'varve/adapters/memory'
import { noise } from '../../crash/snapshot-programs.js'
import { withBlobs } from '../snapshots/faulty-backend.js'

test.each([
  { what: 'whose nodes and leaves lie apart in a pack', state: Array.from({ length: 8_000 }, (_, n) => ({ n, text: noise(n, 20) })) },
  { what: 'of few large chunks', state: Array.from({ length: 60 }, (_, n) => noise(n, 5_000)) },
])('all of a content $what is read in few requests, and hardly anything twice', async ({ state }) => {
  const remote = memory()
  const { id, storedBytes } = await (await openSnapshots<unknown>(remote)).save({ agent: 'a', session: 's', state })
  const reads: number[] = []
  const counted = withBlobs(remote, (blobs) => ({
    get: async (key, options) => {
      const found = await blobs.get(key, options)
      if (key.startsWith('snapshots/packs/')) reads.push(found?.data.length ?? 0)
      return found
    },
  }))
  expect(await (await openSnapshots<unknown>(counted)).load(id)).toEqual(state)
  expect(storedBytes).toBeGreaterThan(500_000)
  expect(reads.length).toBeLessThanOrEqual(12)
  expect(reads.reduce((sum, bytes) => sum + bytes, 0)).toBeLessThan(storedBytes * 1.3 + 300_000)
})
