import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  addRanges,
  countBetween,
  cutAt,
  hasOffset,
  holesOf,
  type OffsetRanges,
  removeOffsets,
} from '../../../dist/core/features/queue/offset-ranges.js'

const MAX = 40
const range = fc
  .tuple(fc.nat(MAX), fc.nat(8))
  .filter(([, length]) => length > 0)
  .map(([from, length]) => [from, from + length] as const)
const step = fc.oneof(
  fc.record({ add: fc.array(range, { maxLength: 4 }) }),
  fc.record({ remove: fc.array(fc.nat(MAX + 8), { maxLength: 6 }) }),
  fc.record({ cut: fc.nat(MAX + 8) }),
)

const offsets = Array.from({ length: MAX + 20 }, (_, offset) => offset)

function model(set: ReadonlySet<number>, change: (offset: number, isIn: boolean) => boolean): Set<number> {
  return new Set(offsets.filter((offset) => change(offset, set.has(offset))))
}

describe('ranges of offsets', () => {
  test('hold what a set of offsets would, ascending and apart from each other', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
        let ranges: OffsetRanges = []
        let set = new Set<number>()
        for (const one of steps) {
          if ('add' in one) {
            ranges = addRanges(ranges, one.add)
            set = model(set, (offset, isIn) => isIn || one.add.some(([from, to]) => from <= offset && offset < to))
          } else if ('remove' in one) {
            ranges = removeOffsets(ranges, one.remove)
            set = model(set, (offset, isIn) => isIn && !one.remove.includes(offset))
          } else {
            ranges = cutAt(ranges, one.cut)
            set = model(set, (offset, isIn) => isIn && offset < one.cut)
          }
          expect(offsets.filter((offset) => hasOffset(ranges, offset))).toEqual([...set])
          expect(ranges.every(([from, to], i) => from < to && from > (ranges[i - 1]?.[1] ?? -1))).toBe(true)
          expect(countBetween(ranges, 7, 25)).toBe([...set].filter((offset) => offset >= 7 && offset < 25).length)
          const holes = holesOf(ranges)
          expect(offsets.filter((offset) => hasOffset(holes, offset))).toEqual(offsets.filter((offset) => !set.has(offset)))
        }
      }),
    )
  })
})
