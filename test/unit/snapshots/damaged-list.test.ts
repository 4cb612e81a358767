// A list over snapshots of which one has a manifest that cannot be read, although its summary alone is not enough.

import { type Backend, openSnapshots, type SnapshotInfo } from 'varve'
import { memory } from 'varve/adapters/memory'
import { expect, test } from 'vitest'

const S = { agent: 'a', session: 's' }
const LONG = { text: 'y'.repeat(500) }

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = []
  for await (const item of items) found.push(item)
  return found
}

/** Three, the one in the middle with metadata that its manifest alone has. */
async function scene(): Promise<{ readonly backend: Backend; readonly infos: readonly SnapshotInfo[] }> {
  const backend = memory()
  const snapshots = await openSnapshots<number>(backend)
  const infos: SnapshotInfo[] = []
  for (const [state, metadata] of [{ n: 0 }, LONG, { n: 2 }].entries())
    infos.push(await snapshots.save({ ...S, state, metadata, tags: [`t${state}`] }))
  return { backend, infos }
}

test.each([
  ['damaged', (backend: Backend, key: string) => backend.blobs.put(key, new Uint8Array([1, 2, 3]))],
  ['gone', (backend: Backend, key: string) => backend.blobs.delete([key])],
] as const)('a manifest that is %s leaves the list whole, and the list says which', async (_, damage) => {
  const { backend, infos } = await scene()
  const [first, second, third] = infos as [SnapshotInfo, SnapshotInfo, SnapshotInfo]
  await damage(backend, `snapshots/manifests/${second.id}`)
  const snapshots = await openSnapshots<number>(backend)
  const { metadata: _metadata, ...known } = second
  expect(await all(snapshots.list())).toEqual([third, { ...known, damaged: expect.stringContaining(second.id) }, first])
  expect(await all(snapshots.list({ tag: 't1', limit: 1 }))).toMatchObject([{ id: second.id, damaged: expect.any(String) }])
  expect(await all(snapshots.list({ startAfter: second.id }))).toEqual([first])
  await expect(snapshots.info(second.id)).rejects.toThrow()
  expect((await snapshots.verify()).problems).toMatchObject([{ id: second.id }])
})

test('who asks for metadata that cannot be read is told so, and not given less', async () => {
  const { backend, infos } = await scene()
  const [, second] = infos as [SnapshotInfo, SnapshotInfo]
  await backend.blobs.put(`snapshots/manifests/${second.id}`, new Uint8Array([1, 2, 3]))
  const snapshots = await openSnapshots<number>(backend)
  await expect(all(snapshots.list({ metadata: { n: 0 } }))).rejects.toMatchObject({ code: 'corrupt', key: second.id })
  expect(await all(snapshots.list({ metadata: { n: 2 }, limit: 1 }))).toHaveLength(1)
})
