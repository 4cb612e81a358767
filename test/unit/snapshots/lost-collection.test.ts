// The cell of the collections is gone, or is that of an older copy, while sessions bear stamps of later ones.

import { type Backend, openSnapshots, type Snapshots } from 'varve'
import { memory } from 'varve/adapters/memory'
import { expect, test } from 'vitest'
import { noise } from '../../crash/snapshot-programs.js'
import { withBlobs } from './faulty-backend.js'

const CELL = 'snapshots/collection'
const S = { agent: 'a', session: 's' }
const T = { agent: 'a', session: 't' }
const stateOf = (seed: number): string[] => Array.from({ length: 100 }, (_, n) => noise(1_000 * seed + n))
const STATE = stateOf(0)

const open = (backend: Backend): Promise<Snapshots<unknown>> => openSnapshots<unknown>(backend)

/** Two collections have been; gives the cell as the first left it. */
async function collected(backend: Backend): Promise<Uint8Array> {
  const snapshots = await open(backend)
  await snapshots.save({ ...T, state: 'stays' })
  let older: Uint8Array | undefined
  for (const n of [1, 2]) {
    await snapshots.save({ ...S, state: stateOf(n) })
    await snapshots.delete(S)
    expect((await snapshots.collect()).epoch).toBe(n)
    older ??= (await backend.blobs.get(CELL))?.data
  }
  return older as Uint8Array
}

test.each(['lost', 'that of an older copy'])('saves and collections go on when it is %s', async (what) => {
  const backend = memory()
  const older = await collected(backend)
  if (what === 'lost') await backend.blobs.delete([CELL])
  else await backend.blobs.put(CELL, older)
  const snapshots = await open(backend)
  const saved = await snapshots.save({ ...S, state: STATE })
  const stream = new Blob([Uint8Array.from(STATE.join(''), (text) => text.charCodeAt(0))]).stream()
  await snapshots.save({ ...T, branch: 'bytes', stream })
  const [many] = await snapshots.saveMany([{ ...T, state: [STATE, 1] }])
  const forked = await snapshots.fork(saved.id, { session: 'forked' })
  expect((await snapshots.verify()).problems).toEqual([])
  await snapshots.delete(saved.id)
  await snapshots.delete(many?.id as string)
  expect((await snapshots.collect()).epoch).toBeGreaterThan(3)
  const cold = await open(backend)
  expect(await cold.load(forked.id)).toEqual(STATE)
  expect(await cold.load(T)).toBe('stays')
  expect((await cold.verify()).problems).toEqual([])
})

test.each(['lost', 'that of an older copy'])(
  'a save that began before it was %s relies on nothing that is collected then',
  async (what) => {
    const backend = memory()
    const older = await collected(backend)
    const other = await open(backend)
    await other.save({ ...S, state: STATE })
    let manifests = 0
    const late = withBlobs(backend, (blobs) => ({
      put: async (key, bytes, options) => {
        if (key.startsWith('snapshots/manifests/') && ++manifests === 1) {
          if (what === 'lost') await blobs.delete([CELL])
          else await blobs.put(CELL, older)
          await other.delete(S)
          expect(await (await open(backend)).collect()).toMatchObject({ removedPacks: 1 })
        }
        return await blobs.put(key, bytes, options)
      },
    }))
    const { id } = await (await open(late)).save({ ...T, state: STATE })
    expect(manifests).toBe(2)
    const cold = await open(backend)
    expect(await cold.load(id)).toEqual(STATE)
    expect((await cold.verify()).problems).toEqual([])
  },
)

test('a collector whose cell is lost under it is fenced when a save has renewed it', async () => {
  const backend = memory()
  await collected(backend)
  const other = await open(backend)
  await other.save({ ...S, state: STATE })
  await other.delete(S)
  let stamps = 0
  const late = withBlobs(backend, (blobs) => ({
    put: async (key, bytes, options) => {
      const info = await blobs.put(key, bytes, options)
      if (key.startsWith('snapshots/sessions/') && ++stamps === 2) {
        await blobs.delete([CELL])
        await (await open(backend)).save({ ...S, state: STATE })
      }
      return info
    },
  }))
  await expect((await open(late)).collect()).rejects.toMatchObject({ code: 'fenced' })
  const cold = await open(backend)
  expect(await cold.load(S)).toEqual(STATE)
  await cold.collect()
  expect(await (await open(backend)).load(S)).toEqual(STATE)
  expect((await cold.verify()).problems).toEqual([])
})
