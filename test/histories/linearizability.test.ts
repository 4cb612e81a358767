import { describe, expect, test } from 'vitest'
import { type Call, isLinearizable } from './linearizability.js'

interface Does {
  readonly write?: number
  readonly read?: number
}

const register = {
  initial: 0,
  step: (state: number, { write, read }: Does) => (write !== undefined ? write : read === state ? state : undefined),
}

const call = (called: number, returned: number, does: Does): Call<Does> => ({ called, returned, does })

describe('the checker of histories', () => {
  test('accepts a read of either value while a write is under way', () => {
    for (const read of [0, 1]) expect(isLinearizable([call(1, 4, { write: 1 }), call(2, 3, { read })], register)).toBe(true)
  })

  test('refuses a value that was overwritten before the read began', () => {
    expect(isLinearizable([call(1, 2, { write: 1 }), call(3, 4, { read: 0 })], register)).toBe(false)
  })

  test('refuses a read of the new value followed by one of the old value', () => {
    const calls = [call(1, 8, { write: 1 }), call(2, 3, { read: 1 }), call(4, 5, { read: 0 })]
    expect(isLinearizable(calls, register)).toBe(false)
  })

  test('lets a call of unknown outcome be done late, or never', () => {
    const lost = call(1, Number.POSITIVE_INFINITY, { write: 1 })
    for (const read of [0, 1]) expect(isLinearizable([lost, call(2, 3, { read: 0 }), call(4, 5, { read })], register)).toBe(true)
    expect(isLinearizable([lost, call(2, 3, { read: 1 }), call(4, 5, { read: 0 })], register)).toBe(false)
  })

  test('tries all orders of writes that overlap', () => {
    const calls = [1, 2, 3, 4].map((write) => call(write, 10 + write, { write }))
    for (const read of [1, 2, 3, 4]) expect(isLinearizable([...calls, call(20, 21, { read })], register)).toBe(true)
    expect(isLinearizable([...calls, call(20, 21, { read: 1 }), call(22, 23, { read: 2 })], register)).toBe(false)
  })

  test('has nothing against an empty history', () => {
    expect(isLinearizable([], register)).toBe(true)
  })
})
