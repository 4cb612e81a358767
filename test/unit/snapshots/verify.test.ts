import { describe, expect, test } from 'vitest'
import { memory } from '../../../dist/adapters/memory/index.js'
import { openSnapshots } from '../../../dist/core/features/snapshots/open-snapshots.js'
import type { Snapshots } from '../../../dist/core/features/snapshots/snapshots.js'
import type { SnapshotReport, VerifyLevel } from '../../../dist/core/features/snapshots/upkeep-types.js'
import type { Backend } from '../../../dist/core/ports/backend.js'
import { seededRandom } from '../../../dist/testing/manual-clock.js'
import { flipBit, keysOf } from '../content/packs.js'

const LEVELS: readonly VerifyLevel[] = ['chain', 'manifests', 'packs', 'hashes', 'chunks', 'restore']
const S = { agent: 'a', session: 's' }

function listOf(seed: number, items: number): string[] {
  const random = seededRandom(seed)
  return Array.from({ length: items }, () => Array.from({ length: 50 }, () => Math.floor(random() * 36 ** 6).toString(36)).join(''))
}

interface Scene {
  readonly backend: Backend
  readonly snapshots: Snapshots<unknown>
  readonly ids: readonly string[]
}

async function scene(): Promise<Scene> {
  const backend = memory()
  const snapshots = await openSnapshots<unknown>(backend, { compression: 'none' })
  const ids: string[] = []
  for (let i = 0; i < 3; i++)
    ids.push((await snapshots.save({ ...S, state: { name: `n${i}`, list: listOf(i, 200), map: { a: listOf(9, 60), b: i } } })).id)
  ids.push((await snapshots.save({ agent: 'b', session: 't', state: listOf(1, 200) })).id)
  return { backend, snapshots, ids }
}

/** The lowest level that finds anything. */
async function foundAt(snapshots: Snapshots<unknown>): Promise<VerifyLevel | 'never'> {
  let first: VerifyLevel | 'never' = 'never'
  for (const level of LEVELS) {
    const { ok } = await snapshots.verify(undefined, { level })
    if (!ok && first === 'never') first = level
    if (first !== 'never') expect([level, ok]).toEqual([level, false])
  }
  return first
}

describe('levels of verifying', () => {
  test('a whole store passes all', async () => {
    const { snapshots, ids } = await scene()
    for (const level of LEVELS) {
      expect(await snapshots.verify(undefined, { level })).toEqual({ ok: true, checked: 4, problems: [] })
      for (const id of ids) expect(await snapshots.verify(id, { level })).toEqual({ ok: true, checked: 1, problems: [] })
    }
  })

  test('a damaged manifest, cell or head shows at the first', async () => {
    for (const prefix of ['snapshots/manifests/', 'snapshots/sessions/']) {
      const { backend, snapshots } = await scene()
      const [key] = (await keysOf(backend.blobs, prefix)) as [string]
      await flipBit(backend.blobs, key, 60)
      expect(await foundAt(snapshots)).toBe('chain')
    }
  })

  test('a manifest in the place of another shows at the first', async () => {
    const { backend, snapshots } = await scene()
    const [one, two] = (await keysOf(backend.blobs, 'snapshots/manifests/')) as [string, string]
    await backend.blobs.put(one, (await backend.blobs.get(two))?.data as Uint8Array)
    expect(await foundAt(snapshots)).toBe('chain')
  })

  test('a damaged table shows at the second, and hurts nobody', async () => {
    const { backend, snapshots } = await scene()
    for (let i = 0; i < 16; i++) await snapshots.save({ ...S, state: listOf(100 + i, 5) })
    const [key] = (await keysOf(backend.blobs, 'snapshots/index/')) as [string]
    await flipBit(backend.blobs, key, 70)
    expect(await foundAt(snapshots)).toBe('manifests')
    const { problems } = await snapshots.verify()
    expect(problems).toMatchObject([{ id: key, key, code: 'corrupt' }])
    expect(await (await openSnapshots(backend)).load(S)).toEqual(listOf(115, 5))
  })

  test('a pack that is gone shows at the third, with the parts that are lost', async () => {
    const { backend, snapshots, ids } = await scene()
    const before = await keysOf(backend.blobs, 'snapshots/packs/')
    const { id } = await snapshots.save({ ...S, state: { kept: 1, list: [...listOf(77, 100)] } })
    await backend.blobs.delete((await keysOf(backend.blobs, 'snapshots/packs/')).filter((key) => !before.includes(key)))
    expect(await foundAt(snapshots)).toBe('packs')
    const { problems } = await snapshots.verify(undefined, { level: 'packs' })
    expect(problems.map((problem) => problem.id)).toEqual([id])
    expect(problems[0]?.paths?.length).toBeGreaterThan(0)
    expect(problems[0]?.paths?.every((path) => path.startsWith('/list'))).toBe(true)
    expect((await snapshots.verify(ids[0])).ok).toBe(true)
  })

  test('a flipped bit in a chunk shows at the fourth, with snapshot, pack and path', async () => {
    const { backend, snapshots } = await scene()
    const before = await keysOf(backend.blobs, 'snapshots/packs/')
    const { id } = await snapshots.save({ ...S, state: { kept: 1, list: listOf(77, 100), other: { deep: listOf(78, 100) } } })
    const [key] = (await keysOf(backend.blobs, 'snapshots/packs/')).filter((one) => !before.includes(one)) as [string]
    await flipBit(backend.blobs, key, 3000)
    expect(await foundAt(snapshots)).toBe('hashes')
    expect((await snapshots.verify(undefined, { level: 'hashes' })).problems).toMatchObject([{ id: key, key }])
    for (const level of ['chunks', 'restore'] as const) {
      const { problems } = await snapshots.verify(undefined, { level })
      expect(problems).toMatchObject([{ id, key, code: 'corrupt' }])
      expect(problems[0]?.paths).toHaveLength(1)
      expect(problems[0]?.paths?.[0]).toMatch(/^\/list\/\d+$/)
    }
  })

  test('bad levels, budgets and cursors are invalid', async () => {
    const { snapshots } = await scene()
    await expect(snapshots.verify(undefined, { level: 'deep' as VerifyLevel })).rejects.toMatchObject({ code: 'invalid' })
    await expect(snapshots.verify(undefined, { budgetBytes: 0 })).rejects.toMatchObject({ code: 'invalid' })
    await expect(snapshots.verify(undefined, { cursor: 'x' })).rejects.toMatchObject({ code: 'invalid' })
    const { cursor } = await snapshots.verify(undefined, { budgetBytes: 1 })
    await expect(snapshots.verify(undefined, { level: 'packs', cursor: cursor as string })).rejects.toMatchObject({ code: 'invalid' })
  })
})

