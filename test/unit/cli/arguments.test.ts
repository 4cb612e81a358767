import { expect, test } from 'vitest'
import { position, wholeNumber } from '../../../dist/cli/arguments.js'

test('a position is a word, an offset, a count from the end or a time', () => {
  expect(position('earliest')).toBe('earliest')
  expect(position('latest')).toBe('latest')
  expect(position('42')).toBe(42)
  expect(position('last:5')).toEqual({ last: 5 })
  expect(position('2026-11-21T06:00:00Z')).toEqual({ time: Date.UTC(2026, 10, 21, 6) })
  expect(() => position('yesterday')).toThrow(/earliest, latest/)
})

test('a whole number is not negative, not a fraction and not below its least', () => {
  expect(wholeNumber(0)('0')).toBe(0)
  for (const text of ['-1', '1.5', '', 'x', '1e3', '99999999999999999999']) expect(() => wholeNumber(0)(text)).toThrow(/whole number/)
  expect(() => wholeNumber(1)('0')).toThrow(/at least 1/)
})
