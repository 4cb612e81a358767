import { expect, test } from 'vitest'
import { Once } from '../../../dist/core/base/once.js'

test('all who ask share one run, also later ones', async () => {
  let runs = 0
  const once = new Once(async () => ++runs)
  expect(await Promise.all([once.get(), once.get()])).toEqual([1, 1])
  expect(await once.get()).toBe(1)
})

test('a failure is told to all who waited, and the next one who asks tries again', async () => {
  let runs = 0
  const once = new Once(async () => {
    if (++runs === 1) throw new Error('the first time')
    return runs
  })
  const asked = await Promise.allSettled([once.get(), once.get()])
  expect(asked.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  expect(await once.get()).toBe(2)
})

test('a result that is known from elsewhere outlives a run that fails', async () => {
  const once = new Once<number>(() => Promise.reject(new Error('never')))
  const asked = once.get()
  once.set(7)
  await expect(asked).rejects.toThrow('never')
  expect(await once.get()).toBe(7)
})
