import { expect, test } from 'vitest'
import { count, EMPTY_TALLY, type Tally, tallyWriter } from '../../playground/worker/tally.js'

test('whatever the order and however often, each offset counts once', () => {
  let tally: Tally = EMPTY_TALLY
  for (const offset of [3, 0, 3, 1, 5, 0, 2, 5, 4, 1]) tally = count(tally, { offset, source: offset % 2 === 0 ? 'even' : 'odd' })
  expect(tally).toEqual({ counts: { even: 3, odd: 3 }, next: 6, ahead: [] })
})

test('a source may be called like what every object has', () => {
  expect(count(EMPTY_TALLY, { offset: 0, source: 'constructor' }).counts).toEqual({ constructor: 1 })
})

test('records that come while a write runs share the next one, and each waits for its own', async () => {
  const writes: { change: (tally?: Tally) => Tally; done: () => void }[] = []
  const update = (_key: string, change: (tally?: Tally) => Tally): Promise<void> => {
    return new Promise((resolve) => {
      writes.push({ change, done: () => resolve() })
    })
  }
  const tally = tallyWriter({ update } as unknown as Parameters<typeof tallyWriter>[0])
  const first = tally({ offset: 0, source: 'a' })
  await Promise.resolve()
  const others = Promise.all([tally({ offset: 1, source: 'a' }), tally({ offset: 2, source: 'b' })])
  await Promise.resolve()
  expect(writes.length).toBe(1)
  const afterFirst = writes[0]?.change()
  writes[0]?.done()
  await first
  await Promise.resolve()
  expect(writes.length).toBe(2)
  expect(writes[1]?.change(afterFirst)).toEqual({ counts: { a: 2, b: 1 }, next: 3, ahead: [] })
  writes[1]?.done()
  await others
})
