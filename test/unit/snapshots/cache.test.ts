import { describe, expect, test } from 'vitest'
import { type Backend, encrypted, openSnapshots, openStore, type SnapshotsOptions } from 'varve'
import { memory } from 'varve/adapters/memory'
import { openBlock, sealBlock } from '../../../dist/core/derived/cached-block.js'
import { ManualClock } from '../../../dist/testing/manual-clock.js'
import { noise } from '../../crash/snapshot-programs.js'
import { flipBit, keysOf } from '../content/packs.js'
import { withBlobs } from './faulty-backend.js'
import { golden } from './golden-store.js'

const S = { agent: 'a', session: 's' }
const CELLS = /^snapshots\/(?:sessions\/|collection$|keyring$)/
const CACHED = 'cached/blocks/'
const secret = { key: Uint8Array.from({ length: 32 }, (_, i) => i * 5) }

const made = new Map<number, string[]>()

/** About a megabyte, which shrinks by a third. */
function stateOf(seed = 0): string[] {
  const state = made.get(seed) ?? Array.from({ length: 600 }, (_, n) => noise(seed + n, 280))
  made.set(seed, state)
  return state
}

const changedAt = (state: readonly string[], at: number): string[] => state.map((text, n) => (n === at ? 'another text' : text))

interface Counted {
  readonly backend: Backend
  readonly reads: { readonly key: string; readonly bytes: number }[]
}

/** The same place; says what was read of it. */
function counted(below: Backend): Counted {
  const reads: { key: string; bytes: number }[] = []
  const backend = withBlobs(below, (blobs) => ({
    get: async (key, options) => {
      const found = await blobs.get(key, options)
      reads.push({ key, bytes: found?.data.length ?? 0 })
      return found
    },
  }))
  return { backend, reads }
}

const fixedReads = ({ reads }: Counted): string[] => reads.map(({ key }) => key).filter((key) => !CELLS.test(key))

async function open(remote: Backend, cache?: SnapshotsOptions['cache'], options: SnapshotsOptions = {}) {
  return await openSnapshots<unknown>(remote, { ...options, ...(cache === undefined ? {} : { cache }) })
}

async function load(remote: Backend, cache: SnapshotsOptions['cache'], which: string | typeof S, options?: SnapshotsOptions) {
  const snapshots = await open(remote, cache, options)
  try {
    return await snapshots.load(which)
  } finally {
    await snapshots.close()
  }
}

async function stored({ blobs }: Backend, key: string): Promise<Uint8Array> {
  return (await blobs.get(key))?.data ?? new Uint8Array()
}

async function bytesIn({ blobs }: Backend): Promise<number> {
  let total = 0
  for await (const { bytes } of blobs.list({ prefix: CACHED })) total += bytes
  return total
}

test('what was loaded once is loaded again without reading more than cells from the store', async () => {
  const [remote, cache] = [memory(), memory()]
  const { id } = await (await open(remote)).save({ ...S, state: stateOf() })
  const [first, second, third] = [counted(remote), counted(remote), counted(remote)]
  expect(await load(first.backend, cache, id)).toEqual(stateOf())
  expect(fixedReads(first).length).toBeGreaterThan(0)
  expect(await load(second.backend, cache, id)).toEqual(stateOf())
  expect(fixedReads(second)).toEqual([])
  expect(await load(third.backend, cache, S)).toEqual(stateOf())
  expect(fixedReads(third)).toEqual([])
})

test('what is saved through a cache is not fetched again', async () => {
  const [remote, cache] = [memory(), memory()]
  const writer = await open(remote, cache)
  const { id } = await writer.save({ ...S, state: stateOf() })
  await writer.close()
  const reader = counted(remote)
  expect(await load(reader.backend, cache, id)).toEqual(stateOf())
  expect(fixedReads(reader)).toEqual([])
  expect(await load(remote, undefined, id)).toEqual(stateOf())
})