test.each(['hashes', 'chunks', 'restore'] as const)(
  'a budget stops it and the cursor goes on, until all was looked at once (%s)',
  async (level) => {
    const { backend, snapshots } = await scene()
    const [, key] = (await keysOf(backend.blobs, 'snapshots/packs/')) as [string, string]
    await flipBit(backend.blobs, key, 2000)
    const whole = await snapshots.verify(undefined, { level })
    const reports: SnapshotReport[] = []
    for (let cursor: string | undefined, runs = 0; runs < 50; runs++) {
      const report: SnapshotReport = await snapshots.verify(undefined, {
        level,
        budgetBytes: 1,
        ...(cursor === undefined ? {} : { cursor }),
      })
      reports.push(report)
      cursor = report.cursor
      if (cursor === undefined) break
    }
    expect(reports.length).toBeGreaterThan(3)
    expect(reports.at(-1)?.cursor).toBeUndefined()
    expect(reports.reduce((sum, { checked }) => sum + checked, 0)).toBe(4)
    const ids = (problems: SnapshotReport['problems']): string[] => [...new Set(problems.map(({ id }) => id))].sort()
    const split = ids(reports.flatMap(({ problems }) => problems))
    for (const id of ids(whole.problems)) expect(split).toContain(id)
  },
)

test('a damaged page is named, and the snapshots of the others are still checked', async () => {
  const backend = memory()
  const snapshots = await openSnapshots<unknown>(backend)
  await snapshots.saveMany(Array.from({ length: 300 }, (_, state) => ({ ...S, state })))
  const pages = await keysOf(backend.blobs, 'snapshots/pages/')
  expect(pages.length).toBeGreaterThan(0)
  await flipBit(backend.blobs, pages[0] as string, 60)
  const report = await (await openSnapshots(backend)).verify(undefined, { level: 'chain' })
  expect(report.problems).toMatchObject([{ id: 'a/s', code: 'corrupt', key: pages[0] }])
  expect(report.checked).toBeGreaterThan(0)
  expect(report.checked).toBeLessThan(300)
})

test.each(['manifests', 'restore'] as const)('a session that is lost is found in steps too (%s)', async (level) => {
  const { backend } = await scene()
  await backend.blobs.delete([(await keysOf(backend.blobs, 'snapshots/sessions/'))[0] as string])
  const snapshots = await openSnapshots<unknown>(backend)
  const lost: string[] = []
  let runs = 0
  for (let cursor: string | undefined; runs === 0 || cursor !== undefined; runs++) {
    const report: SnapshotReport = await snapshots.verify({ level, budgetBytes: 1, ...(cursor === undefined ? {} : { cursor }) })
    lost.push(...report.problems.map(({ code, id }) => `${code} ${id}`))
    cursor = report.cursor
  }
  expect(runs).toBeGreaterThan(1)
  expect([...new Set(lost)]).toEqual(['missing a/s'])
})

test('a budget also counts manifests', async () => {
  const { snapshots } = await scene()
  expect((await snapshots.verify({ level: 'chain', budgetBytes: 1 })).checked).toBe(1)
})

test('a budget also counts pages of summaries', async () => {
  const backend = memory()
  await (await openSnapshots<number>(backend)).saveMany(Array.from({ length: 300 }, (_, state) => ({ ...S, state })))
  let pageBytes = 0
  for await (const { bytes } of backend.blobs.list({ prefix: 'snapshots/pages/' })) pageBytes += bytes
  const snapshots = await openSnapshots<number>(backend)
  expect(await snapshots.verify({ level: 'chain', budgetBytes: pageBytes })).toMatchObject({ checked: 1, cursor: expect.anything() })
  expect(await snapshots.verify({ level: 'chain', budgetBytes: pageBytes * 100 })).toMatchObject({ checked: 300, ok: true })
})
