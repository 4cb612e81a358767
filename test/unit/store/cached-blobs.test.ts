import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import type { Backend } from 'varve'
import { memory } from 'varve/adapters/memory'
import { BlockCache } from '../../../dist/core/derived/block-cache.js'
import { CachedBlobs } from '../../../dist/core/derived/cached-blobs.js'
import type { BlobStore } from '../../../dist/core/ports/blob-store.js'
import { ManualClock, seededRandom } from '../../../dist/testing/manual-clock.js'
import { keysOf, noise } from '../content/packs.js'

const BLOCK = 256 * 1024
const BLOCKS = 'cached/blocks/'

function cacheOn(backend: Backend, maxBytes = 1e9): BlockCache {
  return new BlockCache({ backend, maxBytes, clock: new ManualClock(), isRequestScoped: true })
}

function cachedOver(store: BlobStore, cache: BlockCache): CachedBlobs {
  return new CachedBlobs({ store, cache, isFixed: (key) => key.startsWith('fixed/'), isRead: true })
}

/** Comparing megabytes one by one takes long. */
function hashed(blob: { readonly data: Uint8Array } | undefined): string | undefined {
  return blob === undefined ? undefined : createHash('sha256').update(blob.data).digest('hex')
}

test('whatever part of whatever blob is read, with whatever is left in the cache, is what the store has', async () => {
  const random = seededRandom(11)
  const below = (n: number): number => Math.floor(random() * n)
  const [remote, near] = [memory(), memory()]
  const blobs = cachedOver(remote.blobs, cacheOn(near))
  const sizes = [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK, 4 * BLOCK + 17]
  for (const [n, size] of sizes.entries()) await remote.blobs.put(`fixed/${n}`, noise(n, size))
  for (let round = 0; round < 200; round++) {
    const n = below(sizes.length)
    const size = sizes[n] as number
    const start = below(size + BLOCK)
    const edge = [start, start + 1, start + below(2 * BLOCK), size, 2 ** 31, (below(6) + 1) * BLOCK][below(6)] as number
    const options = below(5) === 0 ? {} : { range: { start, end: Math.max(start, edge) } }
    const [found, there] = [await blobs.get(`fixed/${n}`, options), await remote.blobs.get(`fixed/${n}`, options)]
    expect({ ...found, data: hashed(found) }, `${n} ${JSON.stringify(options)}`).toEqual({ ...there, data: hashed(there) })
    const kept = await keysOf(near.blobs, BLOCKS)
    if (kept.length > 0 && below(3) === 0) await near.blobs.delete(kept.filter(() => below(3) === 0))
  }
  expect(await blobs.get('fixed/none')).toBeUndefined()
  expect((await keysOf(near.blobs, BLOCKS)).length).toBeGreaterThan(0)
})

test('what is there whole is not asked of the store, and of a gap only the gap', async () => {
  const remote = memory()
  const near = memory()
  const asked: unknown[] = []
  const store: BlobStore = {
    ...remote.blobs,
    traits: remote.blobs.traits,
    get: (key, options) => {
      asked.push(options?.range)
      return remote.blobs.get(key, options)
    },
  }
  await remote.blobs.put('fixed/a', noise(1, 5 * BLOCK))
  const blobs = cachedOver(store, cacheOn(near))
  await blobs.get('fixed/a')
  await blobs.get('fixed/a')
  await blobs.get('fixed/a', { range: { start: 17, end: 4 * BLOCK } })
  expect(asked).toEqual([undefined])
  await near.blobs.delete([1, 3].map((n) => `${BLOCKS}fixed/a/${n}`))
  await blobs.get('fixed/a', { range: { start: 5, end: 5 * BLOCK - 5 } })
  expect(asked.slice(1)).toEqual([{ start: BLOCK, end: 4 * BLOCK }])
  await near.blobs.delete([`${BLOCKS}fixed/a/2`])
  await blobs.get('fixed/a', { range: { start: 2 * BLOCK + 9, end: 2 * BLOCK + 10 } })
  expect(asked.slice(2)).toEqual([{ start: 2 * BLOCK, end: 3 * BLOCK }])
})

test('a blob that was put anew under its name is never mixed with what is kept of the old one', async () => {
  const [remote, near] = [memory(), memory()]
  const blobs = cachedOver(remote.blobs, cacheOn(near))
  await blobs.put('fixed/a', noise(1, 3 * BLOCK))
  await remote.blobs.put('fixed/a', noise(2, 3 * BLOCK))
  await near.blobs.delete([`${BLOCKS}fixed/a/1`])
  const renewed = hashed(await remote.blobs.get('fixed/a'))
  expect(hashed(await blobs.get('fixed/a'))).toBe(renewed)
  expect(hashed(await blobs.get('fixed/a'))).toBe(renewed)
})

test('what may change always comes from the store', async () => {
  const [remote, near] = [memory(), memory()]
  const blobs = cachedOver(remote.blobs, cacheOn(near))
  await blobs.put('cell', Uint8Array.of(1))
  await blobs.get('cell')
  await remote.blobs.put('cell', Uint8Array.of(2))
  expect((await blobs.get('cell'))?.data).toEqual(Uint8Array.of(2))
  expect(await keysOf(near.blobs, '')).toEqual([])
})

test('where nothing outlives a call, what was read is kept when the call ends', async () => {
  const [remote, near] = [memory(), memory()]
  await remote.blobs.put('fixed/a', noise(1, BLOCK + 5))
  await cachedOver(remote.blobs, cacheOn(near)).get('fixed/a')
  expect(await keysOf(near.blobs, BLOCKS)).toEqual([`${BLOCKS}fixed/a/0`, `${BLOCKS}fixed/a/1`])
})

test('what is distrusted is neither read from the cache nor left in it', async () => {
  const [remote, near] = [memory(), memory()]
  const cache = cacheOn(near)
  const blobs = cachedOver(remote.blobs, cache)
  await blobs.put('fixed/a', noise(1, 10))
  await blobs.put('fixed/b', noise(2, 10))
  const dropped = cache.distrust('fixed/a')
  await remote.blobs.delete(['fixed/a'])
  expect(await blobs.get('fixed/a')).toBeUndefined()
  await dropped
  expect(await keysOf(near.blobs, BLOCKS)).toEqual([`${BLOCKS}fixed/b/0`])
})
