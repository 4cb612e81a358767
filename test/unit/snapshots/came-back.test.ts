// Snapshots that were deleted and came back from a copy, under their ids and with new indexes.

import { openSnapshots, type SnapshotInfo, type Snapshots } from 'varve'
import { memory } from 'varve/adapters/memory'
import { describe, expect, test } from 'vitest'
import { withBlobs } from './faulty-backend.js'

const at = { agent: 'a', session: 's' }

type Save = (snapshots: Snapshots<unknown>) => Promise<SnapshotInfo>

const saves: readonly { readonly name: string; readonly save: Save }[] = [
  { name: 'saved alone', save: (snapshots) => snapshots.save({ ...at, state: { n: 0 } }) },
  {
    name: 'saved with others',
    save: async (snapshots) => (await snapshots.saveMany([0, 1, 2].map((n) => ({ ...at, state: { n } }))))[0] as SnapshotInfo,
  },
]

/** Deleted, and back again behind `more` others; `look` is called while it is there for the first time. */
async function cameBack(save: Save, more: number, look: (backend: ReturnType<typeof memory>, id: string) => Promise<unknown>) {
  const backend = memory()
  const mirror = memory()
  const snapshots = await openSnapshots<unknown>(backend)
  const { id } = await save(snapshots)
  await snapshots.copy(mirror)
  await look(backend, id)
  await snapshots.delete(id)
  await snapshots.save({ ...at, state: { other: true } })
  await (await openSnapshots(mirror)).copy(backend)
  for (let n = 0; n < more; n++) await snapshots.save({ ...at, state: { more: n } })
  return { backend, id }
}

async function expectThere(snapshots: Snapshots<unknown>, id: string): Promise<void> {
  const listed: SnapshotInfo[] = []
  for await (const info of snapshots.list()) if (info.id === id) listed.push(info)
  expect(listed.length).toBe(1)
  expect(await snapshots.info(id)).toEqual(listed[0])
  expect(await snapshots.load(id)).toEqual({ n: 0 })
  expect(await snapshots.verify(id)).toMatchObject({ ok: true, checked: 1 })
  expect((await snapshots.tag(id, 'found')).index).toBe(listed[0]?.index)
  const fork = await snapshots.fork(id, { branch: `of ${listed[0]?.index}` })
  expect(fork.parents).toEqual([id])
  await snapshots.delete(id)
  await expect(snapshots.info(id)).rejects.toMatchObject({ code: 'missing' })
  for await (const info of snapshots.list()) expect(info.id).not.toBe(id)
}

describe.each(saves)('a snapshot that was $name, deleted, and came back', ({ save }) => {
  test.each([0, 120])('is the one that is listed, with %i newer ones', async (more) => {
    const { backend, id } = await cameBack(save, more, async () => {})
    await expectThere(await openSnapshots(backend), id)
  })

  test.each([0, 120])('is the one that is listed also where a cache knew it before, with %i newer ones', async (more) => {
    const cache = memory()
    const { backend, id } = await cameBack(save, more, async (store, known) => {
      const cached = await openSnapshots<unknown>(store, { cache })
      expect(await cached.load(known)).toEqual({ n: 0 })
      await cached.close()
    })
    await expectThere(await openSnapshots(backend, { cache }), id)
  })
})

test('a collection keeps what was deleted while it marked and came back before it stamped', async () => {
  const backend = memory()
  const mirror = memory()
  const snapshots = await openSnapshots<unknown>(backend)
  const state = { text: Array.from({ length: 9_000 }, (_, n) => n.toString(36)).join() }
  const { id } = await snapshots.save({ ...at, state })
  await snapshots.save({ ...at, session: 'other', state: { k: 1 } })
  await snapshots.copy(mirror)
  const copy = await openSnapshots<unknown>(mirror)
  const done: string[] = []
  const collecting = withBlobs(backend, (blobs) => ({
    get: async (key, options) => {
      if (key.endsWith(id) && !done.includes('deleted')) {
        done.push('deleted')
        await snapshots.delete(id)
      }
      return await blobs.get(key, options)
    },
    put: async (key, bytes, options) => {
      if (key === 'snapshots/collection' && !done.includes('back')) {
        done.push('back')
        await copy.copy(backend)
      }
      return await blobs.put(key, bytes, options)
    },
  }))
  await (await openSnapshots(collecting)).collect()
  expect(done).toEqual(['deleted', 'back'])
  const fresh = await openSnapshots(backend)
  expect(await fresh.load(id)).toEqual(state)
  expect((await fresh.verify()).problems).toEqual([])
})
