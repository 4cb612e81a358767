import { memory } from 'varve/adapters/memory'
import { faulty, ManualClock } from 'varve/testing'
import { expect, test } from 'vitest'
import { StorageError } from '../../../dist/core/base/errors.js'
import { Cell } from '../../../dist/core/engine/cell.js'
import type { BlobStore } from '../../../dist/core/ports/blob-store.js'

/** The first put times out, and is done after so many more requests. */
function late(blobs: BlobStore, requests: number): BlobStore {
  let left = Number.POSITIVE_INFINITY
  let put: (() => Promise<unknown>) | undefined
  const meet = async (): Promise<void> => {
    if (left-- > 0) return
    left = Number.POSITIVE_INFINITY
    await put?.().catch(() => undefined)
  }
  return {
    traits: blobs.traits,
    async get(key, options) {
      await meet()
      return blobs.get(key, options)
    },
    async put(key, bytes, options) {
      await meet()
      if (put !== undefined) return blobs.put(key, bytes, options)
      put = () => blobs.put(key, bytes, options)
      left = requests
      throw new StorageError('unavailable', 'timed out', { backend: 'late' })
    },
    delete: (keys) => blobs.delete(keys),
    list: (options) => blobs.list(options),
  }
}

test.each([0, 1, 2, 3])('a put that is done %i requests after its time-out changes the cell once', async (requests) => {
  const clock = new ManualClock()
  const { blobs } = memory()
  const counting = new Cell<number>({ blobs: late(blobs, requests), clock, key: 'cell' })
  const updating = counting.update((count) => (count ?? 0) + 1)
  for (let turn = 0; turn < 10; turn++) await clock.advance(10_000)
  expect(await updating).toBe(1)
  expect((await new Cell<number>({ blobs, clock, key: 'cell' }).read()).value).toBe(1)
  expect(await counting.update((count) => (count ?? 0) + 1)).toBe(2)
})

test('after a lost answer the value is the one that its version says, also when others wrote behind it', async () => {
  const { blobs } = memory()
  const other = new Cell<string>({ blobs, clock: new ManualClock(), key: 'cell' })
  const losing: BlobStore = {
    ...{ traits: blobs.traits, get: blobs.get.bind(blobs), delete: blobs.delete.bind(blobs), list: blobs.list.bind(blobs) },
    async put(key, bytes, options) {
      await blobs.put(key, bytes, options)
      await other.update((value) => `${value} theirs`)
      throw new StorageError('unavailable', 'the answer was lost', { backend: 'losing' })
    },
  }
  const cell = new Cell<string>({ blobs: losing, clock: new ManualClock(), key: 'cell' })
  expect(await cell.update(() => 'mine')).toBe('mine theirs')
  expect(cell.version).toBe((await other.read()).version)
})

test('a lost answer is settled by reading', async () => {
  const backend = faulty(memory(), [{ on: 'blobs.put', n: 1, effect: 'lose' }])
  const cell = new Cell<number>({ blobs: backend.blobs, clock: new ManualClock(), key: 'cell' })
  expect(await cell.update((count) => (count ?? 0) + 1)).toBe(1)
})
