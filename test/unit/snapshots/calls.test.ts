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
