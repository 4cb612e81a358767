// What is kept: deleting, tags and pins, retention, copies.

import { openSnapshots } from '../core/features/snapshots/open-snapshots.js'
import type { PruneReport } from '../core/features/snapshots/retention-types.js'
import type { SnapshotInfo } from '../core/features/snapshots/types.js'
import type { Backend } from '../core/ports/backend.js'
import { memory } from '../adapters/memory/index.js'
import { expectEqual, expectRejects, expectTrue } from './assert.js'
import { storedKeys } from './damage.js'
import { collect, NO_ID, noise, type OnSnapshots, S1, storeWithClock } from './snapshots-scene.js'
import type { SuiteCase } from './suite.js'

const HOUR_MS = 3_600_000

export function snapshotsRetentionSuite(on: OnSnapshots): readonly SuiteCase[] {
  return [
    on('deleting takes the manifests along and never an index twice', deletes),
    on('tags are added and taken away, and found', tags),
    on('tags and pins of old snapshots are kept, however many', labelsInPages),
    on('pruning keeps what a rule keeps, says why, and does no more the second time', prunes),
    on('pruning never takes all of a branch, nor what is pinned, nor the future', prunesWithCare),
    on('a pin that is set while it is pruned wins', pinsWhilePruning),
    on('snapshots are copied under their ids, and not twice', copies),
  ]
}

async function deletes(backend: Backend): Promise<void> {
  const snapshots = await openSnapshots<string>(backend)
  const ids: string[] = []
  for (const state of ['zero', 'one', 'two']) ids.push((await snapshots.save({ ...S1, state })).id)
  await snapshots.save({ ...S1, session: 's2', state: 'stays' })
  await snapshots.delete(ids[2] as string)
  await snapshots.delete(ids[2] as string)
  await expectRejects(snapshots.load(ids[2] as string), 'missing')
  expectEqual(await snapshots.load(S1), 'one')
  const next = await snapshots.save({ ...S1, state: 'three' })
  expectEqual([next.index, next.parents], [3, [ids[1] as string]])
  await snapshots.delete(S1)
  await snapshots.delete(S1)
  expectEqual(await snapshots.latest(S1), undefined)
  expectEqual(
    (await collect(snapshots.list())).map(({ session }) => session),
    ['s2'],
  )
  expectEqual((await storedKeys(backend, 'snapshots/manifests/')).length, 1)
  const begun = await snapshots.save({ ...S1, state: 'anew' })
  expectEqual([begun.index, begun.parents], [4, []])
}

async function tags(backend: Backend): Promise<void> {
  const snapshots = await openSnapshots<number>(backend)
  const one = await snapshots.save({ ...S1, state: 1, tags: ['a'] })
  const two = await snapshots.save({ ...S1, state: 2 })
  expectEqual((await snapshots.tag(one.id, ['b', 'a'])).tags, ['a', 'b'])
  expectEqual(await snapshots.untag(one.id, ['a', 'none']), { ...one, tags: ['b'] })
  expectEqual(await snapshots.pin(two.id), { ...two, pinned: true })
  const reader = await openSnapshots<number>(backend)
  expectEqual(await reader.info(two.id), { ...two, pinned: true })
  expectEqual(await collect(reader.list({ tag: 'b' })), [{ ...one, tags: ['b'] }])
  expectEqual(await collect(reader.list({ tag: 'a' })), [])
  expectEqual(await snapshots.unpin(two.id), two)
  expectEqual(await reader.load(one.id), 1)
  await expectRejects(snapshots.tag(NO_ID, 'x'), 'missing')
  await expectRejects(snapshots.pin('no id'), 'missing')
  await expectRejects(snapshots.tag(one.id, ['']), 'invalid')
  expectTrue((await reader.verify()).ok, 'labels are not part of what is hashed')
}

async function labelsInPages(backend: Backend): Promise<void> {
  const snapshots = await openSnapshots<number>(backend)
  const infos = await snapshots.saveMany(Array.from({ length: 300 }, (_, state) => ({ ...S1, state, tags: ['old'] })))
  for (let at = 0; at < 140; at++) await snapshots.tag((infos[at] as SnapshotInfo).id, `t${at % 2}`)
  await snapshots.pin((infos[5] as SnapshotInfo).id)
  await snapshots.untag((infos[6] as SnapshotInfo).id, 'old')
  const reader = await openSnapshots<number>(backend)
  expectEqual((await collect(reader.list({ tag: 't1' }))).length, 70)
  expectEqual((await collect(reader.list({ tag: 'old' }))).length, 299)
  expectEqual(
    [(await reader.info((infos[5] as SnapshotInfo).id)).pinned, (await reader.info((infos[6] as SnapshotInfo).id)).tags],
    [true, ['t0']],
  )
}

