// Hearing of snapshots, and saving by the clock.

import { concatBytes } from '../core/base/bytes.js'
import { openSnapshots } from '../core/features/snapshots/open-snapshots.js'
import type { SnapshotChange, SnapshotInfo } from '../core/features/snapshots/types.js'
import type { Backend } from '../core/ports/backend.js'
import { expectEqual, expectRejects } from './assert.js'
import { collect, NO_ID, type OnSnapshots, S1, storeWithClock } from './snapshots-scene.js'
import type { SuiteCase } from './suite.js'

export function snapshotsWatchSuite(on: OnSnapshots): readonly SuiteCase[] {
  return [
    on('a watcher hears of saves and deletions', watches),
    on('a watcher hears of a snapshot that comes back by an import', hearsOfReturns),
    on('a subscription begins with what was missed and goes on', subscribes),
    on('saving by the clock saves what changed, until it is stopped', savesByTheClock),
  ]
}

async function watches(backend: Backend): Promise<void> {
  const snapshots = await openSnapshots<number>(backend)
  const heard: SnapshotChange[] = []
  const stop = snapshots.watch((change) => heard.push(change))
  const info = await snapshots.save({ ...S1, state: 1 })
  await snapshots.delete(info.id)
  const change = { id: info.id, agent: 'planner', session: 's1', branch: 'main', index: 0 }
  expectEqual(heard, [
    { type: 'saved', ...change },
    { type: 'deleted', ...change },
  ])
  stop()
  await snapshots.save({ ...S1, state: 2 })
  expectEqual(heard.length, 2)
  await snapshots.close()
}

async function hearsOfReturns(backend: Backend): Promise<void> {
  const snapshots = await openSnapshots<number>(backend)
  const heard: string[] = []
  snapshots.watch(({ type, id }) => heard.push(`${type} ${id}`))
  const { id } = await snapshots.save({ ...S1, state: 1 })
  const archive = await collect(snapshots.export())
  await snapshots.delete(id)
  await snapshots.import(concatBytes(archive))
  expectEqual(heard, [`saved ${id}`, `deleted ${id}`, `saved ${id}`])
  await snapshots.close()
}

async function subscribes(backend: Backend): Promise<void> {
  const snapshots = await openSnapshots<number>(backend)
  const first = await snapshots.save({ ...S1, state: 0 })
  for (const state of [1, 2]) await snapshots.save({ ...S1, state })
  await snapshots.save({ agent: 'other', session: 's', state: 9 })
  const ending = new AbortController()
  const infos = snapshots.subscribe({ agent: 'planner', after: first.id, signal: ending.signal })[Symbol.asyncIterator]()
  const next = async (): Promise<number> => ((await infos.next()).value as SnapshotInfo).index
  expectEqual([await next(), await next()], [1, 2])
  const waiting = next()
  await snapshots.save({ agent: 'other', session: 's', state: 10 })
  await snapshots.saveMany([3, 4].map((state) => ({ ...S1, state })))
  expectEqual([await waiting, await next()], [3, 4])
  const ended = infos.next()
  ending.abort()
  expectEqual((await ended).done, true)
  await expectRejects(() => collect(snapshots.subscribe({ after: NO_ID })), 'missing')
  await snapshots.close()
}

async function savesByTheClock(backend: Backend): Promise<void> {
  const { store, clock } = storeWithClock(backend)
  const snapshots = await openSnapshots<{ n: number }>(store)
  if (backend.requestScoped === true) {
    await expectRejects(
      snapshots.auto(() => ({ n: 0 }), { ...S1, everyMs: 1_000 }),
      'unsupported',
    )
    return
  }
  let n = 0
  const saver = await snapshots.auto(() => ({ n }), { ...S1, everyMs: 1_000, tags: ['auto'] })
  const saved = async (): Promise<number> => (await collect(snapshots.list(S1))).length
  expectEqual([(await saver.saveNow())?.tags, await saver.saveNow(), await saved()], [['auto'], undefined, 1])
  n = 1
  await clock.advance(1_000)
  await saver.saveNow()
  expectEqual([await saved(), await snapshots.load(S1)], [2, { n: 1 }])
  await saver.stop()
  n = 2
  await clock.advance(5_000)
  expectEqual(await saved(), 2)
  await expectRejects(saver.saveNow(), 'closed')
  await expectRejects(() => snapshots.auto(() => ({ n }), { ...S1, everyMs: 0 }), 'invalid')
  await snapshots.close()
}
