import { expect, test } from 'vitest'
import { byteCount, duration, each, position, time, wholeNumber } from '../../../dist/cli/arguments.js'

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

test('times, spans and sizes have the units that people write', () => {
  expect(time('2026-11-21')).toBe(Date.UTC(2026, 10, 21))
  expect([duration('30d'), duration('1.5h'), duration('90min'), duration('250ms')]).toEqual([2_592_000_000, 5_400_000, 5_400_000, 250])
  expect([byteCount('100MB'), byteCount('64KiB'), byteCount('1.5 GB'), byteCount('12')]).toEqual([1e8, 65_536, 1.5e9, 12])
  for (const text of ['yesterday', '1700000000000']) expect(() => time(text)).toThrow(/ISO 8601/)
  for (const text of ['30', 'd', '3 months', '-1d']) expect(() => duration(text)).toThrow(/30d/)
  for (const text of ['', 'MB', '0', '1XB', '-1']) expect(() => byteCount(text)).toThrow(/100MB/)
  expect(each('b', each('a'))).toEqual(['a', 'b'])
})
