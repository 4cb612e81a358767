import { describe, expect, test } from 'vitest'
import { memory } from '../../../dist/adapters/memory/index.js'
import { StorageError } from '../../../dist/core/base/errors.js'
import { openSnapshots } from '../../../dist/core/features/snapshots/open-snapshots.js'
import type { Snapshots } from '../../../dist/core/features/snapshots/snapshots.js'
import type { Backend } from '../../../dist/core/ports/backend.js'
import { seededRandom } from '../../../dist/testing/manual-clock.js'
import { hooked } from '../content/packs.js'
import { Gate } from '../content/scene.js'

interface State {
  readonly items: readonly { readonly id: number; readonly text: string }[]
}

function stateOf(seed: number, items: number): State {
  const random = seededRandom(seed)
  const text = (): string => Array.from({ length: 60 }, () => Math.floor(random() * 36 ** 6).toString(36)).join('')
  return { items: Array.from({ length: items }, (_, id) => ({ id, text: text() })) }
}

async function storedBytes(backend: Backend, prefix = 'snapshots/'): Promise<number> {
  let sum = 0
  for await (const { bytes } of backend.blobs.list({ prefix })) sum += bytes
  return sum
}

async function keysBelow(backend: Backend, prefix: string): Promise<string[]> {
  const keys: string[] = []
  for await (const { key } of backend.blobs.list({ prefix })) keys.push(key)
  return keys
}

function withHooks(backend: Backend, before: Parameters<typeof hooked>[1]): Backend {
  return { ...backend, blobs: hooked(backend.blobs, before), health: () => backend.health(), close: () => backend.close() }
}

async function open(backend: Backend): Promise<Snapshots<State>> {
  return await openSnapshots<State>(backend)
}

const S = { agent: 'a', session: 's' }

describe('collecting a store of snapshots', () => {
  test('frees what deleted snapshots alone held', async () => {
    const backend = memory()
    const snapshots = await open(backend)
    const kept = await snapshots.save({ ...S, state: stateOf(1, 100) })
    const gone = await snapshots.save({ ...S, state: stateOf(2, 400) })
    await snapshots.delete(gone.id)
    const before = await storedBytes(backend)
    const report = await snapshots.collect()
    expect(report).toMatchObject({ dryRun: false, epoch: 1, snapshots: 1, removedPacks: 1 })
    expect(before - (await storedBytes(backend, 'snapshots/packs/'))).toBeGreaterThanOrEqual(report.reclaimedBytes)
    expect(report.reclaimedBytes).toBeGreaterThan(100_000)
    expect(await storedBytes(backend, 'snapshots/packs/')).toBe(report.storedBytes)
    expect(await snapshots.load(kept.id)).toEqual(stateOf(1, 100))
    expect(await (await open(backend)).load(kept.id)).toEqual(stateOf(1, 100))
  })

  test('takes away manifests and pages of saves that were cut, and leaves what it does not know', async () => {
    const backend = memory()
    const snapshots = await open(backend)
    await snapshots.save({ ...S, state: stateOf(1, 10) })
    const dying = await open(
      withHooks(backend, (operation, key) => {
        if (operation === 'put' && key.includes('/sessions/')) throw new StorageError('denied', 'power failure')
      }),
    )
    await expect(dying.save({ ...S, state: stateOf(5, 10) })).rejects.toMatchObject({ code: 'denied' })
    await backend.blobs.put('snapshots/manifests/of-somebody-else', new Uint8Array(3))
    await backend.blobs.put(`snapshots/pages/${'0'.repeat(32)}`, new Uint8Array(9))
    expect(await keysBelow(backend, 'snapshots/manifests/')).toHaveLength(3)
    expect(await snapshots.collect()).toMatchObject({ removedBlobs: 2, removedPacks: 1 })
    expect(await keysBelow(backend, 'snapshots/manifests/')).toHaveLength(2)
    expect(await keysBelow(backend, 'snapshots/pages/')).toEqual([])
    expect(await snapshots.verify()).toMatchObject({ ok: true, checked: 1 })
  })

  test('leaves alone a batch of manifests while one of them is there', async () => {
    const backend = memory()
    const snapshots = await open(backend)
    const infos = await snapshots.saveMany(Array.from({ length: 5 }, (_, i) => ({ ...S, state: stateOf(i, 5) })))
    for (const { id } of infos.slice(1)) await snapshots.delete(id)
    await snapshots.collect()
    expect(await snapshots.load(infos[0]?.id as string)).toEqual(stateOf(0, 5))
    await snapshots.delete(infos[0]?.id as string)
    expect(await snapshots.collect()).toMatchObject({ removedBlobs: 1, liveChunks: 0, storedBytes: 0 })
    expect(await keysBelow(backend, 'snapshots/manifests/')).toEqual([])
  })

  test('a snapshot whose manifest is gone stops it', async () => {
    const backend = memory()
    const snapshots = await open(backend)
    const { id } = await snapshots.save({ ...S, state: stateOf(1, 10) })
    await backend.blobs.delete([`snapshots/manifests/${id}`])
    await expect(snapshots.collect()).rejects.toMatchObject({ code: 'missing' })
    await snapshots.delete(id)
    expect(await snapshots.collect()).toMatchObject({ snapshots: 0, storedBytes: 0 })
  })

  test('options are checked, and a closed handle collects nothing', async () => {
    const snapshots = await open(memory())
    await expect(snapshots.collect({ maxBytes: 0 })).rejects.toMatchObject({ code: 'invalid' })
    await snapshots.close()
    await expect(snapshots.collect()).rejects.toMatchObject({ code: 'closed' })
  })

  test('a read in the middle of it gives the state', async () => {
    const backend = memory()
    const snapshots = await open(backend)
    const large = stateOf(1, 400)
    const small = { items: large.items.slice(0, 100) }
    const gone = await snapshots.save({ ...S, state: large })
    await snapshots.save({ ...S, state: small })
    await snapshots.delete(gone.id)
    const reader = await open(backend)
    const gate = new Gate()
    const collecting = open(
      withHooks(backend, (operation, key) => (operation === 'delete' && key.includes('/packs/') ? gate.pass() : undefined)),
    )
    const running = (await collecting).collect()
    await gate.reached()
    expect(await reader.load(S)).toEqual(small)
    gate.open()
    expect((await running).movedBytes).toBeGreaterThan(0)
    expect(await reader.load(S)).toEqual(small)
    expect(await (await open(backend)).load(S)).toEqual(small)
  })

  const isSessionPut = (operation: string, key: string): boolean => operation === 'put' && key.includes('/sessions/')
  const isPublish = (operation: string, key: string): boolean => operation === 'put' && key.endsWith('/collection')
  const isPackPut = (operation: string, key: string): boolean => operation === 'put' && key.includes('/packs/')
  const isDelete = (operation: string): boolean => operation === 'delete'

  test.each([
    ['is named', isPublish],
    ['is stamped', isSessionPut],
    ['is copied', isPackPut],
    ['is deleted', isDelete],
  ])('who saves, forks, tags and deletes before it %s loses nothing', async (_, matches) => {
    const backend = memory()
    const snapshots = await open(backend)
    const big = await snapshots.save({ ...S, state: stateOf(3, 200) })
    await snapshots.save({ ...S, state: stateOf(4, 20) })
    const half = await snapshots.save({ ...S, branch: 'half', state: { items: stateOf(3, 200).items.slice(0, 20) } })
    const forked = await snapshots.fork(big.id, { session: 'forked', branch: 'b' })
    await snapshots.delete(big.id)
    await snapshots.delete(forked.id)
    const gate = new Gate()
    let isPast = false
    const collecting = await open(
      withHooks(backend, async (operation, key) => {
        if (isPast || !matches(operation, key)) return
        isPast = true
        await gate.pass()
      }),
    )
    const running = collecting.collect()
    await gate.reached()
    const again = await snapshots.save({ ...S, branch: 'again', state: stateOf(3, 200) })
    const fork = await snapshots.fork(again.id, { session: 'new' })
    const other = await (await open(backend)).fork(half.id, { session: 'other' })
    await snapshots.tag(half.id, ['kept'])
    await snapshots.delete(again.id)
    await snapshots.delete(half.id)
    gate.open()
    await running
    await snapshots.collect()
    for (const reader of [snapshots, await open(backend)]) {
      expect(await reader.load(fork.id)).toEqual(stateOf(3, 200))
      expect(await reader.load(other.id)).toEqual({ items: stateOf(3, 200).items.slice(0, 20) })
      expect(await reader.load(S)).toEqual(stateOf(4, 20))
      expect(await reader.verify()).toMatchObject({ ok: true, checked: 3 })
    }
  })
})

