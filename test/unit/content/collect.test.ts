import { describe, expect, test } from 'vitest'
import { StorageError } from '../../../dist/core/base/errors.js'
import type { BlobStore } from '../../../dist/core/ports/blob-store.js'
import { ManualClock, seededRandom } from '../../../dist/testing/manual-clock.js'
import { hooked, keysOf, memoryBlobs, packs, PATH } from './packs.js'
import { collecting, copyBlobs, Gate, Writer } from './scene.js'

const clock = new ManualClock()

function writer(blobs: BlobStore): Writer {
  return new Writer(blobs, clock)
}

/** Pieces that do not shrink, the same for the same names. */
function texts(...names: string[]): string[] {
  return names.map((name) => {
    const random = seededRandom([...name].reduce((sum, letter) => sum * 31 + letter.charCodeAt(0), 7))
    return `${name}:${Array.from({ length: 150 }, () => Math.floor(random() * 36 ** 4).toString(36)).join('')}`
  })
}

const A = texts('a1', 'a2', 'a3', 'a4', 'a5', 'a6', 'a7')
const B = texts('b1', 'b2', 'b3', 'b4', 'b5')

async function packNames(blobs: BlobStore): Promise<string[]> {
  return (await keysOf(blobs, `${PATH}/packs/`)).map((key) => key.slice(`${PATH}/packs/`.length))
}

/** A session with one snapshot left, and another whose packs hold nothing any more. */
async function withGarbage(blobs: BlobStore): Promise<Writer> {
  const author = writer(blobs)
  await author.save('s', 'kept', B)
  await author.save('s', 'gone', A)
  await author.forget('s', (id) => id === 'gone')
  return author
}

/** Waits at the first call that matches; the rest of the calls go on as they come. */
function gated(blobs: BlobStore, matches: (operation: string, key: string) => boolean): { blobs: BlobStore; gate: Gate } {
  const gate = new Gate()
  let isPast = false
  const waiting = hooked(blobs, async (operation, key) => {
    if (isPast || !matches(operation, key)) return
    isPast = true
    await gate.pass()
  })
  return { blobs: waiting, gate }
}

const isPackPut = (operation: string, key: string): boolean => operation === 'put' && key.includes('/packs/')
const isSessionPut = (operation: string, key: string): boolean => operation === 'put' && key.includes('/sessions/')
const isPublish = (operation: string, key: string): boolean => operation === 'put' && key.endsWith('/collection')
const isPackDelete = (operation: string, key: string): boolean => operation === 'delete' && key.includes('/packs/')

