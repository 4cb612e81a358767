// Stored bytes that claim, or inflate to, far more than they may: refused before memory is taken for them.

import { getHeapStatistics } from 'node:v8'
import { gzipSync } from 'node:zlib'
import { storedKeys } from 'varve/testing'
import { describe, expect, test } from 'vitest'
import { memory } from '../../../dist/adapters/memory/index.js'
import { concatBytes } from '../../../dist/core/base/bytes.js'
import { StorageError } from '../../../dist/core/base/errors.js'
import { sealEnvelope } from '../../../dist/core/codec/envelope.js'
import {
  CHUNK_HEADER_BYTES,
  chunkRecord,
  ENTRY_BYTES,
  entryOf,
  HEADER_BYTES,
  openRecord,
  packHeader,
  packTail,
  scanPack,
} from '../../../dist/core/engine/content/pack-format.js'
import { readContent } from '../../../dist/core/engine/content/read-content.js'
import { salvageContent } from '../../../dist/core/engine/content/salvage-content.js'
import { walkChunks } from '../../../dist/core/engine/content/walk-chunks.js'
import { decodeChunks } from '../../../dist/core/features/snapshots/archive-format.js'
import { openSnapshots } from '../../../dist/core/features/snapshots/open-snapshots.js'
import type { Backend } from '../../../dist/core/ports/backend.js'

const S = { agent: 'a', session: 's' }
const STATE = 'a state '.repeat(200)
const BOMB_BYTES = 96 * 1024 * 1024
const BOMB = new Uint8Array(gzipSync(new Uint8Array(BOMB_BYTES), { level: 9 }))
const MOST_BYTES = 24 * 1024 * 1024

function externalBytes(): number {
  return getHeapStatistics().external_memory
}

async function expectRefused(backend: Backend, why = ''): Promise<void> {
  const before = externalBytes()
  const snapshots = await openSnapshots(backend)
  const error: unknown = await snapshots.load(S).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ code: 'corrupt' })
  expect(reasonsOf(error)).toContain(why)
  expect((await snapshots.verify()).problems.map(({ code }) => code)).toContain('corrupt')
  expect(externalBytes() - before).toBeLessThan(MOST_BYTES)
}

/** What it says, and what it was caused by. */
function reasonsOf(error: unknown): string {
  return error instanceof Error ? `${error.message}\n${reasonsOf(error.cause)}` : ''
}

describe('a bomb', () => {
  test.each([
    ['a chunk that says it is gigantic', 0xffffffff, 'longer than any may be'],
    ['a chunk that inflates far past what it says', STATE.length + 2, 'do not give what was compressed'],
  ])('%s is corrupt', async (_, plainBytes, why) => {
    const backend = memory()
    await (await openSnapshots<string>(backend, { compression: 'none' })).save({ ...S, state: STATE })
    const [key = ''] = await storedKeys(backend, 'snapshots/packs/')
    const pack = (await backend.blobs.get(key))?.data as Uint8Array
    const { id, kind } = openRecord(recordsOf(pack)[0] as Uint8Array, key)
    const record = chunkRecord({ id, kind, compression: 1, plainBytes, bytes: BOMB })
    const bomb = [packHeader(), record, packTail([entryOf(record, HEADER_BYTES)], HEADER_BYTES + record.length)]
    await backend.blobs.put(key, concatBytes(bomb))
    await expectRefused(backend, why)
  })

  test('a node of a tree that says it is gigantic is corrupt', async () => {
    const backend = memory()
    const items = Array.from({ length: 6_000 }, (_, n) => `item ${n} of a list that has many of them`)
    await (await openSnapshots<unknown>(backend, { compression: 'none' })).save({ ...S, state: items })
    const [key = ''] = await storedKeys(backend, 'snapshots/packs/')
    const pack = (await backend.blobs.get(key))?.data as Uint8Array
    const records = recordsOf(pack).map((record) => {
      const chunk = openRecord(record, key)
      return chunk.kind === 'leaf' ? record : chunkRecord({ ...chunk, compression: 1, plainBytes: BOMB_BYTES, bytes: BOMB })
    })
    expect(records.some((record) => record.length > BOMB.length)).toBe(true)
    let at = HEADER_BYTES
    const entries = records.map((record) => {
      at += record.length
      return entryOf(record, at - record.length)
    })
    await backend.blobs.put(key, concatBytes([packHeader(), ...records, packTail(entries, at)]))
    await expectRefused(backend, 'longer than any may be')
  })

  test.each([
    ['inflates far past what it says', 100, 'do not give what was compressed'],
    ['says it is gigantic', BOMB_BYTES, 'longer than they may be'],
  ])('a batch of manifests that %s is corrupt', async (_, plainLength, why) => {
    const backend = memory()
    await (await openSnapshots<string>(backend)).saveMany(['one', 'two'].map((state) => ({ ...S, state })))
    const [key = ''] = await storedKeys(backend, 'snapshots/manifests/')
    await backend.blobs.put(key, sealEnvelope({ kind: 'manifests', codec: 1, compression: 1, plainLength }, BOMB))
    await expectRefused(backend, why)
  })

  test('manifests with much metadata do not all lie together', async () => {
    const backend = memory()
    const snapshots = await openSnapshots<number>(backend)
    const metadata = { text: 'x'.repeat(1024 * 1024) }
    const infos = await snapshots.saveMany(Array.from({ length: 20 }, (_, state) => ({ ...S, state, metadata })))
    expect((await storedKeys(backend, 'snapshots/manifests/')).length).toBeGreaterThan(1)
    const again = await openSnapshots<number>(backend)
    for (const [n, { id }] of infos.entries()) expect([await again.load(id), (await again.info(id)).metadata]).toEqual([n, metadata])
    expect((await again.verify()).problems).toEqual([])
  })

  test('a length of bytes that are lost is not taken on trust', async () => {
    const bytes = 2 ** 32
    const root = { kind: 'bytes', bytes, parts: [{ branch: `${'A'.repeat(43)}B`, bytes }] } as const
    const source = { get: async () => Promise.reject(new StorageError('missing', 'a chunk is in no pack')) }
    const before = externalBytes()
    const salvaging = salvageContent(source, { root, bytes, contentHash: '00', codec: 0 }, (plain) => plain)
    await expect(salvaging).rejects.toMatchObject({ code: 'unsupported', facts: { bytes } })
    expect(externalBytes() - before).toBeLessThan(MOST_BYTES)
  })

  test('chunks of an archive are taken one by one, however many it claims', () => {
    const millions = [0x80, 0x80, 0x80, 0x01]
    const chunks = decodeChunks(Uint8Array.from([...millions, 1, 1, 7, 9, 1, 7]))
    expect(chunks.next().value).toEqual({ kind: 'leaf', plain: Uint8Array.of(7) })
    expect(() => chunks.next()).toThrow(expect.objectContaining({ code: 'corrupt' }))
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

/** Chunks as they lie in a pack. */
function recordsOf(pack: Uint8Array): Uint8Array[] {
  const table = scanPack(pack)
  const records: Uint8Array[] = []
  for (let entry = 0; entry < table.length; entry += ENTRY_BYTES) {
    const view = new DataView(table.buffer, table.byteOffset + entry)
    const at = view.getUint32(36, true)
    records.push(pack.subarray(at, at + CHUNK_HEADER_BYTES + view.getUint32(40, true)))
  }
  return records
}
