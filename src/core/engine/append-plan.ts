// Which appends of a commit are stored, and where: in the order they were queued, each against the end that the ones before it
// leave.

import { StorageError } from '../base/errors.js'
import type { AppendOptions, AppendResult } from '../ports/stream-broker.js'
import type { PendingAppend, PlacedAppend } from './append-batch.js'
import type { LogEnd } from './frames.js'

/** An append that was refused. */
export interface Refusal {
  readonly append: PendingAppend
  readonly error: unknown
}

/** An append of what had all been stored before. */
export interface Repeated {
  readonly append: PendingAppend
  readonly result: Omit<AppendResult, 'durability'>
}

export interface CommitPlan {
  readonly placed: readonly PlacedAppend[]
  readonly repeated: readonly Repeated[]
  readonly refused: readonly Refusal[]
}

/** Records to be stored (the others are known already), the answer of an earlier append, or a reason to refuse. */
export type Verdict =
  | { readonly place: Pick<PlacedAppend, 'records' | 'known'> }
  | { readonly repeated: Repeated['result'] }
  | { readonly refused: unknown }

/** Knows what ids and producers said before; asked about each append in turn. */
export interface AppendJudge {
  judge(append: PendingAppend, first: number): Verdict
  /** The append is placed: those behind it are judged by what it says, too. */
  note(placed: PlacedAppend): void
}

export interface PlanOptions {
  readonly at: LogEnd
  /** There where an append speaks by id or producer. */
  readonly judge: AppendJudge | undefined
}

/** `lost` are those that were placed before, and that a failed sync took back: they keep their places. */
export function planCommit(lost: readonly PlacedAppend[], appends: readonly PendingAppend[], options: PlanOptions): CommitPlan {
  const { at, judge } = options
  const plan = { placed: [] as PlacedAppend[], repeated: [] as Repeated[], refused: [] as Refusal[] }
  let { next } = at
  const place = (placed: PlacedAppend): void => {
    plan.placed.push(placed)
    judge?.note(placed)
    next = placed.first + placed.records.length
  }
  for (const placed of lost) place(placed)
  for (const append of appends) {
    const first = append.options.at ?? next
    const verdict = judge === undefined ? { place: { records: append.records } } : judge.judge(append, first)
    if ('repeated' in verdict) plan.repeated.push({ append, result: verdict.repeated })
    else if ('refused' in verdict) plan.refused.push({ append, error: verdict.refused })
    else {
      const error = refusalOf(append.options, next, options)
      if (error !== undefined) plan.refused.push({ append, error })
      else place({ append, first, ...verdict.place })
    }
  }
  return plan
}

/** What a frame's header can say of how far behind it the log is durable, with room for what shares its commit. */
const MAX_GAP = 2 ** 31

function refusalOf({ when, at }: AppendOptions, next: number, { at: end }: PlanOptions): StorageError | undefined {
  if (when !== undefined && when.next !== next) {
    return refusal('conflict', 'the log does not end where the append expected', { expected: when.next, next })
  }
  if (at === undefined) return undefined
  if (at < next) return refusal('conflict', 'the log has gone past the offset that the append wants', { at, next })
  if (at === next) return undefined
  if (Number.isSafeInteger(at) && at - end.durable <= MAX_GAP) return undefined
  return refusal('invalid', 'an append leaves a gap of at most 2^31 offsets', { at, next })
}

function refusal(code: 'conflict' | 'invalid', message: string, facts: Record<string, unknown>): StorageError {
  return new StorageError(code, message, { operation: 'append', facts })
}

/** Judges where the table cannot be read: nothing is stored that may have been stored before. */
export function judgeWithout(error: unknown): AppendJudge {
  return {
    judge: ({ speaks, records }) => (speaks ? { refused: error } : { place: { records } }),
    note() {},
  }
}
