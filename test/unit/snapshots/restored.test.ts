import { expect, test } from 'vitest'
import { openStore } from 'varve'
import { memory } from '../../../dist/adapters/memory/index.js'
import { openSnapshots } from '../../../dist/core/features/snapshots/open-snapshots.js'
import type { Backend } from '../../../dist/core/ports/backend.js'
import { ManualClock } from '../../../dist/testing/manual-clock.js'
import { noise } from '../../crash/snapshot-programs.js'
import { keysOf } from '../content/packs.js'
import { withBlobs } from './faulty-backend.js'

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

const many = Array.from({ length: 60 }, (_, n) => noise(n))

/** A store whose packs are put back to none once, and what was seen of them is old, after a key that begins so was read. */
async function goingBack(when: string) {
  const clock = new ManualClock()
  const backend = memory()
  const before = await openSnapshots<unknown>(await openStore(backend, { clock }))
  await before.save({ agent: 'a', session: 's0', state: many })
  let isGone = false
  const goBack = async (key: string): Promise<void> => {
    if (isGone || !key.startsWith(when)) return
    isGone = true
    await backend.blobs.delete(await keysOf(backend.blobs, 'snapshots/packs/'))
    await clock.advance(10_000)
  }
  const watched = withBlobs(backend, (blobs) => ({
    get: async (key, options) => {
      const found = await blobs.get(key, options)
      await goBack(key)
      return found
    },
  }))
  return { backend, store: await openStore(watched, { clock }), wasThere: () => isGone }
}

test('a list of states whose packs vanish while it is saved is stored whole by saveMany', async () => {
  const { backend, store, wasThere } = await goingBack('snapshots/sessions/aa/slast')
  const snapshots = await openSnapshots<unknown>(store)
  const infos = await snapshots.saveMany([
    { agent: 'a', session: 'first', state: many },
    { agent: 'a', session: 'last', state: 'small' },
  ])
  expect(wasThere()).toBe(true)
  const cold = await openSnapshots<unknown>(backend)
  expect(await cold.load(infos[0]?.id as string)).toEqual(many)
  expect(await cold.load(infos[1]?.id as string)).toBe('small')
})

test('what can be gone through only once is a conflict there, and nothing of it is saved', async () => {
  const { backend, store } = await goingBack('snapshots/sessions/aa/slast')
  const items = (function* () {
    yield { agent: 'a', session: 'first', state: many }
    yield { agent: 'a', session: 'last', state: 'small' }
  })()
  const error = await (await openSnapshots<unknown>(store)).saveMany(items).catch((caught: unknown) => caught)
  expect(error).toMatchObject({ code: 'conflict', saved: [] })
  expect(await (await openSnapshots(backend)).latest({ agent: 'a', session: 'first' })).toBeUndefined()
})

test('a copy to a store whose packs vanish meanwhile brings their chunks itself', async () => {
  const { backend, store, wasThere } = await goingBack('snapshots/packs/')
  const source = await openSnapshots<unknown>(memory())
  const { id } = await source.save({ agent: 'a', session: 's1', state: many })
  expect(await source.copy(store)).toMatchObject({ copied: 1 })
  expect(wasThere()).toBe(true)
  expect(await (await openSnapshots<unknown>(backend)).load(id)).toEqual(many)
})

test('a save that takes long while the store is put back gets all its chunks', async () => {
  const clock = new ManualClock()
  const backend = memory()
  let copy: ReadonlyMap<string, Uint8Array> | undefined
  const slow = withBlobs(backend, (blobs) => ({
    put: async (key, bytes, options) => {
      if (copy !== undefined && key.startsWith('snapshots/manifests/')) {
        await putBack(backend, copy)
        copy = undefined
        await clock.advance(10_000)
      }
      return await blobs.put(key, bytes, options)
    },
  }))
  const snapshots = await openSnapshots<unknown>(await openStore(slow, { clock }))
  await snapshots.save({ agent: 'a', session: 's0', state: 'before' })
  const older = await copyOf(backend)
  await snapshots.save({ agent: 'a', session: 's1', state })
  copy = older
  const { id } = await snapshots.save({ agent: 'a', session: 's0', state })
  expect(copy).toBeUndefined()
  const other = await openSnapshots<unknown>(backend)
  expect(await other.load(id)).toEqual(state)
  expect((await other.verify()).problems).toEqual([])
})
