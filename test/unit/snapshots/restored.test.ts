import { expect, test } from 'vitest'
import { openStore } from 'varve'
import { memory } from '../../../dist/adapters/memory/index.js'
import { openSnapshots } from '../../../dist/core/features/snapshots/open-snapshots.js'
import type { Backend } from '../../../dist/core/ports/backend.js'
import { ManualClock } from '../../../dist/testing/manual-clock.js'
import { keysOf } from '../content/packs.js'

const state = Array.from({ length: 3_000 }, (_, i) => ({ i, x: Math.sin(i) }))

async function copyOf({ blobs }: Backend): Promise<Map<string, Uint8Array>> {
  const found = new Map<string, Uint8Array>()
  for (const key of await keysOf(blobs, '')) found.set(key, (await blobs.get(key))?.data.slice() as Uint8Array)
  return found
}

async function putBack({ blobs }: Backend, copy: ReadonlyMap<string, Uint8Array>): Promise<void> {
  await blobs.delete((await keysOf(blobs, '')).filter((key) => !copy.has(key)))
  for (const [key, bytes] of copy) await blobs.put(key, bytes)
}

test('a store that is put back to an older copy under an open handle gets all chunks of what is saved next', async () => {
  const clock = new ManualClock()
  const backend = memory()
  const snapshots = await openSnapshots<unknown>(await openStore(backend, { clock }))
  await snapshots.save({ agent: 'a', session: 's0', state: 'before' })
  const copy = await copyOf(backend)
  await snapshots.save({ agent: 'a', session: 's1', state })
  await putBack(backend, copy)
  await clock.advance(10_000)
  const { id } = await snapshots.save({ agent: 'a', session: 's2', state })
  const other = await openSnapshots<unknown>(backend)
  expect(await other.load(id)).toEqual(state)
  expect((await other.verify()).problems).toEqual([])
})
