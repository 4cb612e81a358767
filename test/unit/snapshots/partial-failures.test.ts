import { expect, test } from 'vitest'
import { memory } from '../../../dist/adapters/memory/index.js'
import { StorageError } from '../../../dist/core/base/errors.js'
import { openSnapshots } from '../../../dist/core/features/snapshots/open-snapshots.js'
import { noise } from '../../crash/snapshot-programs.js'
import { withBlobs } from './faulty-backend.js'

const S = { agent: 'a', session: 's' }

/** A backend behind `target` that runs something before the first manifest is put, and the names of those that were put. */
function beforeManifest(target: ReturnType<typeof memory>, run: () => Promise<unknown>) {
  const names: string[] = []
  const backend = withBlobs(target, (blobs) => ({
    put: async (key, bytes, options) => {
      if (key.startsWith('snapshots/manifests/') && names.push(key) === 1) await run()
      return await blobs.put(key, bytes, options)
    },
  }))
  return { backend, names }
}

test('two that copy the same snapshot at once leave one of it', async () => {
  const [from, to] = [memory(), memory()]
  const snapshots = await openSnapshots<unknown>(from)
  await snapshots.save({ ...S, state: [1] })
  const { backend } = beforeManifest(to, () => snapshots.copy(to))
  expect(await snapshots.copy(backend)).toMatchObject({ copied: 0, skipped: 1 })
  const copies = await openSnapshots<unknown>(to)
  expect((await copies.verify()).problems).toEqual([])
  const listed: number[] = []
  for await (const { index } of copies.list()) listed.push(index)
  expect(listed).toEqual([0])
})

test('a copy that was overtaken by a save puts its manifest under another name', async () => {
  const [from, to] = [memory(), memory()]
  const snapshots = await openSnapshots<unknown>(from)
  const { id } = await snapshots.save({ ...S, state: [1] })
  const others = await openSnapshots<unknown>(to)
  const { backend, names } = beforeManifest(to, () => others.save({ ...S, state: [2] }))
  expect(await snapshots.copy(backend)).toMatchObject({ copied: 1 })
  expect(names).toHaveLength(2)
  expect(new Set(names).size).toBe(2)
  expect(await (await openSnapshots<unknown>(to)).load(id)).toEqual([1])
})

test('a head that goes while its page is replaced by another gives way to the one before', async () => {
  const backend = memory()
  const others = await openSnapshots<unknown>(backend)
  const early = await others.save({ ...S, branch: 'side', state: -1 })
  const { id: victim } = await others.save({ ...S, state: 0 })
  for (let n = 1; n < 100; n++) await others.save({ ...S, state: n })
  const late = await others.save({ ...S, branch: 'side', state: -2 })
  let reads = 0
  const slow = withBlobs(backend, (blobs) => ({
    get: async (key, options) => {
      if (key.startsWith('snapshots/pages/') && ++reads === 1) await others.delete(victim)
      return await blobs.get(key, options)
    },
  }))
  await (await openSnapshots<unknown>(slow)).delete(late.id)
  expect(reads).toBeGreaterThan(0)
  expect((await others.latest({ ...S, branch: 'side' }))?.id).toBe(early.id)
})

test.each([new Error('the listener broke'), new StorageError('unavailable', 'not now')])(
  'saving many that ends in %s tells what was saved',
  async (failure) => {
    const snapshots = await openSnapshots<unknown>(memory())
    const onProgress = ({ phase, done }: { readonly phase: string; readonly done?: number }): void => {
      if (phase === 'publish' && done === 1) throw failure
    }
    const items = ['s', 't'].map((session) => ({ agent: 'a', session, state: session }))
    const error = await snapshots.saveMany(items, { onProgress }).catch((thrown: unknown) => thrown)
    expect((error as { saved: readonly unknown[] }).saved).toMatchObject([{ session: 's' }, undefined])
  },
)

test('a save does not fail because the index of packs could not be written', async () => {
  let refused = 0
  const fails = withBlobs(memory(), (blobs) => ({
    put: async (key, bytes, options) => {
      if (!key.startsWith('snapshots/index/')) return await blobs.put(key, bytes, options)
      refused++
      throw new StorageError('unavailable', 'not now')
    },
  }))
  const snapshots = await openSnapshots<unknown>(fails)
  for (let n = 0; n < 20; n++) await snapshots.save({ ...S, state: Array.from({ length: 100 }, (_, at) => noise(100 * n + at)) })
  expect(refused).toBeGreaterThan(0)
})
