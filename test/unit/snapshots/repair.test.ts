import { describe, expect, test } from 'vitest'
import { memory } from '../../../dist/adapters/memory/index.js'
import { StorageError } from '../../../dist/core/base/errors.js'
import { openSnapshots } from '../../../dist/core/features/snapshots/open-snapshots.js'
import type { Snapshots } from '../../../dist/core/features/snapshots/snapshots.js'
import type { SnapshotInfo } from '../../../dist/core/features/snapshots/types.js'
import type { Backend } from '../../../dist/core/ports/backend.js'
import { seededRandom } from '../../../dist/testing/manual-clock.js'
import { flipBit, hooked, keysOf } from '../content/packs.js'

const S = { agent: 'a', session: 's' }

function listOf(seed: number, items: number): string[] {
  const random = seededRandom(seed)
  return Array.from({ length: items }, () => Array.from({ length: 50 }, () => Math.floor(random() * 36 ** 6).toString(36)).join(''))
}

interface Scene {
  readonly backend: Backend
  readonly mirror: Backend
  readonly snapshots: Snapshots<unknown>
  readonly states: ReadonlyMap<string, unknown>
  readonly infos: readonly SnapshotInfo[]
}

async function scene(): Promise<Scene> {
  const [backend, mirror] = [memory(), memory()]
  const snapshots = await openSnapshots<unknown>(backend, { compression: 'none' })
  const states = new Map<string, unknown>()
  const infos: SnapshotInfo[] = []
  const add = (info: SnapshotInfo, state: unknown): void => {
    infos.push(info)
    states.set(info.id, state)
  }
  for (let i = 0; i < 3; i++) {
    const state = { name: `n${i}`, list: listOf(i, 150), map: { deep: listOf(9, 60), i } }
    add(await snapshots.save({ ...S, state, tags: [`t${i}`], metadata: { i } }), state)
  }
  const many = Array.from({ length: 4 }, (_, i) => ({ agent: 'b', session: 'many', state: listOf(50 + i, 20) }))
  for (const [i, info] of (await snapshots.saveMany(many)).entries()) add(info, many[i]?.state)
  await snapshots.copy(mirror)
  return { backend, mirror, snapshots, states, infos }
}

async function expectWhole({ backend, states }: Scene): Promise<void> {
  const reader = await openSnapshots<unknown>(backend)
  expect(await reader.verify()).toEqual({ ok: true, checked: states.size, problems: [] })
  for (const [id, state] of states) expect(await reader.load(id)).toEqual(state)
}

const firstKey = async (backend: Backend, prefix: string): Promise<string> => (await keysOf(backend.blobs, prefix))[0] as string