test('after a small change only what is new is fetched', async () => {
  const [remote, cache] = [memory(), memory()]
  const writer = await open(remote)
  const state = stateOf()
  await writer.save({ ...S, state })
  await load(remote, cache, S)
  const packs = await keysOf(remote.blobs, 'snapshots/packs/')
  const changed = changedAt(state, 300)
  const { storedBytes } = await writer.save({ ...S, state: changed })
  const reader = counted(remote)
  expect(await load(reader.backend, cache, S)).toEqual(changed)
  const ofPacks = reader.reads.filter(({ key }) => key.startsWith('snapshots/packs/'))
  expect(ofPacks.filter(({ key }) => packs.includes(key))).toEqual([])
  expect(ofPacks.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThan(2 * storedBytes + 10_000)
})

test('a list of many snapshots reads its pages once', async () => {
  const [remote, cache] = [memory(), memory()]
  await (await open(remote)).saveMany(Array.from({ length: 500 }, (_, n) => ({ ...S, state: { n } })))
  const list = async (backend: Backend): Promise<number> => {
    const snapshots = await open(backend, cache)
    let found = 0
    for await (const _ of snapshots.list(S)) found++
    await snapshots.close()
    return found
  }
  const [first, second] = [counted(remote), counted(remote)]
  expect(await list(first.backend)).toBe(500)
  expect(fixedReads(first).length).toBeGreaterThan(0)
  expect(await list(second.backend)).toBe(500)
  expect(fixedReads(second)).toEqual([])
})

describe('a cache never makes a whole store look damaged', () => {
  async function filled(): Promise<{ remote: Backend; cache: Backend; ids: string[] }> {
    const [remote, cache] = [memory(), memory()]
    const writer = await open(remote, cache)
    const one = await writer.save({ ...S, state: stateOf() })
    const many = await writer.saveMany(Array.from({ length: 200 }, (_, n) => ({ ...S, session: 'many', state: { n } })))
    for (let n = 0; n < 17; n++) await writer.save({ ...S, session: 'packs', state: noise(9_000 + n, 500) }) // an index of packs
    await writer.close()
    return { remote, cache, ids: [one.id, (many[7] as { id: string }).id] }
  }

  async function readAll(remote: Backend, cache: Backend, ids: readonly string[]): Promise<void> {
    const snapshots = await open(remote, cache)
    expect(await snapshots.load(ids[0] as string)).toEqual(stateOf())
    expect(await snapshots.load(ids[1] as string)).toEqual({ n: 7 })
    let listed = 0
    for await (const _ of snapshots.list({ agent: 'a', session: 'many' })) listed++
    expect(listed).toBe(200)
    await snapshots.close()
  }

  test('blocks with a bit flipped, or cut off, are fetched again and whole from then on', async () => {
    const { remote, cache, ids } = await filled()
    for (const [at, key] of (await keysOf(cache.blobs, CACHED)).entries()) {
      if (at % 3 > 0) await flipBit(cache.blobs, key, 40 + at)
      else await cache.blobs.put(key, (await stored(cache, key)).slice(0, -1))
    }
    await flipBit(cache.blobs, 'cached/order', 60)
    await readAll(remote, cache, ids)
    const again = counted(remote)
    await readAll(again.backend, cache, ids)
    expect(fixedReads(again)).toEqual([])
  })

  test('what was damaged on its way into the cache is read past it', async () => {
    const { remote, cache, ids } = await filled()
    const keys = await keysOf(cache.blobs, CACHED)
    expect(new Set(keys.map((key) => key.split('/')[3]))).toEqual(new Set(['packs', 'manifests', 'pages', 'index']))
    for (const key of keys) {
      const block = openBlock(await stored(cache, key), key, Number(key.split('/').at(-1)))
      const data = block.data.map((byte, at) => (at % 61 === 7 ? byte ^ 1 : byte))
      await cache.blobs.put(key, sealBlock({ ...block, data }))
    }
    await readAll(remote, cache, ids)
    await readAll(remote, cache, ids)
    const last = counted(remote)
    await readAll(last.backend, cache, ids)
    expect(fixedReads(last)).toEqual([])
  })

  test('what is really damaged at the store is said to be', async () => {
    const remote = memory()
    const { id } = await (await open(remote)).save({ ...S, state: stateOf() })
    for (const key of await keysOf(remote.blobs, 'snapshots/packs/')) await flipBit(remote.blobs, key, 5_000)
    const snapshots = await open(remote, memory())
    await expect(snapshots.load(id)).rejects.toMatchObject({ code: 'corrupt' })
    await snapshots.close()
  })
})

describe('a cache that fails', () => {
  const OPERATIONS = ['get', 'put', 'delete', 'list'] as const

  /** All that a handle does, on a store of its own; `check` sees to it that the cache was asked. */
  async function program(cache: Backend, clock: ManualClock): Promise<void> {
    const remote = memory()
    const store = await openStore(remote, { clock })
    const [before, after] = [stateOf().slice(0, 200), stateOf(1_000).slice(0, 200)]
    const snapshots = await openSnapshots<unknown>(store, { cache: { backend: cache, maxBytes: 300_000 } })
    const { id } = await snapshots.save({ ...S, state: before })
    await clock.advance(6_000)
    expect(await snapshots.load(id)).toEqual(before)
    const other = await snapshots.save({ ...S, state: after })
    await clock.advance(6_000)
    await snapshots.delete(id)
    await snapshots.collect()
    expect(await snapshots.load(other.id)).toEqual(after)
    expect(await snapshots.verify()).toMatchObject({ ok: true })
    await store.close()
  }

  test.each(OPERATIONS)('at each %s fails nothing', async (operation) => {
    let asked = 0
    const failing = withBlobs(memory(), () => ({
      [operation]: () => {
        asked++
        throw new Error('the cache is broken')
      },
    }))
    await program(failing, new ManualClock())
    expect(asked).toBeGreaterThan(0)
  })

  test('at its n-th call fails nothing, whichever it is', async () => {
    let calls = 0
    for (let failAt = 1; failAt === 1 || calls >= failAt - 1; failAt += 1 + (failAt >> 3)) {
      calls = 0
      const once = (): void => {
        if (++calls === failAt) throw new Error('broken for a moment')
      }
      const failing = withBlobs(memory(), (blobs) => ({
        get: async (key, options) => {
          once()
          return await blobs.get(key, options)
        },
        put: async (key, bytes, options) => {
          once()
          return await blobs.put(key, bytes, options)
        },
        delete: async (keys, options) => {
          once()
          return await blobs.delete(keys, options)
        },
        async *list(options) {
          once()
          yield* blobs.list(options)
        },
      }))
      await program(failing, new ManualClock())
    }
    expect(calls).toBeGreaterThan(10)
  })

  test('for lack of room gets smaller', async () => {
    const cache = memory({ quotaBytes: 700_000 })
    const remote = memory()
    const writer = await open(remote, cache)
    const ids: string[] = []
    for (let n = 0; n < 4; n++) ids.push((await writer.save({ ...S, state: stateOf(n * 1_000) })).id)
    await writer.close()
    for (const [n, id] of ids.entries()) expect(await load(remote, cache, id)).toEqual(stateOf(n * 1_000))
    expect(await bytesIn(cache)).toBeGreaterThan(0)
    expect(await bytesIn(cache)).toBeLessThanOrEqual(700_000)
  })
})

describe('what a cache holds', () => {
  test('is never more than it may be', async () => {
    const [remote, cache] = [memory(), memory()]
    const maxBytes = 1_200_000
    let most = 0
    const watched = withBlobs(cache, (blobs) => ({
      put: async (key, bytes, options) => {
        const info = await blobs.put(key, bytes, options)
        most = Math.max(most, await bytesIn(cache))
        return info
      },
    }))
    const snapshots = await open(remote, { backend: watched, maxBytes })
    for (let n = 0; n < 5; n++) await snapshots.save({ ...S, state: stateOf(n * 1_000) })
    await snapshots.close()
    expect(most).toBeLessThanOrEqual(maxBytes)
    expect(most).toBeGreaterThan(maxBytes / 2)
  })

  test('is what was used last, also by those who had it open before', async () => {
    const [remote, cache] = [memory(), memory()]
    const writer = await open(remote)
    const ids: string[] = []
    for (let n = 0; n < 4; n++) ids.push((await writer.save({ ...S, session: `s${n}`, state: stateOf(n * 1_000) })).id)
    const [one, two, three, four] = ids as [string, string, string, string]
    const near = { backend: cache, maxBytes: 2_600_000 }
    const fetched = async (id: string): Promise<boolean> => {
      const reader = counted(remote)
      await load(reader.backend, near, id)
      return fixedReads(reader).some((key) => key.startsWith('snapshots/packs/'))
    }
    // The table at the end of a pack is read by all: what tells is what its content takes.
    for (const id of [one, two, three, one]) await load(remote, near, id)
    await load(remote, near, four)
    expect(await bytesIn(cache)).toBeLessThanOrEqual(near.maxBytes)
    expect(await fetched(one)).toBe(false)
    expect(await fetched(two)).toBe(true)
  })

  test('of two that share it is at most a little more', async () => {
    const [remote, cache] = [memory(), memory()]
    const near = { backend: cache, maxBytes: 1_600_000 }
    const [one, two] = [await open(remote, near), await open(remote, near)]
    for (let n = 0; n < 6; n++) {
      const { id } = await (n % 2 === 0 ? one : two).save({ ...S, session: `s${n}`, state: stateOf(n * 1_000) })
      expect(await (n % 2 === 0 ? two : one).load(id)).toEqual(stateOf(n * 1_000))
    }
    await Promise.all([one.close(), two.close()])
    expect(await bytesIn(cache)).toBeLessThanOrEqual(near.maxBytes * 1.4)
  })

  test('goes with what is deleted and collected', async () => {
    const [remote, cache] = [memory(), memory()]
    const snapshots = await open(remote, cache)
    await snapshots.save({ ...S, state: stateOf() })
    await snapshots.delete(S)
    await snapshots.collect()
    await snapshots.close()
    expect(await bytesIn(cache)).toBe(0)
  })
})

describe('several stores that share a cache', () => {
  test('never see what is another one’s', async () => {
    const cache = memory()
    const remotes = [memory(), memory(), encrypted(memory(), secret)]
    for (const [n, remote] of remotes.entries()) await (await open(remote, cache)).save({ ...S, state: { store: n, more: stateOf(n) } })
    for (const [n, remote] of remotes.entries()) expect(await load(remote, cache, S)).toEqual({ store: n, more: stateOf(n) })
  })

  test('of which one was deleted and made anew hold what the new one holds', async () => {
    const cache = memory()
    const old = memory()
    const { id } = await (await open(old, cache)).save({ ...S, state: 'old' })
    const renewed = memory()
    const { id: newId } = await (await open(renewed, cache)).save({ ...S, state: 'new' })
    expect(await load(renewed, cache, S)).toBe('new')
    expect(await load(renewed, cache, newId)).toBe('new')
    await expect(load(renewed, cache, id)).rejects.toMatchObject({ code: 'missing' })
  })

  test('and have copies of each other', async () => {
    const cache = memory()
    const [source, target] = [memory(), memory()]
    const near = await open(source, cache)
    for (let n = 0; n < 3; n++) await near.save({ ...S, state: { n, more: stateOf() } })
    await (await open(target)).save({ ...S, state: 'own' })
    await near.copy(target)
    const plain = await open(target)
    for await (const { id } of plain.list(S)) expect(await load(target, cache, id)).toEqual(await plain.load(id))
    expect(await load(target, cache, S)).toEqual(await plain.load(S))
    expect(await load(source, cache, S)).toMatchObject({ n: 2 })
  })
})

describe('encrypted', () => {
  const canary = 'nobody may read this in the cache'
  const state = { canary, more: stateOf() }

  async function holds(cache: Backend, text: string): Promise<boolean> {
    for (const key of await keysOf(cache.blobs, '')) {
      if (key.includes('planner') || Buffer.from(await stored(cache, key)).includes(text)) return true
    }
    return false
  }

  const places = [
    { what: 'snapshots', over: (backend: Backend) => backend, options: { encryption: secret, compression: 'none' as const } },
    {
      what: 'snapshots of an encrypted store',
      over: (backend: Backend) => encrypted(backend, secret),
      options: { compression: 'none' as const },
    },
  ]

  test.each(places)('$what leave nothing readable in the cache, and are read from it', async ({ over, options }) => {
    const [remote, cache] = [memory(), memory()]
    const writer = await open(over(remote), cache, options)
    const { id } = await writer.save({ agent: 'planner', session: 's', state })
    await writer.close()
    expect(await bytesIn(cache)).toBeGreaterThan(500_000)
    expect(await holds(cache, canary)).toBe(false)
    const reader = counted(remote)
    expect(await load(over(reader.backend), cache, id, options)).toEqual(state)
    expect(reader.reads.filter(({ key }) => !CELLS.test(key) && key !== 'keyring')).toEqual([])
  })

  test.each(places)('$what that were damaged on their way into the cache are read past it', async ({ over, options }) => {
    const [remote, cache] = [memory(), memory()]
    const writer = await open(over(remote), cache, options)
    const { id } = await writer.save({ ...S, state })
    await writer.close()
    for (const key of await keysOf(cache.blobs, CACHED)) {
      const block = openBlock(await stored(cache, key), key, Number(key.split('/').at(-1)))
      await cache.blobs.put(key, sealBlock({ ...block, data: block.data.map((byte, at) => (at % 999 === 500 ? byte ^ 1 : byte)) }))
    }
    expect(await load(over(remote), cache, id, options)).toEqual(state)
  })
})

describe('what the store holds is asked of the store', () => {
  test('a pack that is gone there is found missing, and stored again by the next save', async () => {
    const clock = new ManualClock()
    const [remote, cache] = [memory(), memory()]
    const near = await openSnapshots<unknown>(await openStore(remote, { clock }), { cache })
    const { id } = await near.save({ ...S, state: stateOf() })
    await remote.blobs.delete(await keysOf(remote.blobs, 'snapshots/packs/'))
    await clock.advance(10_000)
    expect(await near.load(id)).toEqual(stateOf())
    expect((await near.verify()).problems).toMatchObject([{ id }])
    expect(await near.verify({ level: 'packs' })).toMatchObject({ ok: false })
    const again = await near.save({ ...S, state: stateOf() })
    expect(again.storedBytes).toBeGreaterThan(100_000)
    expect(await load(remote, undefined, again.id)).toEqual(stateOf())
    expect(await (await open(remote)).verify()).toMatchObject({ ok: true })
  })

  test('a pack that is damaged there is found by verify, and mended by repair', async () => {
    const [remote, cache, mirror] = [memory(), memory(), memory()]
    const near = await open(remote, cache)
    const { id } = await near.save({ ...S, state: stateOf() })
    await near.copy(mirror)
    for (const key of await keysOf(remote.blobs, 'snapshots/packs/')) await flipBit(remote.blobs, key, 5_000)
    expect(await near.verify({ level: 'hashes' })).toMatchObject({ ok: false })
    expect(await near.repair({ from: mirror })).toMatchObject({ ok: true })
    expect(await (await open(remote)).load(id)).toEqual(stateOf())
    expect(await near.load(id)).toEqual(stateOf())
  })

  test('a save that is verified is read back from the store', async () => {
    const reader = counted(memory())
    const near = await open(reader.backend, memory())
    await near.save({ ...S, state: stateOf(), verify: true })
    expect(fixedReads(reader).some((key) => key.startsWith('snapshots/packs/'))).toBe(true)
  })

  test('what others deleted is missing, and what they saved is there', async () => {
    const [remote, cache] = [memory(), memory()]
    const [near, other] = [await open(remote, cache), await open(remote)]
    const { id } = await near.save({ ...S, state: stateOf() })
    const kept = await near.save({ ...S, state: changedAt(stateOf(), 3) })
    await other.delete(id)
    await other.collect()
    await expect(near.load(id)).rejects.toMatchObject({ code: 'missing' })
    await expect(near.fork(id)).rejects.toMatchObject({ code: 'missing' })
    expect(await near.load(kept.id)).toEqual(changedAt(stateOf(), 3))
    await other.save({ ...S, state: 'newer' })
    expect(await near.load(S)).toBe('newer')
  })

  test('collections that pass while others save and read leave all that is there whole', async () => {
    const [remote, cache] = [memory(), memory()]
    const [near, other, collector] = [await open(remote, cache), await open(remote, cache), await open(remote, cache)]
    const ids: string[] = []
    for (let n = 0; n < 6; n++) {
      const [saved] = await Promise.all([
        near.save({ ...S, session: `s${n}`, state: stateOf(n % 2).slice(0, 100 + n) }),
        collector.collect(),
        ids.length > 2 ? other.delete(ids.shift() as string) : undefined,
        ids.length > 0 ? near.load(ids.at(-1) as string) : undefined,
      ])
      ids.push(saved.id)
    }
    await collector.collect()
    for (const id of ids) expect(await load(remote, cache, id)).toEqual(await load(remote, undefined, id))
    expect(await (await open(remote)).verify()).toMatchObject({ ok: true, checked: ids.length })
  })
})

describe('a cache and the handle', () => {
  test('what is still to be stored is stored by close, and the backend stays open', async () => {
    const [remote, cache] = [memory(), memory()]
    const snapshots = await open(remote, cache)
    await snapshots.save({ ...S, state: stateOf() })
    await snapshots.close()
    expect(await keysOf(cache.blobs, 'cached/order')).toEqual(['cached/order'])
    expect(await bytesIn(cache)).toBeGreaterThan(400_000)
  })

  test('whose cache was closed goes on without', async () => {
    const [remote, cache] = [memory(), memory()]
    const snapshots = await open(remote, cache)
    const { id } = await snapshots.save({ ...S, state: stateOf() })
    await cache.close()
    expect(await snapshots.load(id)).toEqual(stateOf())
    const { id: next } = await snapshots.save({ ...S, state: 'next' })
    expect(await snapshots.load(next)).toBe('next')
    await snapshots.close()
  })

  test('takes no store as its own cache, nor a size that is none', async () => {
    const remote = memory()
    for (const cache of [remote, { backend: memory(), maxBytes: 0 }, { backend: memory(), maxBytes: 1.5 }, {} as Backend])
      await expect(open(remote, cache)).rejects.toMatchObject({ code: 'invalid' })
  })
})

test('a snapshot of format 1 that was loaded through a cache loads on once others renewed it', async () => {
  const [remote, cache] = [await golden(), memory()]
  const reader = await open(remote, cache)
  const { id } = (await reader.latest({ agent: 'Agent', session: 's/1' })) as { id: string }
  const state = await reader.load(id)
  await remote.blobs.delete(await keysOf(remote.blobs, 'snapshots/content/'))
  expect(await (await open(remote)).repair({ from: await golden() })).toMatchObject({ ok: true, lost: [] })
  expect(await reader.load(id)).toEqual(state)
  await reader.close()
  expect(await load(remote, cache, id)).toEqual(state)
})