describe('collecting', () => {
  test('takes away what nothing reaches, and nothing else', async () => {
    const blobs = memoryBlobs()
    const author = await withGarbage(blobs)
    const before = await packNames(blobs)
    const report = await collecting(blobs)
    expect(report).toMatchObject({ dryRun: false, epoch: 1, snapshots: 1, packs: before.length })
    expect(report.removedPacks).toBeGreaterThan(0)
    let stored = 0
    for await (const { bytes } of blobs.list({ prefix: `${PATH}/packs/` })) stored += bytes
    expect(report.storedBytes).toBe(stored)
    expect(await author.load('s', 'kept')).toBe(B.join(''))
    expect(await writer(blobs).load('s', 'kept')).toBe(B.join(''))
  })

  test('applied again does nothing', async () => {
    const blobs = memoryBlobs()
    await withGarbage(blobs)
    await collecting(blobs)
    const keys = await keysOf(blobs, '')
    expect(await collecting(blobs)).toMatchObject({ epoch: 1, removedPacks: 0, movedBytes: 0, reclaimedBytes: 0 })
    expect(await keysOf(blobs, '')).toEqual(keys)
  })

  test('a dry run says what would be done and writes nothing', async () => {
    const blobs = memoryBlobs()
    await withGarbage(blobs)
    const keys = await keysOf(blobs, '')
    const foreseen = await collecting(blobs, { dryRun: true })
    expect(await keysOf(blobs, '')).toEqual(keys)
    const done = await collecting(blobs)
    expect(foreseen).toMatchObject({ dryRun: true, removedPacks: done.removedPacks, liveBytes: done.liveBytes })
    expect(foreseen.removedPacks).toBeGreaterThan(0)
  })

  test('a pack with little waste is left alone, one with much is written anew', async () => {
    const blobs = memoryBlobs()
    const author = writer(blobs)
    await author.save('s', 'first', A.slice(0, 2))
    await author.save('s', 'all', [...A.slice(0, 2), ...B.slice(0, 2)])
    await author.forget('s', (id) => id === 'first')
    const report = await collecting(blobs)
    expect(report.removedPacks).toBeLessThanOrEqual(1)
    expect(await writer(blobs).load('s', 'all')).toBe([...A.slice(0, 2), ...B.slice(0, 2)].join(''))
  })

  test('many small packs become few', async () => {
    const blobs = memoryBlobs()
    const author = writer(blobs)
    for (let i = 0; i < 40; i++) await author.save('s', `s${i}`, [`small ${i}`])
    expect(await packNames(blobs)).toHaveLength(40)
    await collecting(blobs)
    expect((await packNames(blobs)).length).toBeLessThan(8)
    for (let i = 0; i < 40; i++) expect(await writer(blobs).load('s', `s${i}`)).toBe(`small ${i}`)
  })

  test('no more than asked for is copied, and the next run goes on', async () => {
    const blobs = memoryBlobs()
    const author = writer(blobs)
    for (let i = 0; i < 6; i++) {
      const [kept, ...rest] = texts(...[0, 1, 2, 3].map((part) => `x${i}${part}`)) as [string, ...string[]]
      await author.save('s', `gone${i}`, [kept, ...rest])
      await author.save('s', `kept${i}`, [kept])
    }
    await author.forget('s', (id) => id.startsWith('gone'))
    const all = (await collecting(blobs, { dryRun: true })).movedBytes
    const first = await collecting(blobs, { maxBytes: 1500 })
    expect(first.movedBytes).toBeLessThan(all)
    for (let run = 0; run < 10; run++) await collecting(blobs, { maxBytes: 1500 })
    const { liveBytes, storedBytes } = await collecting(blobs)
    expect(storedBytes).toBeLessThanOrEqual(liveBytes * 1.25 + 4096)
    for (let i = 0; i < 6; i++) expect(await writer(blobs).load('s', `kept${i}`)).toBe(texts(`x${i}0`).join(''))
  })

  test('a snapshot that is damaged stops it, before anything is taken away', async () => {
    const blobs = memoryBlobs()
    const author = await withGarbage(blobs)
    const before = await packNames(blobs)
    await author.save('s', 'broken', texts('c1', 'c2'))
    for (const name of await packNames(blobs)) if (!before.includes(name)) await blobs.put(`${PATH}/packs/${name}`, new Uint8Array(500))
    const keys = await keysOf(blobs, '')
    await expect(collecting(blobs)).rejects.toMatchObject({ code: 'missing' })
    expect(await keysOf(blobs, '')).toEqual(keys)
  })
})