async function prunes(backend: Backend): Promise<void> {
  const { store, clock } = storeWithClock(backend)
  const snapshots = await openSnapshots<number>(store)
  for (let state = 0; state < 12; state++) {
    await snapshots.save({ ...S1, state, ...(state === 2 ? { tags: ['keep'] } : {}) })
    await clock.advance(HOUR_MS / 2)
  }
  const policy = { last: 2, hourly: 3, tags: ['keep'] }
  const kept = ({ kept: all }: PruneReport): number[] => all.map(({ info }) => info.index)
  const dry = await snapshots.prune(policy, { dryRun: true })
  expectEqual((await collect(snapshots.list())).length, 12)
  const report = await snapshots.prune(policy)
  expectEqual({ ...report, dryRun: true }, dry)
  expectEqual(report.removed.length + report.kept.length, 12)
  expectEqual(
    kept(report),
    (await collect(snapshots.list())).map(({ index }) => index),
  )
  expectTrue(kept(report).includes(2) && kept(report).includes(11) && kept(report).includes(10), 'what the rules name')
  expectEqual(report.kept.at(-1)?.reasons, ['tag keep'])
  expectTrue(report.kept[0]?.reasons.includes('last') === true, 'more than one reason')
  const again = await snapshots.prune(policy)
  expectEqual([again.removed, kept(again)], [[], kept(report)])
  for (const { id } of report.removed) await expectRejects(snapshots.load(id), 'missing')
  expectTrue((await snapshots.verify()).ok, 'what is left is whole')
}

async function prunesWithCare(backend: Backend): Promise<void> {
  const { store, clock } = storeWithClock(backend)
  const snapshots = await openSnapshots<number>(store)
  const now = clock.now()
  await clock.advance(10 * HOUR_MS)
  const future = await snapshots.save({ agent: 'a', session: 'future', state: 0 })
  await clock.set(now)
  const first = await snapshots.save({ ...S1, state: 1 })
  await snapshots.pin(first.id)
  for (const state of [2, 3]) await snapshots.save({ ...S1, state })
  for (const state of [4, 5]) await snapshots.save({ ...S1, branch: 'other', state })
  const report = await snapshots.prune({ last: 0 })
  expectEqual(
    report.kept.map(({ info, reasons }) => [info.session, info.branch, info.index, reasons.join()]),
    [
      ['future', 'main', 0, 'future'],
      ['s1', 'other', 4, 'only one left'],
      ['s1', 'main', 0, 'pinned'],
    ],
  )
  expectEqual((await snapshots.latest(S1))?.id, first.id)
  expectEqual((await snapshots.info(future.id)).id, future.id)
  await expectRejects(snapshots.prune({}), 'invalid')
  await expectRejects(snapshots.prune({ last: -1 }), 'invalid')
}

async function pinsWhilePruning(backend: Backend): Promise<void> {
  const [here, there] = [await openSnapshots<number>(backend), await openSnapshots<number>(backend)]
  const infos = await here.saveMany(Array.from({ length: 30 }, (_, state) => ({ ...S1, state })))
  const wanted = infos[3] as SnapshotInfo
  const [pin] = await Promise.allSettled([there.pin(wanted.id), here.prune({ last: 1 })])
  if (pin.status === 'fulfilled') expectEqual(await here.load(wanted.id), 3)
  else await expectRejects(here.load(wanted.id), 'missing')
  expectEqual((await here.latest(S1))?.index, 29)
}

async function copies(backend: Backend): Promise<void> {
  const snapshots = await openSnapshots<{ n: number; text: string }>(backend)
  const text = [...noise(4_000)].join()
  for (let n = 0; n < 4; n++) await snapshots.save({ ...S1, state: { n, text }, tags: [`t${n}`], metadata: { n } })
  await snapshots.saveMany(Array.from({ length: 5 }, (_, n) => ({ agent: 'b', session: 'many', state: { n, text } })))
  const { id } = (await snapshots.latest(S1)) as SnapshotInfo
  await snapshots.pin(id)
  await snapshots.fork(id, { branch: 'side' })
  const target = memory()
  const planned = await snapshots.copy(target, { filter: { agent: 'planner' }, dryRun: true })
  expectEqual(await collect(target.blobs.list()), [])
  const first = await snapshots.copy(target, { filter: { agent: 'planner' } })
  expectEqual([first.copied, first.skipped], [5, 0])
  expectEqual([planned.dryRun, planned.copied, planned.skipped, first.dryRun], [true, 5, 0, false])
  const ratio = planned.storedBytes / first.storedBytes
  expectTrue(ratio > 0.8 && ratio < 1.2, 'about what was stored then')
  const plannedRest = await snapshots.copy(target, { dryRun: true })
  expectEqual([plannedRest.copied, plannedRest.skipped, plannedRest.storedBytes], [5, 5, 0])
  const rest = await snapshots.copy(target)
  expectEqual([rest.copied, rest.skipped, rest.storedBytes], [5, 5, 0])
  const copied = await openSnapshots<{ n: number; text: string }>(target)
  const strip = (infos: readonly SnapshotInfo[]): unknown[] => infos.map(({ storedBytes: _, ...info }) => info)
  expectEqual(strip(await collect(copied.list())), strip(await collect(snapshots.list())))
  for (const info of await collect(snapshots.list())) expectEqual(await copied.load(info.id), await snapshots.load(info.id))
  expectTrue((await copied.verify()).ok, 'the copy is whole')
  expectEqual((await copied.save({ ...S1, state: { n: 9, text } })).parents, [id])
  await target.close()
}
