import { expect, test } from 'vitest'
import { memory } from '../../../dist/adapters/memory/index.js'
import { openStore } from '../../../dist/index.js'
import { openSnapshots } from '../../../dist/core/features/snapshots/open-snapshots.js'
import { ManualClock } from '../../../dist/testing/manual-clock.js'

const S = { agent: 'a', session: 's' }
const YEAR_MS = 365 * 86_400_000

test('one save under a clock that was far ahead does not keep all that come after it, nor in a copy', async () => {
  const clock = new ManualClock()
  const now = clock.now()
  const store = await openStore(memory(), { clock })
  const snapshots = await openSnapshots<number>(store)
  await clock.advance(10 * YEAR_MS)
  await snapshots.save({ ...S, state: -1 })
  await clock.set(now)
  for (let state = 0; state < 10; state++) {
    await clock.advance(86_400_000)
    await snapshots.save({ ...S, state })
  }
  const target = await openStore(memory(), { clock })
  await snapshots.copy(target)
  for (const one of [snapshots, await openSnapshots<number>(target)]) {
    const { kept } = await one.prune({ last: 1, withinMs: 86_400_000 * 1.5 })
    const reasons = kept.map(({ info, reasons }) => [info.index, reasons.join()]).sort()
    expect(reasons).toEqual([
      [0, 'future'],
      [10, 'within,last'],
      [9, 'within'],
    ])
    expect(await one.load(S)).toBe(9)
    expect((await one.verify()).problems).toEqual([])
  }
})

test('a damaged manifest of one that stays leaves the pruning whole', async () => {
  const backend = memory()
  const snapshots = await openSnapshots<number>(backend)
  for (const session of ['a', 'b', 'c']) {
    await snapshots.save({ agent: 'a', session, state: 0 })
    const { id } = await snapshots.save({ agent: 'a', session, state: 1, metadata: { long: 'y'.repeat(500) } })
    if (session !== 'b') continue
    await backend.blobs.put(`snapshots/manifests/${id}`, new Uint8Array([1, 2, 3]))
  }
  const told: string[] = []
  const cold = await openSnapshots<number>(backend)
  const stop = cold.watch(({ type }) => told.push(type))
  const report = await cold.prune({ last: 1 })
  stop()
  expect([report.kept.length, report.removed.length]).toEqual([3, 3])
  expect(told).toEqual(['deleted', 'deleted', 'deleted'])
  let manifests = 0
  for await (const _ of backend.blobs.list({ prefix: 'snapshots/manifests/' })) manifests++
  expect(manifests).toBe(3)
})
