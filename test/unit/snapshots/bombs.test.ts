// Stored bytes that claim, or inflate to, far more than they may: refused before memory is taken for them.

import { getHeapStatistics } from 'node:v8'
import { gzipSync } from 'node:zlib'
import { storedKeys } from 'varve/testing'
import { describe, expect, test } from 'vitest'
import { memory } from '../../../dist/adapters/memory/index.js'
import { concatBytes } from '../../../dist/core/base/bytes.js'
import { sealEnvelope } from '../../../dist/core/codec/envelope.js'
import {
  chunkRecord,
  entryOf,
  HEADER_BYTES,
  openRecord,
  packHeader,
  packTail,
  scanPack,
} from '../../../dist/core/engine/content/pack-format.js'
import { readContent } from '../../../dist/core/engine/content/read-content.js'
import { walkChunks } from '../../../dist/core/engine/content/walk-chunks.js'
import { openSnapshots } from '../../../dist/core/features/snapshots/open-snapshots.js'
import type { Backend } from '../../../dist/core/ports/backend.js'

const S = { agent: 'a', session: 's' }
const STATE = 'a state '.repeat(200)
const BOMB = new Uint8Array(gzipSync(new Uint8Array(96 * 1024 * 1024), { level: 9 }))
const MOST_BYTES = 24 * 1024 * 1024

function externalBytes(): number {
  return getHeapStatistics().external_memory
}

async function expectRefused(backend: Backend): Promise<void> {
  const before = externalBytes()
  const snapshots = await openSnapshots(backend)
  await expect(snapshots.load(S)).rejects.toMatchObject({ code: 'corrupt' })
  expect((await snapshots.verify()).problems.map(({ code }) => code)).toContain('corrupt')
  expect(externalBytes() - before).toBeLessThan(MOST_BYTES)
}

describe('a bomb', () => {
  test.each([
    ['a chunk that says it is gigantic', 0xffffffff],
    ['a chunk that inflates far past what it says', STATE.length + 2],
  ])('%s is corrupt', async (_, plainBytes) => {
    const backend = memory()
    await (await openSnapshots<string>(backend, { compression: 'none' })).save({ ...S, state: STATE })
    const [key = ''] = await storedKeys(backend, 'snapshots/packs/')
    const pack = (await backend.blobs.get(key))?.data as Uint8Array
    const { id, kind } = openRecord(pack.subarray(HEADER_BYTES, HEADER_BYTES + recordBytes(pack)), key)
    const record = chunkRecord({ id, kind, compression: 1, plainBytes, bytes: BOMB })
    const bomb = [packHeader(), record, packTail([entryOf(record, HEADER_BYTES)], HEADER_BYTES + record.length)]
    await backend.blobs.put(key, concatBytes(bomb))
    await expectRefused(backend)
  })

  test('a batch of manifests that inflates far past what it says is corrupt', async () => {
    const backend = memory()
    await (await openSnapshots<string>(backend)).saveMany(['one', 'two'].map((state) => ({ ...S, state })))
    const [key = ''] = await storedKeys(backend, 'snapshots/manifests/')
    await backend.blobs.put(key, sealEnvelope({ kind: 'manifests', codec: 1, compression: 1, plainLength: 100 }, BOMB))
    await expectRefused(backend)
  })

  test('nodes that lead back to themselves end', async () => {
    const id = `${'A'.repeat(43)}B`
    const root = { kind: 'list', bytes: 40, parts: [{ branch: id, bytes: 40, items: 2 }] } as const
    const source = { get: async () => new TextEncoder().encode(JSON.stringify(root)) }
    await expect(walkChunks(source, root, () => true)).rejects.toMatchObject({ code: 'corrupt' })
    const content = { root, bytes: 42, contentHash: '00', codec: 1 }
    await expect(readContent(source, content)).rejects.toMatchObject({ code: 'corrupt' })
  })
})

/** Of the first in a pack. */
function recordBytes(pack: Uint8Array): number {
  const entry = scanPack(pack)
  return 52 + new DataView(entry.buffer, entry.byteOffset).getUint32(40, true)
}
