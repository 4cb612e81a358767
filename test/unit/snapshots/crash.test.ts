import { describe, expect, test } from 'vitest'
import { memory } from '../../../dist/adapters/memory/index.js'
import { StorageError } from '../../../dist/core/base/errors.js'
import { openSnapshots } from '../../../dist/core/features/snapshots/open-snapshots.js'
import type { SnapshotChange } from '../../../dist/core/features/snapshots/types.js'
import type { Backend } from '../../../dist/core/ports/backend.js'
import { withBlobs } from './faulty-backend.js'

const S1 = { agent: 'a', session: 's' }

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = []
  for await (const item of items) all.push(item)
  return all
}

/** From change number `after` on, nothing reaches the store any more: what a power failure does to a save. */
function dying(backend: Backend, after: number): Backend {
  let changes = 0
  const guard = (): void => {
    if (changes++ >= after) throw new StorageError('denied', 'power failure')
  }
  return withBlobs(backend, (blobs) => ({
    put: async (...args) => {
      guard()
      return await blobs.put(...args)
    },
    delete: async (...args) => {
      guard()
      await blobs.delete(...args)
    },
  }))
}

describe('a crash in mid-save', () => {
  test.each([0, 1, 2, 3])('after %i changes leaves the last snapshot whole and none in part', async (after) => {
    const backend = memory()
    const healthy = await openSnapshots<string>(backend, { compression: 'none' })
    const first = await healthy.save({ ...S1, state: 'first' })
    const crashing = await openSnapshots<string>(dying(backend, after), { compression: 'none' })
    const state = 'x'.repeat(2500)
    const isSaved = await crashing.save({ ...S1, state }).then(
      () => true,
      () => false,
    )
    expect(isSaved).toBe(after === 3)
    expect(await healthy.load(S1)).toBe(isSaved ? state : 'first')
    expect(await healthy.load(first.id)).toBe('first')
    expect(await collect(healthy.list())).toHaveLength(isSaved ? 2 : 1)
    expect(await healthy.verify()).toMatchObject({ ok: true, checked: isSaved ? 2 : 1 })
    expect((await healthy.save({ ...S1, state: 'next' })).index).toBe(isSaved ? 2 : 1)
  })
})

describe('a crash in mid-delete', () => {
  test.each([0, 1, 2])('after %i changes leaves a snapshot that is there or not, never damaged', async (after) => {
    const backend = memory()
    const healthy = await openSnapshots<string>(backend)
    const { id } = await healthy.save({ ...S1, state: 'one' })
    await (await openSnapshots<string>(dying(backend, after))).delete(S1).catch(() => {})
    expect((await healthy.verify()).ok).toBe(true)
    if (after === 0) expect(await healthy.load(id)).toBe('one')
    else await expect(healthy.load(id)).rejects.toMatchObject({ code: 'missing' })
  })
})

test('a manifest that was never published cannot be loaded', async () => {
  const backend = memory()
  const crashing = await openSnapshots<string>(dying(backend, 2))
  await expect(crashing.save({ ...S1, state: 'one' })).rejects.toMatchObject({ code: 'denied' })
  const keys = await collect(backend.blobs.list({ prefix: 'snapshots/manifests/' }))
  expect(keys).toHaveLength(1)
  const id = keys[0]?.key.slice('snapshots/manifests/'.length) as string
  await expect((await openSnapshots(backend)).load(id)).rejects.toMatchObject({ code: 'missing' })
})

test.each(['unavailable', 'conflict'] as const)('a commit whose answer was lost (%s) is found and not repeated', async (code) => {
  let isLost = false
  const backend = withBlobs(memory(), (blobs) => ({
    put: async (key, bytes, options) => {
      const info = await blobs.put(key, bytes, options)
      if (isLost || !key.startsWith('snapshots/sessions/')) return info
      isLost = true
      throw new StorageError(code, 'the answer was lost')
    },
  }))
  const snapshots = await openSnapshots<string>(backend)
  const info = await snapshots.save({ ...S1, state: 'one' })
  expect(isLost).toBe(true)
  expect(await collect(snapshots.list())).toStrictEqual([info])
  expect(await snapshots.load(info.id)).toBe('one')
})

test('a snapshot of another writer is heard through the signal, and each is told once', async () => {
  const backend = memory()
  const [here, there] = [await openSnapshots<number>(backend), await openSnapshots<number>(backend)]
  const heard: SnapshotChange[] = []
  let resolve: (() => void) | undefined
  const isHeard = (count: number): Promise<void> =>
    new Promise((done) => {
      resolve = () => {
        if (heard.length >= count) done()
      }
      resolve()
    })
  here.watch((change) => {
    heard.push(change)
    resolve?.()
  })
  const own = await here.save({ ...S1, state: 1 })
  await isHeard(1)
  const other = await there.save({ ...S1, state: 2 })
  await isHeard(2)
  await there.delete(other.id)
  await isHeard(3)
  expect(heard.map(({ type, id }) => [type, id])).toStrictEqual([
    ['saved', own.id],
    ['saved', other.id],
    ['deleted', other.id],
  ])
  await here.close()
})

test('a listener that throws does not fail the save', async () => {
  const snapshots = await openSnapshots<number>(memory())
  const errors: unknown[] = []
  const previous = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  process.once('uncaughtException', (error) => errors.push(error))
  snapshots.watch(() => {
    throw new RangeError('listener')
  })
  await snapshots.save({ ...S1, state: 1 })
  await new Promise((done) => setImmediate(done))
  for (const listener of previous) process.on('uncaughtException', listener)
  expect(errors).toMatchObject([{ message: 'listener' }])
  await snapshots.close()
})

test('sixteen writers in one session each get an index of their own', async () => {
  const backend = memory()
  const writers = await Promise.all(Array.from({ length: 16 }, () => openSnapshots<number>(backend)))
  const saved = await Promise.all(writers.map((writer, state) => writer.save({ ...S1, state })))
  expect(new Set(saved.map(({ index }) => index)).size).toBe(16)
  expect(Math.max(...saved.map(({ index }) => index))).toBe(15)
})
