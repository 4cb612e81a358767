import { expect, test } from 'vitest'
import { ManualClock } from 'varve/testing'

test('time stands still until it is advanced, and timers run in the order they fall due', async () => {
  const clock = new ManualClock({ now: 1000 })
  const ran: string[] = []
  clock.after(30, () => ran.push(`c ${clock.now()}`))
  clock.after(10, () => ran.push(`a ${clock.now()}`))
  clock.after(10, () => ran.push(`b ${clock.now()}`))
  const cancel = clock.after(20, () => ran.push('never'))
  cancel()
  await clock.advance(9)
  expect(ran).toEqual([])
  await clock.advance(100)
  expect(ran).toEqual(['a 1010', 'b 1010', 'c 1030'])
  expect(clock.now()).toBe(1109)
  expect(clock.pending).toBe(0)
})

test('a timer set by a continuation runs when it falls due in the same step', async () => {
  const clock = new ManualClock()
  let ticks = 0
  const tick = async (): Promise<void> => {
    await Promise.resolve()
    ticks++
    clock.after(10, () => void tick())
  }
  clock.after(10, () => void tick())
  await clock.advance(100)
  expect(ticks).toBe(10)
})

test('a clock set back changes the time of day and delays no timer', async () => {
  const clock = new ManualClock({ now: 5000 })
  let ran = false
  clock.after(100, () => (ran = true))
  await clock.set(1000)
  expect(clock.now()).toBe(1000)
  await clock.advance(100)
  expect(ran).toBe(true)
  await clock.set(9000)
  expect(clock.now()).toBe(9000)
  await expect(clock.advance(-1)).rejects.toThrow(RangeError)
})

test('chance is the same for the same seed', () => {
  const draw = (seed: number) => {
    const clock = new ManualClock({ seed })
    return [clock.random(), clock.random(), clock.random()]
  }
  expect(draw(3)).toEqual(draw(3))
  expect(draw(3)).not.toEqual(draw(4))
  for (const x of draw(5)) expect(x >= 0 && x < 1).toBe(true)
})
