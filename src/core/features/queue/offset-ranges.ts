// Sets of offsets as ascending ranges that do not touch each other: what a task has consumed of a bucket.

/** From the first, inclusive, to the second, exclusive. */
export type OffsetRange = readonly [from: number, to: number]

export type OffsetRanges = readonly OffsetRange[]

export function addRanges(ranges: OffsetRanges, added: OffsetRanges): OffsetRanges {
  const joined: [number, number][] = []
  for (const [from, to] of [...ranges, ...added].sort((a, b) => a[0] - b[0])) {
    const last = joined.at(-1)
    if (last === undefined || from > last[1]) joined.push([from, to])
    else last[1] = Math.max(last[1], to)
  }
  return joined
}

/** `removed` are single offsets. */
export function removeOffsets(ranges: OffsetRanges, removed: readonly number[]): OffsetRanges {
  const left: OffsetRange[] = []
  const offsets = [...removed].sort((a, b) => a - b)
  let next = 0
  for (const [from, to] of ranges) {
    let begin = from
    while (next < offsets.length && (offsets[next] as number) < to) {
      const offset = offsets[next++] as number
      if (offset < begin) continue
      if (offset > begin) left.push([begin, offset])
      begin = offset + 1
    }
    if (begin < to) left.push([begin, to])
  }
  return left
}

/** What lies in `from` up to `to`, of the offsets in the ranges. */
export function countBetween(ranges: OffsetRanges, from: number, to: number): number {
  return ranges.reduce((sum, range) => sum + Math.max(0, Math.min(range[1], to) - Math.max(range[0], from)), 0)
}

export function hasOffset(ranges: OffsetRanges, offset: number): boolean {
  return ranges.some(([from, to]) => from <= offset && offset < to)
}

/** What the ranges leave free, the endless rest last. */
export function holesOf(ranges: OffsetRanges): OffsetRanges {
  const holes: OffsetRange[] = []
  let begin = 0
  for (const [from, to] of ranges) {
    if (from > begin) holes.push([begin, from])
    begin = to
  }
  return [...holes, [begin, Number.POSITIVE_INFINITY]]
}

export function cutAt(ranges: OffsetRanges, end: number): OffsetRanges {
  return ranges.filter(([from]) => from < end).map(([from, to]) => [from, Math.min(to, end)])
}
