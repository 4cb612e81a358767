// What is stored of a task: the offsets it has consumed, a bucket each, and the batches that ranks of a replica share until
// all of them have taken them. Pure: a state and what happened give the next state.

import { StorageError } from '../../base/errors.js'
import { addRanges, cutAt, hasOffset, type OffsetRanges, removeOffsets } from './offset-ranges.js'
import type { RankShare, RecordPlace } from './marks-types.js'

const FORMAT = 1
/** So far the first rank of a replica gets ahead of the last, in batches and in what they take to store. */
const MAX_AHEAD = 100
const MAX_KEPT_RUNS = 10_000

/** Places one behind the other in a bucket. */
type Run = readonly [bucket: number, from: number, to: number]

export interface SharedBatches {
  /** Of the next batch that is chosen. */
  readonly next: number
  /** Of the next batch that each rank takes. */
  readonly ranks: readonly number[]
  /** Those that some rank has not taken, the oldest first; the last one is that before `next`. */
  readonly kept: readonly (readonly Run[])[]
}

export interface MarkState {
  readonly format: number
  /** Counts resets: a batch that was chosen before one is chosen again. */
  readonly resets: number
  /** Counts batches: each begins at another bucket. */
  readonly turn: number
  /** One a bucket. */
  readonly consumed: readonly OffsetRanges[]
  /** Pairs, because a replica may have any name. */
  readonly shares: readonly (readonly [replica: string, batches: SharedBatches])[]
}

/** The state to begin with; `unsupported` for one of a newer format. */
export function openState(stored: MarkState | undefined, buckets: number): MarkState {
  if (stored === undefined) return { format: FORMAT, resets: 0, turn: 0, consumed: Array.from({ length: buckets }, () => []), shares: [] }
  if (stored.format <= FORMAT) return stored
  throw new StorageError('unsupported', 'marks that were stored by a newer version of Varve', {
    facts: { format: stored.format, newestKnown: FORMAT },
  })
}

/** All before the offset of each bucket is consumed, nothing else. */
export function resetState(state: MarkState, offsets: readonly number[]): MarkState {
  const consumed = offsets.map((offset): OffsetRanges => (offset === 0 ? [] : [[0, offset]]))
  return { ...state, resets: state.resets + 1, consumed, shares: [] }
}

/** `added` has the ranges of each bucket. */
export function consume(state: MarkState, added: readonly OffsetRanges[]): MarkState {
  const consumed = state.consumed.map((ranges, bucket) => addRanges(ranges, added[bucket] as OffsetRanges))
  return { ...state, turn: state.turn + 1, consumed }
}

export function giveBack(state: MarkState, places: readonly RecordPlace[]): MarkState {
  const consumed = state.consumed.map((ranges, bucket) =>
    removeOffsets(
      ranges,
      places.filter((place) => place.bucket === bucket).map(({ offset }) => offset),
    ),
  )
  return { ...state, consumed }
}

/** undefined when nothing was consumed past the ends: a recovery may have dropped a tail, and its offsets are written anew. */
export function cutToEnds(state: MarkState, ends: readonly number[]): MarkState | undefined {
  const isPast = state.consumed.some((ranges, bucket) => (ranges.at(-1)?.[1] ?? 0) > (ends[bucket] as number))
  return isPast ? { ...state, consumed: state.consumed.map((ranges, bucket) => cutAt(ranges, ends[bucket] as number)) } : undefined
}

export function isAnyConsumed(state: MarkState, places: readonly RecordPlace[]): boolean {
  return places.some(({ bucket, offset }) => hasOffset(state.consumed[bucket] as OffsetRanges, offset))
}

/** False when marks were reset since, or the rank or another one of its replica took or chose a batch. */
export function isSameTurn(before: MarkState, now: MarkState, share: RankShare | undefined): boolean {
  if (before.resets !== now.resets) return false
  return (
    share === undefined || (nextIndex(before, share) === nextIndex(now, share) && shareOf(before, share).next === shareOf(now, share).next)
  )
}

/** Index of the batch that the rank takes next. `invalid` when its replica was begun with another number of ranks. */
export function nextIndex(state: MarkState, share: RankShare): number {
  return shareOf(state, share).ranks[share.rank] as number
}

/** The batch that another rank has chosen before; undefined when this one is to choose. */
export function keptBatch(state: MarkState, share: RankShare): readonly RecordPlace[] | undefined {
  const { next, kept } = shareOf(state, share)
  const runs = kept[nextIndex(state, share) - (next - kept.length)]
  return runs === undefined ? undefined : placesOf(runs)
}

/** True where the rank has to wait for the others before it may choose a batch. */
export function isTooFarAhead(state: MarkState, share: RankShare): boolean {
  const { kept } = shareOf(state, share)
  return kept.length >= MAX_AHEAD || kept.reduce((sum, runs) => sum + runs.length, 0) >= MAX_KEPT_RUNS
}

/** The rank has taken its next batch; `chosen` where it has chosen it just now. */
export function advance(state: MarkState, share: RankShare, chosen?: readonly RecordPlace[]): MarkState {
  const before = shareOf(state, share)
  const ranks = before.ranks.map((index, rank) => (rank === share.rank ? index + 1 : index))
  const next = chosen === undefined ? before.next : before.next + 1
  const kept = chosen === undefined ? before.kept : [...before.kept, runsOf(chosen)]
  const left = next - Math.min(...ranks)
  const batches: SharedBatches = { next, ranks, kept: left === 0 ? [] : kept.slice(-left) }
  return { ...state, shares: [...state.shares.filter(([replica]) => replica !== share.replica), [share.replica, batches]] }
}

function shareOf(state: MarkState, { replica, worldSize }: RankShare): SharedBatches {
  const stored = state.shares.find(([name]) => name === replica)?.[1]
  if (stored === undefined) return { next: 0, ranks: new Array(worldSize).fill(0), kept: [] }
  if (stored.ranks.length === worldSize) return stored
  throw new StorageError('invalid', 'the replica was begun with another number of ranks; reset the marks to change it', {
    operation: 'take',
    facts: { replica, stored: stored.ranks.length, asked: worldSize },
  })
}

function runsOf(places: readonly RecordPlace[]): readonly Run[] {
  const runs: [bucket: number, from: number, to: number][] = []
  for (const { bucket, offset } of places) {
    const last = runs.at(-1)
    if (last?.[0] === bucket && last[2] === offset) last[2] = offset + 1
    else runs.push([bucket, offset, offset + 1])
  }
  return runs
}

function placesOf(runs: readonly Run[]): readonly RecordPlace[] {
  return runs.flatMap(([bucket, from, to]) => Array.from({ length: to - from }, (_, index) => ({ bucket, offset: from + index })))
}
