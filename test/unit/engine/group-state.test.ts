import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { EntryFields, GroupDelta } from '../../../dist/core/engine/group-delta.js'
import { type Candidate, GroupState, type SettleInput } from '../../../dist/core/engine/group-state.js'
import { NaiveGroup } from './naive-group.js'

const RECORDS = 40
const EPOCH = 3

/** One thing that consumers, time or a crash may do. */
type Step =
  | { readonly type: 'receive'; readonly limit: number; readonly maxPending: number; readonly ahead: number; readonly visibilityMs: number }
  | { readonly type: 'settle'; readonly actions: readonly { offset: number; back: number; action: number; ms: number }[] }
  | { readonly type: 'release'; readonly offsets: readonly number[]; readonly back: number }
  | { readonly type: 'claim'; readonly minIdleMs: number; readonly limit: number }
  | { readonly type: 'commit' | 'seek' | 'rewind' | 'trim'; readonly to: number }
  | { readonly type: 'forget'; readonly offsets: readonly number[] }
  | { readonly type: 'time'; readonly ms: number }
  | { readonly type: 'store' | 'crash' }

const offset = fc.nat(RECORDS - 1)
const ms = fc.nat(30)

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      type: fc.constant('receive' as const),
      limit: fc.integer({ min: 1, max: 8 }),
      maxPending: fc.integer({ min: 1, max: 20 }),
      ahead: fc.integer({ min: 0, max: 12 }),
      visibilityMs: ms,
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constant('settle' as const),
      actions: fc.array(fc.record({ offset, back: fc.nat(1), action: fc.nat(3), ms }), { maxLength: 6 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant('release' as const), offsets: fc.array(offset, { maxLength: 4 }), back: fc.nat(1) }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('claim' as const), minIdleMs: ms, limit: fc.integer({ min: 1, max: 6 }) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constantFrom('commit', 'seek', 'rewind', 'trim'), to: offset }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('forget' as const), offsets: fc.array(offset, { maxLength: 3 }) }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('time' as const), ms: fc.integer({ min: -10, max: 40 }) }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constantFrom('store', 'crash') }) },
)

/** Gaps, keys that come again, records that are due later. */
const log: fc.Arbitrary<readonly Candidate[]> = fc
  .array(
    fc.record({
      isThere: fc.integer({ min: 0, max: 9 }),
      key: fc.option(fc.nat(3), { nil: undefined }),
      due: fc.oneof(fc.constant(0), ms),
    }),
    {
      minLength: RECORDS,
      maxLength: RECORDS,
    },
  )
  .map((records) => records.flatMap(({ isThere, key, due }, at) => (isThere === 0 ? [] : [{ offset: at, key, due }])))

/** The state machine and the naive one, and what the first has stored. */
class Both {
  readonly naive = new NaiveGroup()
  readonly log: readonly Candidate[]
  state = new GroupState()
  stored: GroupDelta[] = []
  /** As it was when that was stored. */
  kept = structuredClone({ ...this.naive })
  now = 100
  first = 0

  constructor(records: readonly Candidate[]) {
    this.log = records
  }

