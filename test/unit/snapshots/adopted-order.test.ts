import { expect, test } from 'vitest'
import { memory } from '../../../dist/adapters/memory/index.js'
import { openSnapshots } from '../../../dist/core/features/snapshots/open-snapshots.js'
import type { SnapshotInfo } from '../../../dist/core/features/snapshots/types.js'

const S = { agent: 'a', session: 's' }

async function saved(backend = memory()) {
  const snapshots = await openSnapshots<unknown>(backend)
  const infos: SnapshotInfo[] = []
  for (const n of [1, 2, 3]) infos.push(await snapshots.save({ ...S, state: { n } }))
  return { snapshots, infos, backend }
}

test('what is older and copied later does not become the head, nor in a copy of the copy', async () => {
  const { snapshots } = await saved()
  const [second, third] = [memory(), memory()]
  await snapshots.copy(second, { filter: { limit: 1 } })
  await snapshots.copy(second)
  const there = await openSnapshots<unknown>(second)
  expect(await there.load(S)).toEqual({ n: 3 })
  expect((await there.verify()).problems).toEqual([])
  await there.copy(third)
  const further = await openSnapshots<unknown>(third)
  expect(await further.load(S)).toEqual({ n: 3 })
  await there.prune({ last: 1 })
  expect(await there.load(S)).toEqual({ n: 3 })
})

test('a backup that is imported over what a policy left does not take the branch back', async () => {
  const { snapshots, infos, backend } = await saved()
  const archive: Uint8Array[] = []
  for await (const part of snapshots.export()) archive.push(part)
  await snapshots.prune({ last: 1 })
  expect(await snapshots.import(new Blob(archive as BlobPart[]).stream())).toMatchObject({ imported: 2, skipped: 1 })
  expect(await snapshots.load(S)).toEqual({ n: 3 })
  expect((await snapshots.latest(S))?.id).toBe(infos[2]?.id)
  await snapshots.delete(infos[2]?.id as string)
  expect(await snapshots.load(S)).toEqual({ n: 2 })
  await backend.blobs.put('snapshots/sessions/aa/ss', new Uint8Array([1, 2, 3]))
  const repaired = await openSnapshots<unknown>(backend)
  await repaired.repair()
  expect(await repaired.load(S)).toEqual({ n: 2 })
  expect((await repaired.save({ ...S, state: { n: 4 } })).parents).toEqual([infos[1]?.id])
  expect(await repaired.load(S)).toEqual({ n: 4 })
})
