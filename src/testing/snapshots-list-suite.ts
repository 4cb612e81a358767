// Lists of snapshots: order, filters, pages of them.

import { openSnapshots } from '../core/features/snapshots/open-snapshots.js'
import type { SnapshotFilter, SnapshotInfo } from '../core/features/snapshots/types.js'
import type { Backend } from '../core/ports/backend.js'
import { expectEqual, expectRejects } from './assert.js'
import { storedKeys } from './damage.js'
import { collect, NO_ID, type OnSnapshots, S1, storeWithClock } from './snapshots-scene.js'
import type { SuiteCase } from './suite.js'

export function snapshotsListSuite(on: OnSnapshots): readonly SuiteCase[] {
  return [
    on('lists are newest first and filtered', lists),
    on('lists go on behind a snapshot, without gaps', listsInPages),
    on('lists find metadata, short or long', listsMetadata),
    on('hundreds of a session are listed from pages, also while they are merged and deleted', listsManyPages),
  ]
}

async function lists(backend: Backend): Promise<void> {
  const { store, clock } = storeWithClock(backend)
  const snapshots = await openSnapshots<number>(store)
  const begin = clock.now()
  const save = (agent: string, session: string, state: number, more: { branch?: string; tags?: string[] } = {}): Promise<SnapshotInfo> =>
    snapshots.save({ agent, session, state, ...more })
  await save('a', 's1', 0)
  await save('a', 's1', 1, { tags: ['good'] })
  await clock.advance(10)
  await save('a', 's2', 2, { branch: 'other' })
  await save('b', 's1', 3, { tags: ['good'] })
  await clock.advance(10)
  await save('a', 's1', 4)
  const states = async (filter?: SnapshotFilter): Promise<number[]> => {
    const infos = await collect(snapshots.list(filter))
    return await Promise.all(infos.map(({ id }) => snapshots.load(id)))
  }
  expectEqual(await states(), [4, 2, 3, 1, 0])
  expectEqual(await states({ agent: 'a' }), [4, 2, 1, 0])
  expectEqual(await states({ agent: 'a', session: 's1' }), [4, 1, 0])
  expectEqual(await states({ session: 's1' }), [4, 3, 1, 0])
  expectEqual(await states({ branch: 'other' }), [2])
  expectEqual(await states({ tag: 'good' }), [3, 1])
  expectEqual(await states({ after: begin }), [4, 2, 3])
  expectEqual(await states({ before: new Date(begin + 10) }), [1, 0])
  expectEqual(await states({ limit: 2 }), [4, 2])
  expectEqual(await states({ limit: 0 }), [])
  await expectRejects(() => states({ limit: -1 }), 'invalid')
  await expectRejects(() => states({ before: new Date(Number.NaN) }), 'invalid')
}

async function listsInPages(backend: Backend): Promise<void> {
  const { store, clock } = storeWithClock(backend)
  const snapshots = await openSnapshots<number>(store)
  for (let state = 0; state < 12; state++) {
    await snapshots.save({ agent: `a${state % 2}`, session: `s${state % 3}`, state })
    if (state % 4 === 3) await clock.advance(10)
  }
  const all = await collect(snapshots.list())
  expectEqual(all.length, 12)
  for (const size of [1, 5]) {
    const found: SnapshotInfo[] = []
    for (;;) {
      const last = found.at(-1)
      const page = await collect(snapshots.list({ limit: size, ...(last === undefined ? {} : { startAfter: last.id }) }))
      found.push(...page)
      if (page.length < size) break
    }
    expectEqual(found, all)
  }
  expectEqual((await collect(snapshots.list({ agent: 'a1', startAfter: (all[3] as SnapshotInfo).id }))).length < 6, true)
  await expectRejects(() => collect(snapshots.list({ startAfter: NO_ID })), 'missing')
}

async function listsMetadata(backend: Backend): Promise<void> {
  const snapshots = await openSnapshots<number>(backend)
  const long = 'long '.repeat(100)
  await snapshots.save({ ...S1, state: 0, metadata: { offsets: [1, 2], run: 'x' } })
  await snapshots.save({ ...S1, state: 1, metadata: { offsets: [1, 3], note: long }, description: long })
  await snapshots.save({ ...S1, state: 2, metadata: ['offsets'] })
  const indexes = async (filter: SnapshotFilter): Promise<number[]> => (await collect(snapshots.list(filter))).map(({ index }) => index)
  expectEqual(await indexes({ metadata: { offsets: [1, 2] } }), [0])
  expectEqual(await indexes({ metadata: { note: long } }), [1])
  expectEqual(await indexes({ metadata: {} }), [1, 0])
  expectEqual(await indexes({ metadata: { offsets: [1] } }), [])
  expectEqual(await indexes({ metadata: { offsets: [1, 2] }, limit: 1 }), [0])
  const [, listed] = await collect(snapshots.list())
  expectEqual(listed, await snapshots.info((listed as SnapshotInfo).id))
  expectEqual(listed?.description, long)
}

async function listsManyPages(backend: Backend): Promise<void> {
  const snapshots = await openSnapshots<number>(backend)
  const saved: SnapshotInfo[] = []
  for (let round = 0; round < 12; round++) {
    const items = Array.from({ length: 60 }, (_, n) => ({ ...S1, branch: `b${n % 2}`, state: round * 60 + n }))
    saved.push(...(await snapshots.saveMany(items)))
  }
  const reader = await openSnapshots<number>(backend)
  const indexes = async (filter: SnapshotFilter): Promise<number[]> => (await collect(reader.list(filter))).map(({ index }) => index)
  const expected = saved.map(({ index }) => index).reverse()
  expectEqual(await indexes(S1), expected)
  expectEqual(
    await indexes({ branch: 'b1' }),
    expected.filter((index) => index % 2 === 1),
  )
  const gone = [3, 64, 400, 719]
  const reading = reader.list(S1)[Symbol.asyncIterator]()
  expectEqual((await reading.next()).value?.index, 719)
  for (const index of gone) await snapshots.delete((saved[index] as SnapshotInfo).id)
  const read: number[] = []
  for (let next = await reading.next(); !next.done; next = await reading.next()) read.push(next.value.index)
  const wanted = expected.filter((index) => !gone.includes(index))
  expectEqual(
    read.filter((index) => !gone.includes(index)),
    wanted,
  )
  expectEqual(await indexes(S1), wanted)
  expectEqual((await reader.latest({ ...S1, branch: 'b1' }))?.index, 717)
  expectEqual(await reader.load((saved[65] as SnapshotInfo).id), 65)
  await expectRejects(reader.load((saved[64] as SnapshotInfo).id), 'missing')
  expectEqual((await storedKeys(backend, 'snapshots/pages/')).length < 16, true)
}