  run(next: Step): void {
    if (next.type === 'time') this.now = Math.max(0, this.now + next.ms)
    else if (next.type === 'store') this.#store()
    else if (next.type === 'crash') this.#crash()
    else if (next.type === 'trim') this.first = Math.max(this.first, next.to)
    else expect(this.#done(this.state, next)).toEqual(this.#done(this.naive, next))
    expect(viewOf(this.state)).toEqual(viewOfNaive(this.naive))
  }

  #done(group: GroupState | NaiveGroup, next: Step): unknown {
    const { now } = this
    const consumer = 'c'
    if (next.type === 'receive') return this.#receive(group, next)
    if (next.type === 'settle') return group.settle(next.actions.map((action) => this.#settleInput(action)))
    if (next.type === 'release') {
      return group.release(next.offsets.map((at) => ({ offset: at, attempt: this.#attempt(at) - next.back })))
    }
    if (next.type === 'claim') return group.claim({ consumer: 'd', now, visibilityMs: 7, minIdleMs: next.minIdleMs, limit: next.limit })
    if (next.type === 'commit') return group.commit(next.to)
    if (next.type === 'seek') return group.seek(next.to)
    if (next.type === 'rewind') return group.rewind(next.to, EPOCH)
    if (next.type === 'forget') return group.forget(next.offsets)
    throw new Error(`${next.type} of ${consumer}`)
  }

  /** The machine is shown what lies ahead, as far as `ahead`; the naive one sees no further. */
  #receive(group: GroupState | NaiveGroup, { limit, maxPending, ahead, visibilityMs }: Step & { type: 'receive' }): unknown {
    const { now, first } = this
    const lease = { consumer: 'c', now, visibilityMs, limit, maxPending, first }
    const from = Math.max(group.cursor, first)
    const candidates = this.log.filter((record) => record.offset >= from).slice(0, ahead)
    const to = (candidates[candidates.length - 1]?.offset ?? from - 1) + 1
    if (group instanceof NaiveGroup) return group.receive({ ...lease, log: candidates })
    return group.receive({ ...lease, fresh: { candidates, from, to } })
  }

  #settleInput({ offset: at, back, action, ms: delay }: (Step & { type: 'settle' })['actions'][number]): SettleInput {
    const handle = { offset: at, attempt: this.#attempt(at) - back }
    if (action < 2) return { ...handle, action: 'ack' }
    const hidden = { ...handle, deadline: this.now + delay, grantedMs: delay }
    return action === 2 ? { ...hidden, action: 'nack', reason: `${delay}` } : { ...hidden, action: 'extend' }
  }

  #attempt(at: number): number {
    return this.naive.entries.find((entry) => entry.offset === at)?.attempt ?? 1
  }

  /** Sometimes as a change, sometimes whole, through text as it is stored. */
  #store(): void {
    const delta = this.state.takeDelta()
    if (delta !== undefined) this.stored.push(JSON.parse(JSON.stringify(delta)))
    if (this.stored.length > 4) this.stored = [JSON.parse(JSON.stringify(this.state.snapshot()))]
    this.kept = structuredClone({ ...this.naive })
  }

  /** What was not stored never happened. */
  #crash(): void {
    this.state = new GroupState()
    for (const delta of this.stored) this.state.apply(delta)
    Object.assign(this.naive, structuredClone(this.kept))
    this.naive.crash()
  }
}

function viewOf(state: GroupState): unknown {
  const { cursor, floor, size, dropped } = state
  return { cursor, floor, size, dropped, entries: [...state.pendingFrom(0)].map(fieldsOf) }
}

function viewOfNaive({ cursor, floor, dropped, entries }: NaiveGroup): unknown {
  return { cursor, floor, size: entries.length, dropped, entries: entries.map(fieldsOf) }
}

function fieldsOf({ offset: at, key, attempt, consumer, deadline, grantedMs, isOut, reason }: EntryFields): unknown {
  return { at, key, attempt, consumer, deadline, grantedMs, isOut, reason }
}

test('the state machine does what the naive one does, whatever comes in between, crashes included', () => {
  const property = fc.property(log, fc.array(step, { maxLength: 60, size: 'max' }), (records, steps) => {
    const both = new Both(records)
    for (const next of steps) both.run(next)
  })
  fc.assert(property, { numRuns: 5_000 })
})

test('a state is rebuilt from its snapshot, and from its changes one by one', () => {
  const state = new GroupState()
  const folded = new GroupState()
  for (let turn = 0; turn < 50; turn++) {
    const from = state.cursor
    const candidates = Array.from({ length: 20 }, (_, index) => ({ offset: from + index, key: (from + index) % 7, due: 0 }))
    const lease = { consumer: `c${turn % 3}`, now: turn, visibilityMs: 5, limit: 9, maxPending: 60, first: 0 }
    const grants = state.receive({ ...lease, fresh: { candidates, from, to: from + 20 } })
    state.settle(grants.filter(({ offset: at }) => at % 3 > 0).map(({ offset: at, attempt }) => ({ offset: at, attempt, action: 'ack' })))
    const delta = state.takeDelta()
    if (delta !== undefined) folded.apply(JSON.parse(JSON.stringify(delta)))
    expect(viewOf(folded)).toEqual(viewOf(state))
    expect(viewOf(GroupState.of(state.snapshot()))).toEqual(viewOf(state))
  }
  expect(state.cursor).toBeGreaterThan(60)
})

test('neighbours that went the same way are one run', () => {
  const state = new GroupState()
  const candidates = Array.from({ length: 100 }, (_, at) => ({ offset: at, key: undefined, due: 0 }))
  const lease = { consumer: 'c', now: 1, visibilityMs: 5, limit: 100, maxPending: 1_000, first: 0 }
  const grants = state.receive({ ...lease, fresh: { candidates, from: 0, to: 100 } })
  expect(state.takeDelta()).toEqual({ epoch: 0, cursor: 100, set: [[0, 100, 1, 'c', 6, 5, 1]] })
  state.settle(grants.map(({ offset: at, attempt }) => ({ offset: at, attempt, action: 'ack' })))
  expect(state.takeDelta()).toEqual({ epoch: 0, cursor: 100, gone: [0, 100] })
  expect(state.takeDelta()).toBeUndefined()
})
