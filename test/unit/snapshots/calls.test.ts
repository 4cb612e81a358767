import { expect, test } from 'vitest'
import { memory } from '../../../dist/adapters/memory/index.js'
import { openSnapshots } from '../../../dist/core/features/snapshots/open-snapshots.js'

const S = { agent: 'a', session: 's' }

test.each([1.5, -1, Number.NaN, '2' as unknown as number])('a list of %s snapshots is invalid', async (limit) => {
  const snapshots = await openSnapshots<number>(memory())
  await snapshots.save({ ...S, state: 1 })
  const list = snapshots.list({ limit })[Symbol.asyncIterator]()
  await expect(list.next()).rejects.toMatchObject({ code: 'invalid' })
})

test('verifying takes options alone, an id, or both; anything else for an id is invalid', async () => {
  const snapshots = await openSnapshots<number>(memory())
  const { id } = await snapshots.save({ ...S, state: 1 })
  await snapshots.save({ ...S, state: 2 })
  const { cursor, checked } = await snapshots.verify({ level: 'restore', budgetBytes: 1 })
  expect([typeof cursor, checked]).toEqual(['string', 1])
  expect((await snapshots.verify({ cursor: cursor as string })).checked).toBe(1)
  expect((await snapshots.verify(id, { level: 'chain' })).checked).toBe(1)
  await expect(snapshots.verify({ level: 'deep' as 'chain' })).rejects.toMatchObject({ code: 'invalid' })
  for (const bad of [5, null, true]) await expect(snapshots.verify(bad as never)).rejects.toMatchObject({ code: 'invalid' })
})

test('forks without a name get names of their own, also when two handles fork at once', async () => {
  const backend = memory()
  const [one, two] = [await openSnapshots<number>(backend), await openSnapshots<number>(backend)]
  const { id } = await one.save({ ...S, state: 1 })
  const branches = [(await one.fork(id)).branch, (await two.fork(id)).branch, (await one.fork(id)).branch]
  expect(branches).toEqual(['fork-0', 'fork-0-2', 'fork-0-3'])
  const more = await Promise.all([one.fork(id), two.fork(id), one.fork(id), two.fork(id)])
  expect(more.map(({ branch }) => branch).sort()).toEqual(['fork-0-4', 'fork-0-5', 'fork-0-6', 'fork-0-7'])
  await expect(one.fork(id, { branch: 'fork-0' })).rejects.toMatchObject({ code: 'conflict' })
})

test('saving by the clock says what it needs', async () => {
  const snapshots = await openSnapshots<number>(memory())
  const message = 'auto needs { agent, session, everyMs }'
  await expect(snapshots.auto(() => 1, { everyMs: 5 } as never)).rejects.toMatchObject({ code: 'invalid', message })
  await expect(snapshots.auto(() => 1, undefined as never)).rejects.toMatchObject({ code: 'invalid', message })
})
