// Branches and forks, and reading states in parts.

import { openSnapshots } from '../core/features/snapshots/open-snapshots.js'
import type { SnapshotInfo } from '../core/features/snapshots/types.js'
import type { Backend } from '../core/ports/backend.js'
import { expectEqual, expectRejects, expectTrue } from './assert.js'
import { storedKeys } from './damage.js'
import { collect, NO_ID, noise, type OnSnapshots, S1 } from './snapshots-scene.js'
import type { SuiteCase } from './suite.js'

export function snapshotsForkSuite(on: OnSnapshots): readonly SuiteCase[] {
  return [
    on('branches have heads of their own, and parents tell where they began', branches),
    on('a fork is a new snapshot of the same content', forks),
    on('two forks of one checkpoint stay apart', forksStayApart),
    on('a fork goes to other sessions and agents, and outlives what it was made from', forksElsewhere),
    on('a part of a state is loaded by path', loadsParts),
    on('a state is read as it is asked for', readsLazily),
  ]
}

async function branches(backend: Backend): Promise<void> {
  const snapshots = await openSnapshots<string>(backend)
  const root = await snapshots.save({ ...S1, state: 'root' })
  const left = await snapshots.save({ ...S1, branch: 'left', parent: root.id, state: 'left' })
  const right = await snapshots.save({ ...S1, branch: 'right', parent: root.id, state: 'right' })
  expectEqual([left.parents, right.parents], [[root.id], [root.id]])
  expectEqual(await snapshots.load(S1), 'root')
  expectEqual(await snapshots.load({ ...S1, branch: 'left' }), 'left')
  expectEqual((await snapshots.latest({ ...S1, branch: 'right' }))?.id, right.id)
  expectEqual((await snapshots.save({ ...S1, branch: 'left', state: 'more' })).parents, [left.id])
  await expectRejects(snapshots.load({ ...S1, branch: 'none' }), 'missing')
}

async function forks(backend: Backend): Promise<void> {
  const snapshots = await openSnapshots(backend)
  const state = { text: [...noise(5_000)].join() }
  const root = await snapshots.save({ ...S1, state, tags: ['good'], description: 'd', metadata: { m: 1 } })
  const packs = await storedKeys(backend, 'snapshots/packs/')
  const fork = await snapshots.fork(root.id)
  expectEqual(fork, {
    ...root,
    id: fork.id,
    branch: 'fork-0',
    index: 1,
    timestamp: fork.timestamp,
    parents: [root.id],
    tags: [],
    storedBytes: 0,
  })
  expectEqual(await storedKeys(backend, 'snapshots/packs/'), packs)
  expectEqual([await snapshots.load(fork.id), await snapshots.load({ ...S1, branch: 'fork-0' })], [state, state])
  await expectRejects(snapshots.fork(root.id, { branch: 'fork-0' }), 'conflict')
  await expectRejects(snapshots.fork(root.id, { branch: 'main' }), 'conflict')
  await expectRejects(snapshots.fork(NO_ID), 'missing')
  await expectRejects(snapshots.fork(root.id, { branch: '' }), 'invalid')
  expectEqual((await snapshots.fork(S1, { branch: 'named' })).parents, [root.id])
  expectTrue((await snapshots.verify()).ok, 'all are whole')
}

async function forksStayApart(backend: Backend): Promise<void> {
  const snapshots = await openSnapshots<{ path: string[] }>(backend)
  const root = await snapshots.save({ ...S1, state: { path: ['root'] } })
  const names = ['left', 'right']
  await Promise.all(names.map((branch) => snapshots.fork(root.id, { branch })))
  const step = async (branch: string, what: string): Promise<SnapshotInfo> => {
    const { path } = await snapshots.load({ ...S1, branch })
    return await snapshots.save({ ...S1, branch, state: { path: [...path, what] } })
  }
  for (const round of ['1', '2']) await Promise.all(names.map((branch) => step(branch, branch + round)))
  for (const branch of names) {
    expectEqual(await snapshots.load({ ...S1, branch }), { path: ['root', `${branch}1`, `${branch}2`] })
    const listed = await collect(snapshots.list({ ...S1, branch }))
    expectEqual(
      listed.map(({ parents }) => parents),
      [[(listed[1] as SnapshotInfo).id], [(listed[2] as SnapshotInfo).id], [root.id]],
    )
  }
  expectEqual(await snapshots.load(S1), { path: ['root'] })
}

async function forksElsewhere(backend: Backend): Promise<void> {
  const snapshots = await openSnapshots(backend)
  const state = { text: [...noise(5_000)].join() }
  const root = await snapshots.save({ ...S1, state })
  const fork = await snapshots.fork(root.id, { agent: 'other', session: 'new' })
  expectEqual([fork.agent, fork.session, fork.branch, fork.index, fork.parents], ['other', 'new', 'main', 0, [root.id]])
  await expectRejects(snapshots.fork(root.id, { agent: 'other', session: 'new' }), 'conflict')
  await snapshots.delete(S1)
  await snapshots.collect()
  expectEqual(await (await openSnapshots(backend)).load({ agent: 'other', session: 'new' }), state)
  await expectRejects(snapshots.fork(root.id, { session: 's3' }), 'missing')
}

function largeState(): { items: { n: number; text: string }[]; deep: { 'a/b': string[] } } {
  const items = Array.from({ length: 2_000 }, (_, n) => ({ n, text: noise(12, n + 1).join('') }))
  return { items, deep: { 'a/b': ['x', 'y'] } }
}

async function loadsParts(backend: Backend): Promise<void> {
  const snapshots = await openSnapshots<unknown>(backend)
  const state = largeState()
  const { id } = await snapshots.save({ ...S1, state })
  expectEqual(await snapshots.load(id, { path: '/items/1234' }), state.items[1234])
  expectEqual(await snapshots.load(S1, { path: ['deep', 'a/b', 1] }), 'y')
  expectEqual(await snapshots.load(S1, { path: '/deep/a~1b' }), ['x', 'y'])
  expectEqual(await snapshots.load(id, { path: '' }), state)
  await expectRejects(snapshots.load(id, { path: '/items/2000' }), 'missing')
  await expectRejects(snapshots.load(id, { path: 'items' }), 'invalid')
  const bytes = await snapshots.save({ ...S1, state: Uint8Array.of(1) })
  await expectRejects(snapshots.load(bytes.id, { path: '/0' }), 'unsupported')
}

async function readsLazily(backend: Backend): Promise<void> {
  const snapshots = await openSnapshots<unknown>(backend)
  const state = largeState()
  const saved = await snapshots.save({ ...S1, state })
  const lazy = await snapshots.lazy(saved.id)
  expectEqual(lazy.info, saved)
  expectEqual(await collect(lazy.keys('')), ['items', 'deep'])
  expectEqual(await lazy.get('/items/7/n'), 7)
  expectEqual(await lazy.get('/none'), undefined)
  const entries = await collect(lazy.entries('/items'))
  expectEqual([entries.length, entries[1999]], [2_000, ['1999', state.items[1999] as never]])
  await lazy.close()
  await expectRejects(lazy.get('/deep'), 'closed')
  await expectRejects(snapshots.lazy(NO_ID), 'missing')
}
