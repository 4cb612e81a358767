// Which items of two lists are the same, in order: the greedy algorithm of Myers ("An O(ND) Difference Algorithm and Its Variations",
// 1986), given up where the lists differ in too many places.

/** So many items are the same, or so many of the first list stand where so many of the second one do. */
export interface Run {
  readonly same: number
  readonly removed: number
  readonly added: number
}

/** Insertions and removals that are looked for: time and memory grow with their square. */
const MAX_EDITS = 1000

/** Items are the same where their keys are. With too many edits all between the equal ends is one run. */
export function alignLists(a: readonly string[], b: readonly string[]): readonly Run[] {
  const least = Math.min(a.length, b.length)
  let head = 0
  while (head < least && a[head] === b[head]) head++
  let tail = 0
  while (tail < least - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail++
  const middle = alignMiddle(a.slice(head, a.length - tail), b.slice(head, b.length - tail))
  return mergeRuns([sameRun(head), ...middle, sameRun(tail)])
}

function sameRun(same: number): Run {
  return { same, removed: 0, added: 0 }
}

function alignMiddle(a: readonly string[], b: readonly string[]): readonly Run[] {
  const whole = [{ same: 0, removed: a.length, added: b.length }]
  if (a.length === 0 || b.length === 0) return whole
  const traces = search(a, b)
  return traces === undefined ? whole : backtrack(a.length, b.length, traces)
}

/** For each number of edits, how far the first list is passed on each diagonal, before it is. */
function search(a: readonly string[], b: readonly string[]): readonly Int32Array[] | undefined {
  const traces: Int32Array[] = []
  let furthest = new Int32Array([0, 0, 0])
  for (let edits = 0; edits <= Math.min(MAX_EDITS, a.length + b.length); edits++) {
    // Diagonals from -edits to edits; one more at each end, so that all have neighbours.
    const next = new Int32Array(2 * edits + 5)
    for (let diagonal = -edits; diagonal <= edits; diagonal += 2) {
      let x = edits === 0 ? 0 : step(furthest, edits, diagonal)
      while (x < a.length && x - diagonal < b.length && a[x] === b[x - diagonal]) x++
      next[diagonal + edits + 2] = x
      if (x >= a.length && x - diagonal >= b.length) return [...traces, furthest]
    }
    traces.push(furthest)
    furthest = next
  }
  return undefined
}

/** The best start on a diagonal: a removal on the one below, or an insertion on the one above. `furthest` is of one edit less. */
function step(furthest: Int32Array, edits: number, diagonal: number): number {
  const offset = edits + 1
  const above = furthest[diagonal + 1 + offset] as number
  const below = furthest[diagonal - 1 + offset] as number
  return isInsertion(edits, diagonal, below, above) ? above : below + 1
}

function isInsertion(edits: number, diagonal: number, below: number, above: number): boolean {
  return diagonal === -edits || (diagonal !== edits && below < above)
}

function backtrack(lengthA: number, lengthB: number, traces: readonly Int32Array[]): readonly Run[] {
  const runs: Run[] = []
  let x = lengthA
  let y = lengthB
  for (let edits = traces.length - 1; edits > 0; edits--) {
    const furthest = traces[edits] as Int32Array
    const diagonal = x - y
    const above = furthest[diagonal + 1 + edits + 1] as number
    const below = furthest[diagonal - 1 + edits + 1] as number
    const isAdded = isInsertion(edits, diagonal, below, above)
    const start = isAdded ? above : below + 1
    runs.push(sameRun(x - start), { same: 0, removed: isAdded ? 0 : 1, added: isAdded ? 1 : 0 })
    x = isAdded ? start : start - 1
    y = isAdded ? start - diagonal - 1 : start - diagonal
  }
  runs.push(sameRun(x))
  return runs.reverse()
}

/** Neighbours of one sort as one. */
function mergeRuns(runs: readonly Run[]): readonly Run[] {
  const merged: Run[] = []
  for (const run of runs) {
    if (run.same + run.removed + run.added === 0) continue
    const last = merged.at(-1)
    if (last === undefined || last.same > 0 !== run.same > 0) merged.push(run)
    else merged[merged.length - 1] = { same: last.same + run.same, removed: last.removed + run.removed, added: last.added + run.added }
  }
  return merged
}
