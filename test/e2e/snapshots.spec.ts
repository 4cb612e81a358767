// Snapshots that Node wrote are read in a browser, and the reverse: the same blobs, moved as they are.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@playwright/test'
import { memory } from 'varve/adapters/memory'
import { nodeFs } from 'varve/adapters/node-fs'
import { ask, openHarness } from './harness/ask.js'
import { blobsOf, goOnWithSnapshots, putBlobs, seeSnapshots } from './harness/snapshot-image.js'
import type { takeSnapshots, takeThroughCache } from './harness/snapshots.js'

const directories: string[] = []

test.afterAll(async () => {
  for (const directory of directories) await rm(directory, { recursive: true, force: true })
})

for (const [backend, place] of [
  ['indexeddb', 'page'],
  ['opfs', 'worker'],
] as const) {
  test(`snapshots written by Node open on ${backend}, and the reverse`, async ({ page }) => {
    const directory = await mkdtemp(join(tmpdir(), 'varve-snapshots-'))
    directories.push(directory)
    const store = nodeFs({ directory })
    await goOnWithSnapshots(store, 'node')
    await openHarness(page)
    const request = { backend, store: `from-node-${backend}`, image: await blobsOf(store) }
    const { seen, later, image } = await ask<Awaited<ReturnType<typeof takeSnapshots>>>(page, place, 'takeSnapshots', request)
    expect(seen).toEqual(await seeSnapshots(store))
    expect(seen.problems).toEqual([])
    expect(later.infos.length).toBeGreaterThan(seen.infos.length)
    const back = memory()
    await putBlobs(back, image)
    expect(await seeSnapshots(back)).toEqual(later)
    await goOnWithSnapshots(back, 'node again')
    expect((await seeSnapshots(back)).problems).toEqual([])
    await store.close()
  })

  test(`what was read of a store far away is kept on ${backend}, also for who opens it later`, async ({ page }) => {
    await openHarness(page)
    const request = { backend, store: `near-${backend}` }
    const { states, reads } = await ask<Awaited<ReturnType<typeof takeThroughCache>>>(page, place, 'takeThroughCache', request)
    expect(states[0]).toContain('remote item')
    expect(states[1]).toBe(states[0])
    expect(reads[0]).toBeGreaterThan(0)
    expect(reads[1]).toBe(0)
  })
}