describe('repairing', () => {
  test('a whole store is left as it is', async () => {
    const { backend, snapshots } = await scene()
    const keys = await keysOf(backend.blobs, '')
    expect(await snapshots.repair()).toEqual({ ok: true, repaired: [], lost: [], quarantined: [] })
    expect(await keysOf(backend.blobs, '')).toEqual(keys)
  })

  test('a table of packs is made anew', async () => {
    const world = await scene()
    const { backend, snapshots } = world
    for (let i = 0; i < 16; i++) {
      const state = listOf(200 + i, 3)
      ;(world.states as Map<string, unknown>).set((await snapshots.save({ ...S, state })).id, state)
    }
    const key = await firstKey(backend, 'snapshots/index/')
    await flipBit(backend.blobs, key, 70)
    const report = await snapshots.repair()
    expect(report).toMatchObject({ ok: true, lost: [], repaired: [{ id: key }] })
    expect(report.quarantined).toHaveLength(1)
    await expectWhole(world)
  })

  test.each([100, 3000, 20_000, -20])('damage at byte %i of each pack is mended from a copy', async (at) => {
    const world = await scene()
    const { backend, mirror, snapshots } = world
    const keys = await keysOf(backend.blobs, 'snapshots/packs/')
    for (const key of keys) {
      const { bytes } = (await backend.blobs.get(key)) as { bytes: number }
      await flipBit(backend.blobs, key, at < 0 ? bytes + at : Math.min(at, bytes - 40))
    }
    const report = await snapshots.repair({ from: mirror })
    expect(report).toMatchObject({ ok: true, lost: [] })
    expect(report.quarantined).toHaveLength(keys.length)
    expect(await keysOf(backend.blobs, 'snapshots/quarantine/')).toEqual([...report.quarantined].sort())
    await expectWhole(world)
    await snapshots.collect()
    await expectWhole(world)
  })

  test('packs that are gone are made anew from a copy', async () => {
    const world = await scene()
    await world.backend.blobs.delete(await keysOf(world.backend.blobs, 'snapshots/packs/'))
    expect(await world.snapshots.repair({ from: world.mirror })).toMatchObject({ ok: true, lost: [], quarantined: [] })
    await expectWhole(world)
  })

  test('without a copy the exact parts that are lost are named, all else loads, and nothing is deleted', async () => {
    const { backend, snapshots, states, infos } = await scene()
    const before = await keysOf(backend.blobs, 'snapshots/packs/')
    const state = { kept: 'x', list: listOf(77, 100) }
    const { id } = await snapshots.save({ ...S, state })
    const [key] = (await keysOf(backend.blobs, 'snapshots/packs/')).filter((one) => !before.includes(one)) as [string]
    await flipBit(backend.blobs, key, 3000)
    const report = await snapshots.repair()
    expect(report.ok).toBe(false)
    const lost = report.lost.find((problem) => problem.id === id)
    expect(lost?.paths).toHaveLength(1)
    expect(lost?.paths?.[0]).toMatch(/^\/list\/\d+$/)
    expect(report.quarantined).toHaveLength(1)
    expect(await keysOf(backend.blobs, 'snapshots/packs/')).toContain(key)
    for (const info of infos) expect(await snapshots.load(info.id)).toEqual(states.get(info.id))
    const { state: left } = await snapshots.salvage(id)
    expect((left as { kept: string }).kept).toBe('x')
    // Without that snapshot the store is whole again.
    await snapshots.delete(id)
    await snapshots.collect()
    await snapshots.repair()
    expect((await (await openSnapshots(backend)).verify()).problems).toEqual([])
    for (const info of infos) expect(await snapshots.load(info.id)).toEqual(states.get(info.id))
  })

  test('what could be mended stays mended over collections, although some is lost', async () => {
    const { backend, mirror, snapshots, states, infos } = await scene()
    const before = await keysOf(backend.blobs, 'snapshots/packs/')
    const { id } = await snapshots.save({ ...S, state: { list: listOf(77, 100) } })
    for (const key of await keysOf(backend.blobs, 'snapshots/packs/')) await flipBit(backend.blobs, key, before.includes(key) ? 5000 : 3000)
    const report = await snapshots.repair({ from: mirror })
    expect(report.lost.some((problem) => problem.id === id)).toBe(true)
    expect(report.lost.filter((problem) => infos.some((info) => info.id === problem.id))).toEqual([])
    await snapshots.collect()
    await snapshots.collect()
    const reader = await openSnapshots(backend)
    for (const info of infos) expect(await reader.load(info.id)).toEqual(states.get(info.id))
  })

  test.each(['damaged', 'gone'])('the cell of a session that is %s is made anew from its manifests', async (how) => {
    const world = await scene()
    const { backend, snapshots, infos } = world
    for (const key of await keysOf(backend.blobs, 'snapshots/sessions/')) {
      if (how === 'gone') await backend.blobs.delete([key])
      else await flipBit(backend.blobs, key, 60)
    }
    expect((await snapshots.verify(undefined, { level: 'manifests' })).problems.map(({ id }) => id).sort()).toEqual(['a/s', 'b/many'])
    expect(await snapshots.repair()).toMatchObject({ ok: true, lost: [] })
    await expectWhole(world)
    const latest = await snapshots.latest(S)
    expect(latest).toEqual(infos[2])
    expect((await snapshots.save({ ...S, state: 1 })).index).toBe(3)
  })

  test('a page of summaries is made anew from the manifests', async () => {
    const backend = memory()
    const snapshots = await openSnapshots<unknown>(backend)
    await snapshots.saveMany(Array.from({ length: 300 }, (_, state) => ({ ...S, state })))
    const pages = await keysOf(backend.blobs, 'snapshots/pages/')
    await flipBit(backend.blobs, pages[0] as string, 60)
    const later = await openSnapshots<unknown>(backend)
    expect(await later.repair()).toMatchObject({ ok: true, lost: [], repaired: [{ id: 'a/s' }] })
    expect(await (await openSnapshots(backend)).verify()).toEqual({ ok: true, checked: 300, problems: [] })
  })

  describe('one of a batch that was deleted and came back from a copy is listed once', () => {
    /** The one at `at` of so many. */
    async function returned(count: number, at: number) {
      const [backend, mirror] = [memory(), memory()]
      const snapshots = await openSnapshots<unknown>(backend)
      const infos = await snapshots.saveMany(Array.from({ length: count }, (_, state) => ({ ...S, state })))
      const { id } = infos[at] as SnapshotInfo
      await snapshots.copy(mirror)
      await snapshots.delete(id)
      for (let i = 0; i < 3; i++) await snapshots.save({ ...S, state: { later: i } })
      await (await openSnapshots(mirror)).copy(backend)
      return { backend, id }
    }

    async function listed(backend: Backend): Promise<[string, number][]> {
      const found: [string, number][] = []
      for await (const { id, index } of (await openSnapshots<unknown>(backend)).list(S)) found.push([id, index])
      return found
    }

    async function expectOnce(backend: Backend, id: string, damage: () => Promise<unknown>): Promise<void> {
      const before = await listed(backend)
      await damage()
      expect(await (await openSnapshots<unknown>(backend)).repair()).toMatchObject({ ok: true, lost: [] })
      expect(await listed(backend)).toEqual(before)
      await (await openSnapshots<unknown>(backend)).delete(id)
      expect(await listed(backend)).toEqual(before.filter(([one]) => one !== id))
    }

    test('where the cell of its session is lost', async () => {
      const { backend, id } = await returned(3, 0)
      await expectOnce(backend, id, async () => await backend.blobs.delete(await keysOf(backend.blobs, 'snapshots/sessions/')))
    })

    test('where a page of its session is lost', async () => {
      const { backend, id } = await returned(200, 5)
      const pages = await keysOf(backend.blobs, 'snapshots/pages/')
      expect(pages.length).toBeGreaterThan(0)
      await expectOnce(backend, id, async () => await backend.blobs.delete(pages))
    })
  })

  test('manifests that are damaged or gone are made anew from a copy, one by one and in batches', async () => {
    const world = await scene()
    const { backend, mirror, snapshots } = world
    const keys = await keysOf(backend.blobs, 'snapshots/manifests/')
    expect(keys.length).toBe(4)
    for (const [i, key] of keys.entries()) {
      if (i % 2 === 0) await flipBit(backend.blobs, key, 90)
      else await backend.blobs.delete([key])
    }
    expect((await snapshots.repair()).ok).toBe(false)
    const reader = await openSnapshots<unknown>(backend)
    expect(await reader.repair({ from: mirror })).toMatchObject({ ok: true, lost: [] })
    await expectWhole(world)
  })

  test('a repair that is cut at any change is ended by the next', async () => {
    let isDone = false
    for (let after = 0; !isDone; after += 3) {
      const world = await scene()
      const { backend, mirror } = world
      for (const prefix of ['snapshots/packs/', 'snapshots/manifests/', 'snapshots/sessions/']) {
        await flipBit(backend.blobs, await firstKey(backend, prefix), 90)
      }
      let changes = 0
      const dying = {
        ...backend,
        blobs: hooked(backend.blobs, (operation) => {
          if ((operation === 'put' || operation === 'delete') && changes++ >= after) throw new StorageError('denied', 'power failure')
        }),
        health: () => backend.health(),
        close: () => backend.close(),
      }
      isDone = await (await openSnapshots<unknown>(dying)).repair({ from: mirror }).then(
        ({ ok }) => ok,
        () => false,
      )
      expect(await (await openSnapshots<unknown>(backend)).repair({ from: mirror })).toMatchObject({ ok: true, lost: [] })
      await expectWhole(world)
    }
  })

  test('a manifest that is damaged together with its session is named, or comes from a copy', async () => {
    for (const hasMirror of [false, true]) {
      const world = await scene()
      const { backend, mirror, snapshots, infos } = world
      const key = `snapshots/manifests/${infos[1]?.id}`
      await flipBit(backend.blobs, key, 90)
      for (const cell of await keysOf(backend.blobs, 'snapshots/sessions/')) await flipBit(backend.blobs, cell, 90)
      const report = await snapshots.repair(hasMirror ? { from: mirror } : {})
      expect(report.lost.map(({ id }) => id)).toEqual(hasMirror ? [] : [key])
      expect(report.ok).toBe(hasMirror)
      expect(report.quarantined.some((one) => one.includes(infos[1]?.id as string))).toBe(true)
      if (hasMirror) await expectWhole(world)
      else expect((await snapshots.verify()).checked).toBe(infos.length - 1)
    }
  })

  test('the cell of the collection is made anew', async () => {
    const world = await scene()
    const { backend, snapshots } = world
    await snapshots.delete((await snapshots.save({ ...S, state: listOf(300, 50) })).id)
    await snapshots.collect()
    await flipBit(backend.blobs, 'snapshots/collection', 60)
    expect(await (await openSnapshots(backend)).repair()).toMatchObject({ ok: true, repaired: [{ id: 'snapshots/collection' }] })
    await expectWhole(world)
    expect((await snapshots.collect()).epoch).toBeGreaterThanOrEqual(1)
    await snapshots.save({ ...S, state: listOf(301, 50) })
  })
})