describe('races', () => {
  test('dedupe against a chunk being marked', async () => {
    const blobs = memoryBlobs()
    await withGarbage(blobs)
    // Has seen the packs that nothing reaches, relies on them, and is about to commit when they are taken away.
    const waiting = gated(blobs, (operation, key) => isSessionPut(operation, key) && key.endsWith('/other'))
    const late = writer(waiting.blobs)
    const saving = late.save('other', 'again', A)
    await waiting.gate.reached()
    const report = await collecting(blobs)
    expect(report.removedPacks).toBeGreaterThan(0)
    waiting.gate.open()
    await saving
    expect(await writer(blobs).load('other', 'again')).toBe(A.join(''))
    expect(await writer(blobs).load('s', 'kept')).toBe(B.join(''))
  })

  test.each([
    ['after the mark, before the packs are named', isPublish],
    ['after they are named, before the sessions are stamped', isSessionPut],
    ['after the stamps, before the copies', isPackPut],
    ['after the copies, before the packs are deleted', isPackDelete],
  ])('dedupe against a chunk being marked: a commit %s', async (_, matches) => {
    const blobs = memoryBlobs()
    await withGarbage(blobs)
    const author = writer(blobs)
    await author.save('s', 'half', [...B, ...A.slice(0, 1)])
    const waiting = gated(blobs, matches)
    const running = collecting(waiting.blobs)
    await Promise.race([waiting.gate.reached(), running])
    await author.save('s', 'again', A)
    await writer(blobs).save('new', 'again', [...A].reverse())
    waiting.gate.open()
    await running
    for (const fresh of [author, writer(blobs)]) {
      expect(await fresh.load('s', 'again')).toBe(A.join(''))
      expect(await fresh.load('new', 'again')).toBe([...A].reverse().join(''))
      expect(await fresh.load('s', 'kept')).toBe(B.join(''))
    }
  })

  test('lazy restore while the snapshot is forgotten', async () => {
    const blobs = memoryBlobs()
    const author = writer(blobs)
    await author.save('s', 'gone', A)
    const { entries } = await author.read('s')
    const reader = packs(blobs)
    const [branch] = (entries[0] as { root: { parts: readonly { branch: string }[] } }).root.parts as [{ branch: string }]
    const node = JSON.parse(new TextDecoder().decode(await reader.get(branch.branch, 'node'))) as { parts: { leaf: string }[] }
    await author.forget('s', () => true)
    await collecting(blobs)
    // What is read is right or an error, never something else; what it holds already it may still give.
    for (const [i, { leaf }] of node.parts.entries()) {
      const found = await reader.get(leaf, 'leaf').then(
        (bytes) => new TextDecoder().decode(bytes),
        (error: StorageError) => error.code,
      )
      expect([A[i], 'missing']).toContain(found)
    }
    const late = packs(blobs)
    await expect(late.get(branch.branch, 'node')).rejects.toMatchObject({ code: 'missing', facts: { expected: branch.branch } })
  })

  test('two collectors', async () => {
    for (const matches of [isPublish, isSessionPut, isPackPut, isPackDelete]) {
      const blobs = memoryBlobs()
      const author = await withGarbage(blobs)
      await author.save('s', 'half', [...A.slice(3, 4), ...B])
      const waiting = gated(blobs, matches)
      const first = collecting(waiting.blobs)
      const outcome = first.then(
        () => 'done',
        (error: StorageError) => error.code,
      )
      await Promise.race([waiting.gate.reached(), outcome])
      const second = await collecting(blobs)
      waiting.gate.open()
      expect(['done', 'fenced']).toContain(await outcome)
      expect(second.snapshots).toBe(2)
      await collecting(blobs)
      const { doomed } = await doomedOf(blobs)
      expect(doomed).toEqual([])
      expect(await writer(blobs).load('s', 'kept')).toBe(B.join(''))
      expect(await writer(blobs).load('s', 'half')).toBe([...A.slice(3, 4), ...B].join(''))
    }
  })

  test('two collectors: the first is fenced once the second has named its packs', async () => {
    const blobs = memoryBlobs()
    await withGarbage(blobs)
    const waiting = gated(blobs, isSessionPut)
    const first = collecting(waiting.blobs)
    await waiting.gate.reached()
    await collecting(blobs)
    waiting.gate.open()
    await expect(first).rejects.toMatchObject({ code: 'fenced' })
  })

  test('a clock that jumps', async () => {
    const blobs = memoryBlobs()
    await withGarbage(blobs)
    const jumping = new ManualClock({ now: 4_000_000_000_000 })
    const waiting = gated(blobs, isPackDelete)
    const running = collecting(waiting.blobs, { clock: jumping })
    await waiting.gate.reached()
    await jumping.set(1_000)
    await writer(blobs).save('s', 'again', A)
    await jumping.set(9_000_000_000_000)
    waiting.gate.open()
    await running
    expect(await writer(blobs).load('s', 'again')).toBe(A.join(''))
    expect(await collecting(blobs, { clock: new ManualClock({ now: 0 }) })).toMatchObject({ removedPacks: 0 })
    expect(await writer(blobs).load('s', 'kept')).toBe(B.join(''))
  })

  test('a stale list', async () => {
    const blobs = memoryBlobs()
    const author = await withGarbage(blobs)
    const stale = writer(blobs)
    await stale.store.refresh()
    await collecting(blobs)
    // Both believe in packs that are gone.
    await stale.save('s', 'again', A)
    await author.save('s', 'more', [...A, ...B])
    for (const fresh of [stale, author, writer(blobs)]) {
      expect(await fresh.load('s', 'again')).toBe(A.join(''))
      expect(await fresh.load('s', 'more')).toBe([...A, ...B].join(''))
    }
  })

  test('a stale list: a listing that began before a collection and ends after it', async () => {
    const blobs = memoryBlobs()
    await withGarbage(blobs)
    const before = await packNames(blobs)
    let isStale = true
    const late = writer({
      ...hooked(blobs, () => {}),
      async *list(options) {
        if (!isStale || options?.prefix !== `${PATH}/packs/`) return yield* blobs.list(options)
        isStale = false
        for (const name of before) yield { key: `${PATH}/packs/${name}`, bytes: 1000, version: '0' }
      },
    })
    await collecting(blobs)
    await late.save('s', 'again', A).catch(() => late.save('s', 'again', A))
    expect(await writer(blobs).load('s', 'again')).toBe(A.join(''))
  })

  test('a crash between tombstone and sweep', async () => {
    const blobs = memoryBlobs()
    const author = await withGarbage(blobs)
    const dying = hooked(blobs, (operation, key) => {
      if (isPackDelete(operation, key)) throw new Error('power failure')
    })
    await expect(collecting(dying)).rejects.toThrow('power failure')
    expect((await doomedOf(blobs)).doomed.length).toBeGreaterThan(0)
    await author.save('s', 'again', A)
    const report = await collecting(blobs)
    expect(report.removedPacks).toBeGreaterThan(0)
    expect((await doomedOf(blobs)).doomed).toEqual([])
    expect(await writer(blobs).load('s', 'again')).toBe(A.join(''))
    expect(await writer(blobs).load('s', 'kept')).toBe(B.join(''))
  })

  test('a crash at each change of a collection loses nothing, and the next one ends it', async () => {
    let isDone = false
    let crashes = 0
    for (let after = 0; !isDone; after++) {
      const blobs = memoryBlobs()
      const author = await withGarbage(blobs)
      await author.save('s', 'half', [...A.slice(3, 4), ...B])
      let changes = 0
      const dying = hooked(blobs, (operation) => {
        if (operation !== 'get' && operation !== 'list' && changes++ >= after) throw new StorageError('denied', 'power failure')
      })
      isDone = await collecting(dying).then(
        () => true,
        () => false,
      )
      crashes++
      expect(await writer(blobs).load('s', 'half')).toBe([...A.slice(3, 4), ...B].join(''))
      await author.save('t', 'again', A)
      await collecting(blobs)
      await collecting(blobs)
      expect((await doomedOf(blobs)).doomed).toEqual([])
      expect(await writer(blobs).load('t', 'again')).toBe(A.join(''))
      expect(await writer(blobs).load('s', 'kept')).toBe(B.join(''))
    }
    expect(crashes).toBeGreaterThan(6)
  })

  test('a store restored from an older copy', async () => {
    const blobs = memoryBlobs()
    const author = await withGarbage(blobs)
    const waiting = gated(blobs, isPackDelete)
    const running = collecting(waiting.blobs)
    await waiting.gate.reached()
    const copy = memoryBlobs()
    await copyBlobs(blobs, copy)
    waiting.gate.open()
    await running
    await author.save('s', 'lost', A)
    // The copy was made in mid-collection: packs that it names are still there, and still not to be relied on.
    const restored = writer(copy)
    await restored.save('s', 'again', A)
    await collecting(copy)
    expect(await writer(copy).load('s', 'again')).toBe(A.join(''))
    expect(await writer(copy).load('s', 'kept')).toBe(B.join(''))
    expect((await doomedOf(copy)).doomed).toEqual([])
  })

  test('a fork of a snapshot being forgotten', async () => {
    for (const matches of [isPublish, isSessionPut, isPackPut, isPackDelete]) {
      for (const isCommittedLate of [false, true]) {
        const blobs = memoryBlobs()
        const author = await withGarbage(blobs)
        await author.save('s', 'half', [...A.slice(3, 4), ...B])
        if (!isCommittedLate) await author.save('s', 'source', A)
        const early = await stalledFork(blobs)
        const waiting = gated(blobs, matches)
        const running = collecting(waiting.blobs)
        await Promise.race([waiting.gate.reached(), running])
        if (isCommittedLate) await author.save('s', 'source', A)
        const forks = [writer(blobs).fork('s', 'target', 'source', 'fork'), early.fork('s', 'z', 'source', 'early')]
        const outcomes = await Promise.allSettled(forks)
        await author.forget('s', (id) => id === 'source')
        waiting.gate.open()
        await running
        await collecting(blobs)
        expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled'])
        expect(await writer(blobs).load('target', 'fork')).toBe(A.join(''))
        expect(await writer(blobs).load('z', 'early')).toBe(A.join(''))
      }
    }
  })

  test('a fork of a snapshot being forgotten: one that commits after the collection', async () => {
    const blobs = memoryBlobs()
    const author = writer(blobs)
    await author.save('s', 'source', A)
    const waiting = gated(blobs, (operation, key) => isSessionPut(operation, key) && key.endsWith('/target'))
    await author.save('target', 'before', B)
    const forking = writer(waiting.blobs).fork('s', 'target', 'source', 'fork')
    await waiting.gate.reached()
    await author.forget('s', () => true)
    await collecting(blobs)
    waiting.gate.open()
    await expect(forking).rejects.toThrow('no source')
    expect(await writer(blobs).load('target', 'fork')).toBeUndefined()
    expect(await writer(blobs).load('target', 'before')).toBe(B.join(''))
  })

  test('a tab that wakes after its lease', async () => {
    const blobs = memoryBlobs()
    await withGarbage(blobs)
    const waiting = gated(blobs, (operation, key) => isSessionPut(operation, key) && key.endsWith('/s'))
    const sleeper = writer(waiting.blobs)
    const saving = sleeper.save('s', 'late', [...A, ...texts('new1', 'new2', 'new3')])
    await waiting.gate.reached()
    await collecting(blobs)
    await writer(blobs).save('s', 'meanwhile', B)
    await collecting(blobs)
    waiting.gate.open()
    await saving
    expect(sleeper.attempts).toBe(2)
    expect(await writer(blobs).load('s', 'late')).toBe([...A, ...texts('new1', 'new2', 'new3')].join(''))
    await collecting(blobs)
    expect(await writer(blobs).load('s', 'late')).toBe([...A, ...texts('new1', 'new2', 'new3')].join(''))
  })

  test('a delete whose answer was lost', async () => {
    const blobs = memoryBlobs()
    await withGarbage(blobs)
    const before = await packNames(blobs)
    let isLost = false
    const losing: BlobStore = {
      ...hooked(blobs, () => {}),
      delete: async (keys, options) => {
        await blobs.delete(keys, options)
        if (isLost || !keys.some((key) => key.includes('/packs/'))) return
        isLost = true
        throw new StorageError('unavailable', 'no answer')
      },
    }
    await expect(collecting(losing)).rejects.toMatchObject({ code: 'unavailable' })
    await writer(blobs).save('s', 'again', A)
    await collecting(blobs)
    expect((await doomedOf(blobs)).doomed).toEqual([])
    // It comes through a second time, long after: those names are never used again.
    const left = await packNames(blobs)
    const gone = before.filter((name) => !left.includes(name))
    expect(gone.length).toBeGreaterThan(0)
    await blobs.delete(gone.map((name) => `${PATH}/packs/${name}`))
    expect(await writer(blobs).load('s', 'again')).toBe(A.join(''))
    expect(await writer(blobs).load('s', 'kept')).toBe(B.join(''))
  })
})

