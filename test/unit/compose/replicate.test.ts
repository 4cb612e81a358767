// What a power failure takes from the source after it was copied. All else is in the suite of replications.

import { openQueue, openStore, replicate, type Store } from 'varve'
import { memory } from 'varve/adapters/memory'
import { crashStates, faultBackend } from 'varve/testing'
import { expect, test } from 'vitest'

async function valuesIn(store: Store): Promise<number[]> {
  const queue = await openQueue<number>(store, 'q')
  return (await queue.read({ limit: 1_000 })).map(({ value }) => value)
}

test('records that a recovery of the source lost are a conflict, or nothing was lost and it goes on', async () => {
  const source = faultBackend()
  const before = await openStore(source)
  const queue = await openQueue<number>(before, 'q', { sync: 'never' })
  await queue.append(0)
  await queue.flush()
  const synced = source.recording.operations.length
  for (let n = 1; n < 6; n++) await queue.append(n)
  const outcomes = { conflict: 0, same: 0 }
  for (const state of crashStates(source.recording, { from: synced, failures: ['power'] })) {
    const target = await openStore(memory())
    await replicate(before, target)
    const recovered = await openStore(state.open())
    const again = await openQueue<number>(recovered, 'q')
    const kept = await valuesIn(recovered)
    expect(kept).toEqual([0, 1, 2, 3, 4, 5].slice(0, kept.length))
    for (const value of [10, 11, 12, 13, 14, 15, 16]) await again.append(value)
    const result = replicate(recovered, target)
    if (kept.length === 6) {
      await result
      outcomes.same++
      expect(await valuesIn(target), state.description).toEqual(await valuesIn(recovered))
    } else {
      await expect(result, state.description).rejects.toMatchObject({ code: 'conflict', facts: { differsFrom: kept.length } })
      outcomes.conflict++
      expect(await valuesIn(target)).toEqual([0, 1, 2, 3, 4, 5])
    }
    await recovered.close()
    await target.close()
  }
  expect(outcomes.conflict).toBeGreaterThan(3)
  expect(outcomes.same).toBeGreaterThan(0)
})
