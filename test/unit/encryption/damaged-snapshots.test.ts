// Sealed blobs that do not open any more: what else is stored goes on.

import { describe, expect, test } from 'vitest'
import { type Backend, encrypted, openSnapshots } from 'varve'
import { memory } from 'varve/adapters/memory'
import { flipBit, keysOf } from '../content/packs.js'

const secret = { key: new Uint8Array(32).fill(1) }
const other = { key: new Uint8Array(32).fill(2) }

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
    const lost = await writer.save({ agent: 'z', session: 'z', state: 1 })
    await writer.tag(tagged?.id ?? '', ['good'])
    await writer.pin(pinned?.id ?? '')
    await writer.delete(removed?.id ?? '')
    const before = await all(writer.list())
    await flipBit(below.blobs, `snapshots/manifests/${lost.id}`, 90)
    const snapshots = await open(below)
    expect((await snapshots.repair()).lost).toMatchObject([{ id: lost.id }])
    expect(await all((await open(below)).list())).toEqual(before)
  })

  test('of which the cell of a session without snapshots is damaged are repaired all the same', async () => {
    const [below, mirror] = [memory(), memory()]
    const writer = await open(below)
    await writer.save({ agent: 'a', session: 'gone', state: 1 })
    const [cell = ''] = await keysOf(below.blobs, 'snapshots/sessions/')
    await writer.delete({ agent: 'a', session: 'gone' })
    await writer.collect()
    const info = await writer.save({ agent: 'a', session: 's', state: big(1) })
    await writer.copy(mirror)
    await flipBit(below.blobs, cell, 90)
    const [pack = ''] = await keysOf(below.blobs, 'snapshots/packs/')
    await flipBit(below.blobs, pack, 90)
    const { lost, repaired } = await (await open(below)).repair({ from: mirror })
    expect(lost).toContainEqual(expect.objectContaining({ key: cell, code: 'corrupt' }))
    expect(repaired).toMatchObject([{ id: info.id }])
    expect(await (await open(below)).load(info.id)).toEqual(big(1))
  })

  test.each(['collection', 'manifests', 'packs', 'sessions'])('are repaired from a copy where one of the %s is damaged', async (kind) => {
    const [below, mirror] = [memory(), memory()]
    const writer = await open(below)
    const info = await writer.save({ agent: 'named-agent', session: 's', state: big(1) })
    const removed = await writer.save({ agent: 'a', session: 'other', state: big(2) })
    await writer.save({ agent: 'a', session: 'other', state: 'other' })
    await writer.delete(removed.id)
    await writer.collect()
    await writer.copy(mirror, { encryption: other })
    const keys = await keysOf(below.blobs, `snapshots/${kind}`)
    const key = keys.find((one) => one.includes(info.id)) ?? keys[0] ?? ''
    await flipBit(below.blobs, key, 90)
    const damaged = (await below.blobs.get(key))?.data
    const report = await (await open(below)).repair({ from: mirror, encryption: other })
    expect(report).toMatchObject({ ok: true, lost: [], quarantined: [expect.stringContaining(key.slice('snapshots/'.length))] })
    expect((await below.blobs.get(report.quarantined[0] ?? ''))?.data).toEqual(damaged)
    const snapshots = await open(below)
    expect(await snapshots.load(info.id)).toEqual(big(1))
    expect((await snapshots.save({ agent: 'named-agent', session: 's', state: 2 })).index).toBe(1)
    expect((await snapshots.verify()).problems).toEqual([])
  })
})

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = []
  for await (const item of items) found.push(item)
  return found
}