test.each([11, 12, 13])(
  'random saves, forks, deletes, prunes and collections keep what is reachable and little else (seed %i)',
  async (seed) => {
    const random = seededRandom(seed)
    const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T
    const backend = memory()
    const handles = [await open(backend), await open(backend)]
    const model = new Map<string, State>()
    const pool = stateOf(seed, 300).items
    const some = (): State => {
      const from = Math.floor(random() * 250)
      return {
        items: [
          ...pool.slice(from, from + Math.floor(random() * 50)),
          ...(random() < 0.3 ? stateOf(Math.floor(random() * 1e6), 5).items : []),
        ],
      }
    }
    for (let step = 0; step < 90; step++) {
      const by = pick(handles)
      const ref = { agent: `a${Math.floor(random() * 2)}`, session: `s${Math.floor(random() * 2)}` }
      const what = random()
      const ids = [...model.keys()]
      if (what < 0.45 || ids.length === 0) {
        const state = some()
        model.set((await by.save({ ...ref, state })).id, state)
      } else if (what < 0.55) {
        const states = [some(), some(), some()]
        for (const [i, { id }] of (await by.saveMany(states.map((state) => ({ ...ref, state })))).entries())
          model.set(id, states[i] as State)
      } else if (what < 0.65) {
        const source = pick(ids)
        model.set((await by.fork(source, { ...ref, branch: `b${step}` })).id, model.get(source) as State)
      } else if (what < 0.8) {
        for (const id of ids.filter(() => random() < 0.3)) {
          await by.delete(id)
          model.delete(id)
        }
      } else if (what < 0.86) {
        for (const { id } of (await by.prune({ last: 2 })).removed) model.delete(id)
      } else {
        const [report] = await Promise.all([
          by.collect(),
          pick(handles)
            .save({ ...ref, state: some() })
            .then(async ({ id }) => model.set(id, await by.load(id))),
        ])
        expect(report.dryRun).toBe(false)
        const { liveBytes, storedBytes } = await by.collect()
        expect(storedBytes).toBeLessThanOrEqual(liveBytes * 1.25 + 4096)
      }
    }
    for (const reader of [...handles, await open(backend)]) {
      for (const [id, state] of model) expect(await reader.load(id)).toEqual(state)
    }
    expect(await handles[0]?.verify()).toMatchObject({ ok: true, checked: model.size })
  },
)
