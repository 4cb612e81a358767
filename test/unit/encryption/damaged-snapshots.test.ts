// Sealed blobs that do not open any more: what else is stored goes on.

import { describe, expect, test } from 'vitest'
import { type Backend, encrypted, openSnapshots } from 'varve'
import { memory } from 'varve/adapters/memory'
import { flipBit, keysOf } from '../content/packs.js'

const secret = { key: new Uint8Array(32).fill(1) }

/** Twice the same: a store that seals its snapshots, and one that seals everything. */
const WAYS = [
  ['snapshots that are encrypted', (below: Backend) => openSnapshots(below, { encryption: secret })],
  ['snapshots in an encrypted store', (below: Backend) => openSnapshots(encrypted(below, secret))],
] as const

const big = (n: number) => Array.from({ length: 300 }, (_, i) => ({ i, x: n + Math.sin(i * n) }))

describe.each(WAYS)('%s', (_, open) => {
  test('of which one pack is damaged load all others, take new ones, and are verified', async () => {
    const below = memory()
    const first = await (await open(below)).save({ agent: 'a', session: 's', state: big(1) })
    const [pack = ''] = await keysOf(below.blobs, 'snapshots/packs/')
    const second = await (await open(below)).save({ agent: 'a', session: 's', state: big(2) })
    await flipBit(below.blobs, pack, ((await below.blobs.get(pack))?.bytes ?? 0) - 9)
    const snapshots = await open(below)
    await expect(snapshots.load(first.id)).rejects.toMatchObject({ code: 'corrupt', key: first.id })
    expect(await snapshots.load(second.id)).toEqual(big(2))
    const third = await snapshots.save({ agent: 'a', session: 's', state: big(3) })
    expect(await snapshots.load(third.id)).toEqual(big(3))
    for (const level of ['hashes', 'restore'] as const)
      expect((await snapshots.verify(undefined, { level })).problems).toContainEqual(
        expect.objectContaining({ key: pack, code: 'corrupt' }),
      )
  })

  test('of which a table of packs is damaged load and take new ones', async () => {
    const below = memory()
    const writer = await open(below)
    const { id } = await writer.save({ agent: 'a', session: 's', state: big(0) })
    for (let n = 1; n < 16; n++) await writer.save({ agent: 'a', session: 's', state: big(n) })
    for (const table of await keysOf(below.blobs, 'snapshots/index/')) await flipBit(below.blobs, table, 90)
    const snapshots = await open(below)
    expect(await snapshots.load(id)).toEqual(big(0))
    expect((await snapshots.save({ agent: 'a', session: 's', state: big(16) })).index).toBe(16)
    expect((await snapshots.verify()).problems).toHaveLength(1)
  })

  test('are repaired without a change to sessions that are whole', async () => {
    const below = memory()
    const writer = await open(below)
    const [tagged, pinned, removed] = await writer.saveMany([1, 2, 3].map((state) => ({ agent: 'a', session: 's', state })))
    const other = await writer.save({ agent: 'z', session: 'z', state: 1 })
    await writer.tag(tagged?.id ?? '', ['good'])
    await writer.pin(pinned?.id ?? '')
    await writer.delete(removed?.id ?? '')
    const before = await all(writer.list())
    await flipBit(below.blobs, `snapshots/manifests/${other.id}`, 90)
    const snapshots = await open(below)
    expect((await snapshots.repair()).lost).toMatchObject([{ id: other.id }])
    expect(await all((await open(below)).list())).toEqual(before)
  })
})

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = []
  for await (const item of items) found.push(item)
  return found
}