async function doomedOf(blobs: BlobStore): Promise<{ doomed: string[] }> {
  const blob = await blobs.get(`${PATH}/collection`)
  if (blob === undefined) return { doomed: [] }
  const [value] = JSON.parse(new TextDecoder().decode(blob.data.subarray(48))) as [{ doomed: string[] }]
  return value
}

/** A handle that has looked at the store before the collection. */
async function stalledFork(blobs: BlobStore): Promise<Writer> {
  const early = writer(blobs)
  await early.save('z', 'own', B.slice(0, 1))
  return early
}

test.each([1, 2, 3, 4, 5, 6])('whatever is done, what is reachable loads and little else is kept (seed %i)', async (seed) => {
  const random = seededRandom(seed)
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T
  const blobs = memoryBlobs()
  const writers = [writer(blobs), writer(blobs)]
  const model = new Map<string, string>()
  const words = texts(...Array.from({ length: 40 }, (_, i) => `w${i}`))
  for (let step = 0; step < 160; step++) {
    const by = pick(writers)
    const session = `s${Math.floor(random() * 4)}`
    const id = `i${step}`
    const what = random()
    const of = [...model.keys()].filter((key) => key.startsWith(`${session}/`))
    if (what < 0.5) {
      const state = Array.from({ length: 1 + Math.floor(random() * 9) }, () => pick(words))
      await by.save(session, id, state)
      model.set(`${session}/${id}`, state.join(''))
    } else if (what < 0.6 && of.length > 0) {
      const source = pick(of)
      const to = `s${Math.floor(random() * 4)}`
      await by.fork(session, to, source.slice(session.length + 1), id)
      model.set(`${to}/${id}`, model.get(source) as string)
    } else if (what < 0.85) {
      const gone = new Set(of.filter(() => random() < 0.5).map((key) => key.slice(session.length + 1)))
      await by.forget(session, (one) => gone.has(one))
      for (const one of gone) model.delete(`${session}/${one}`)
    } else if (what < 0.93) {
      // Others save while it is under way.
      const matches = pick([isPublish, isSessionPut, isPackPut, isPackDelete])
      const waiting = gated(blobs, matches)
      const running = collecting(waiting.blobs)
      await Promise.race([waiting.gate.reached(), running])
      const state = Array.from({ length: 4 }, () => pick(words))
      await by.save(session, id, state)
      model.set(`${session}/${id}`, state.join(''))
      waiting.gate.open()
      await running
    } else {
      await collecting(blobs)
      const { liveBytes, storedBytes } = await collecting(blobs)
      expect(storedBytes).toBeLessThanOrEqual(liveBytes * 1.25 + 16 * 1200)
    }
  }
  for (const [key, state] of model) {
    const [session, id] = key.split('/') as [string, string]
    for (const reader of [...writers, writer(blobs)]) expect(await reader.load(session, id)).toBe(state)
  }
})
