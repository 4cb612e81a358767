import { expect, test } from 'vitest'
import { memory } from '../../../dist/adapters/memory/index.js'
import { decodeSnapshot, encodeSnapshot } from '../../../dist/core/features/snapshots/archive-format.js'
import { contentOf } from '../../../dist/core/features/snapshots/contents.js'
import type { TreeManifest } from '../../../dist/core/features/snapshots/manifest.js'
import { Manifests } from '../../../dist/core/features/snapshots/manifests.js'
import { openSnapshots } from '../../../dist/core/features/snapshots/open-snapshots.js'

test('an archive whose snapshot has an index or a time that none can have is refused', async () => {
  const backend = memory()
  const info = await (await openSnapshots<number>(backend)).save({ agent: 'a', session: 's', state: 1 })
  const content = contentOf((await new Manifests(backend.blobs).get(info.id)) as TreeManifest)
  const read = (changed: object): unknown => decodeSnapshot(encodeSnapshot({ info: { ...info, ...changed }, content, chunks: 0 })).info
  expect(read({ index: 2 ** 31 - 1, timestamp: 8.64e15 })).toMatchObject({ id: info.id })
  for (const absurd of [{ index: 2 ** 31 }, { timestamp: 8.64e15 + 1 }, { clock: 8.64e15 + 1 }, { clock: -1 }]) {
    expect(() => read(absurd)).toThrow(expect.objectContaining({ code: 'corrupt' }))
  }
})
