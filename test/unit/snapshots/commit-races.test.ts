import { expect, test } from 'vitest'
import { memory } from '../../../dist/adapters/memory/index.js'
import { openSnapshots } from '../../../dist/core/features/snapshots/open-snapshots.js'
import { noise } from '../../crash/snapshot-programs.js'
import { withBlobs } from './faulty-backend.js'

const STATE = Array.from({ length: 100 }, (_, n) => noise(n))
const S = { agent: 'a', session: 's' }

test.each(['snapshots/manifests/', 'snapshots/sessions/'])(
  'a save that relied on chunks which a collection took before its put to %s stores them again',
  async (prefix) => {
    const backend = memory()
    const other = await openSnapshots<unknown>(backend)
    await other.save({ ...S, state: STATE })
    let puts = 0
    const late = withBlobs(backend, (blobs) => ({
      put: async (key, bytes, options) => {
        // The first put to a session only makes its cell.
        const first = prefix.endsWith('sessions/') ? 2 : 1
        if (key.startsWith(prefix) && ++puts === first) {
          await other.delete(S)
          expect(await other.collect()).toMatchObject({ removedPacks: 1 })
        }
        return await blobs.put(key, bytes, options)
      },
    }))
    const { id } = await (await openSnapshots<unknown>(late)).save({ ...S, session: 't', state: STATE })
    expect(puts).toBeGreaterThan(0)
    const cold = await openSnapshots<unknown>(backend)
    expect(await cold.load(id)).toEqual(STATE)
    expect(await cold.verify()).toMatchObject({ ok: true, checked: 1 })
    await cold.collect()
    expect(await (await openSnapshots<unknown>(backend)).load(id)).toEqual(STATE)
  },
)

test('what does not inflate to what it was made from is refused, and nothing is saved', async () => {
  const backend = memory()
  const wrong = {
    name: 'lz4',
    id: 5,
    compress: (bytes: Uint8Array) => bytes.subarray(0, 9),
    decompress: (_: Uint8Array, length: number) => new Uint8Array(length),
  } as const
  const snapshots = await openSnapshots<unknown>(backend, { compression: wrong })
  await expect(snapshots.save({ ...S, state: STATE })).rejects.toMatchObject({ code: 'corrupt' })
  expect(await (await openSnapshots(backend)).verify()).toMatchObject({ ok: true, checked: 0 })
})
