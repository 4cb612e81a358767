// A group port over a journal or any record stream: the state machine with time, records and waiting around it.

import { backoffMs } from '../base/backoff.js'
import type { Clock } from '../base/clock.js'
import { StorageError } from '../base/errors.js'
import { MAX_PENDING, MAX_REASON, RETRY, VISIBILITY_MS } from '../base/group-defaults.js'
import { listenAll, nextWake, POLL_MS } from '../base/latch.js'
import type {
  GroupBounds,
  GroupPort,
  GroupPosition,
  PendingEntry,
  PortDelivery,
  ReceiveOptions,
  SettleAction,
  SettleResult,
  StreamRecord,
} from '../ports/stream-broker.js'
import type { Ahead, GroupChanges } from './group-changes.js'
import type { EntryFields } from './group-delta.js'
import { type FreshRecord, type GroupSource, keysAt } from './group-source.js'
import { firstFrom, type Grant, type GroupState, type Handle, type SettleInput } from './group-state.js'

export interface JournalGroupOptions {
  readonly source: GroupSource
  /** Shared by all the handles of a group. */
  readonly changes: GroupChanges
  readonly clock: Clock
  readonly visibilityMs?: number | undefined
  readonly maxPending?: number | undefined
}

/** What one receive took, with those of its records that are at hand. */
interface Taken {
  readonly grants: readonly Grant[]
  readonly candidates: readonly FreshRecord[]
  /** Others had taken what was read: there may be more. */
  readonly isBehind: boolean
  /** Why no new ones could be read. */
  readonly error: unknown
}

export class JournalGroup implements GroupPort {
  readonly #options: JournalGroupOptions
  readonly #visibilityMs: number
  readonly #maxPending: number

  constructor(options: JournalGroupOptions) {
    this.#options = options
    this.#visibilityMs = options.visibilityMs ?? VISIBILITY_MS
    this.#maxPending = options.maxPending ?? MAX_PENDING
  }

  async receive(consumer: string, options: ReceiveOptions): Promise<readonly PortDelivery[]> {
    const { clock, changes } = this.#options
    const end = clock.now() + (options.waitMs ?? 0)
    for (;;) {
      options.signal?.throwIfAborted()
      const deliveries = await this.#receiveNow(consumer, options.limit)
      const now = clock.now()
      if (deliveries.length > 0 || now >= end) return deliveries
      const expires = changes.nextDeadline ?? Number.POSITIVE_INFINITY
      const waitMs = Math.max(1, Math.min(POLL_MS, end - now, expires - now))
      await nextWake(clock, (wake) => this.listen(wake), waitMs, options.signal)
    }
  }

  listen(wake: () => void): () => void {
    return listenAll([this.#options.source, this.#options.changes], wake)
  }

  async settle(actions: readonly SettleAction[]): Promise<SettleResult> {
    const now = this.#options.clock.now()
    const inputs = actions.map((action) => this.#settleInput(action, now))
    return this.#options.changes.change((state) => state.settle(inputs))
  }

  async release(handles: readonly Handle[]): Promise<void> {
    await this.#options.changes.change((state) => state.release(handles))
  }

  async claim(consumer: string, options: { readonly minIdleMs: number; readonly limit: number }): Promise<readonly PortDelivery[]> {
    const { clock, changes } = this.#options
    const input = { consumer, now: clock.now(), visibilityMs: this.#visibilityMs, ...options }
    return this.#deliver(await changes.change((state) => state.claim(input)), [])
  }

  async pending(options: { readonly after?: number; readonly limit?: number } = {}): Promise<readonly PendingEntry[]> {
    const { after = -1, limit = 100 } = options
    const now = this.#options.clock.now()
    return this.#options.changes.read((state) => firstOf(state.pendingFrom(after + 1), limit).map((entry) => entryOf(entry, now)))
  }

  async commit(next: number): Promise<void> {
    await this.#checkPosition(next, 'commit')
    await this.#options.changes.change((state) => state.commit(next))
  }

  async seek(next: number): Promise<void> {
    await this.#checkPosition(next, 'seek')
    await this.#options.changes.change((state) => state.seek(next))
  }

  async restore({ cursor, pending }: GroupPosition): Promise<void> {
    const { source, changes } = this.#options
    await this.#checkPosition(cursor, 'restore')
    const keys = changes.ordering === 'key' ? await keysAt(source, pending) : undefined
    const rest = { grantedMs: 0, isOut: false }
    const entries = pending.map((entry) => ({ ...entry, ...rest, key: keys?.get(entry.offset), reason: entry.reason }))
    await changes.change((state) => state.restore(cursor, entries))
  }

  async state(): Promise<GroupBounds> {
    const { source, changes } = this.#options
    const { floor, cursor, size, dropped } = await changes.read(boundsOf)
    const { first } = await source.bounds()
    const bounds = { committed: Math.max(floor, first), cursor, pending: size, dropped }
    return changes.rewound === undefined ? bounds : { ...bounds, rewound: changes.rewound }
  }

  async #receiveNow(consumer: string, limit: number): Promise<readonly PortDelivery[]> {
    for (;;) {
      const taken = await this.#take(consumer, limit)
      if (taken.grants.length === 0 && taken.error !== undefined) throw taken.error
      const deliveries = await this.#deliver(taken.grants, taken.candidates)
      const isOver = taken.grants.length === 0 && !taken.isBehind
      if (deliveries.length > 0 || isOver) return deliveries
    }
  }

  #take(consumer: string, limit: number): Promise<Taken> {
    const { clock, changes } = this.#options
    const [visibilityMs, maxPending] = [this.#visibilityMs, this.#maxPending]
    const run = (state: GroupState, { fresh, first, error }: Ahead): Taken => {
      const isBehind = fresh.from !== state.cursor && fresh.candidates.length > 0
      const grants = state.receive({ consumer, now: clock.now(), visibilityMs, limit, maxPending, first, fresh })
      return { grants, candidates: fresh.candidates, isBehind, error }
    }
    return changes.change(run, { limit, maxPending })
  }

  /** What a compaction took will never be there again: nobody need acknowledge it. */
  async #deliver(grants: readonly Grant[], candidates: readonly FreshRecord[]): Promise<readonly PortDelivery[]> {
    const deliveries: PortDelivery[] = []
    const others: Grant[] = []
    for (const grant of grants) {
      const record = recordIn(candidates, grant.offset)
      if (record === undefined) others.push(grant)
      else deliveries.push(deliveryOf(grant, record))
    }
    return others.length === 0 ? deliveries : this.#readRest(grants, deliveries, others)
  }

  /** Those that are not at hand: of earlier attempts. They come first. */
  async #readRest(grants: readonly Grant[], atHand: readonly PortDelivery[], others: readonly Grant[]): Promise<readonly PortDelivery[]> {
    try {
      const records = await this.#read(others.map(({ offset }) => offset))
      const gone = others.filter(({ offset }) => !records.has(offset)).map(({ offset }) => offset)
      if (gone.length > 0) await this.#options.changes.change((state) => state.forget(gone))
      const again = others.flatMap((grant) => {
        const record = records.get(grant.offset)
        return record === undefined ? [] : [deliveryOf(grant, record)]
      })
      return [...again, ...atHand]
    } catch (error) {
      await this.release(grants).catch(() => {}) // else they are free again when their visibility ends
      throw error
    }
  }

  /** Neighbouring offsets in one go. */
  async #read(offsets: readonly number[]): Promise<Map<number, StreamRecord>> {
    const records = new Map<number, StreamRecord>()
    for (const run of runsOf(offsets)) await this.#readRun(run, records)
    return records
  }

  async #readRun({ from, to }: OffsetRun, records: Map<number, StreamRecord>): Promise<void> {
    for (let at = from; at < to; ) {
      const read = await this.#options.source.read({ from: at, limit: to - at })
      const last = read[read.length - 1]
      if (last === undefined) return
      for (const record of read) records.set(record.offset, record)
      at = last.offset + 1
    }
  }

  #settleInput(action: SettleAction, now: number): SettleInput {
    if (action.action === 'ack') return action as SettleInput
    const { offset, attempt, reason } = action
    const retryMs = action.action === 'nack' ? backoffMs(this.#options.clock, attempt - 1, RETRY) : this.#visibilityMs
    const grantedMs = action.delayMs ?? retryMs
    return { offset, attempt, action: action.action, deadline: now + grantedMs, grantedMs, reason: reason?.slice(0, MAX_REASON) }
  }

  async #checkPosition(next: number, operation: string): Promise<void> {
    const bounds = await this.#options.source.bounds()
    this.#options.changes.noteEpoch(bounds.epoch)
    if (Number.isInteger(next) && next >= 0 && next <= bounds.next) return
    throw new StorageError('invalid', 'a group cannot stand outside the log', { operation, facts: { next, maximum: bounds.next } })
  }
}

interface OffsetRun {
  readonly from: number
  readonly to: number
}

function runsOf(offsets: readonly number[]): OffsetRun[] {
  const runs: { from: number; to: number }[] = []
  for (const offset of [...offsets].sort((a, b) => a - b)) {
    const last = runs[runs.length - 1]
    if (last?.to === offset) last.to++
    else runs.push({ from: offset, to: offset + 1 })
  }
  return runs
}

function recordIn(candidates: readonly FreshRecord[], offset: number): StreamRecord | undefined {
  const candidate = candidates[firstFrom(candidates, offset)]
  return candidate?.offset === offset ? candidate.record : undefined
}

function deliveryOf({ attempt, deadline, reason }: Grant, record: StreamRecord): PortDelivery {
  return reason === undefined ? { record, attempt, deadline } : { record, attempt, deadline, reason }
}

function entryOf({ offset, attempt, consumer, deadline, grantedMs, reason }: EntryFields, now: number): PendingEntry {
  const idleMs = attempt === 0 ? 0 : Math.max(0, now - (deadline - grantedMs))
  const entry = { offset, attempt, consumer, deadline, idleMs }
  return reason === undefined ? entry : { ...entry, reason }
}

function boundsOf({ floor, cursor, size, dropped }: GroupState): Pick<GroupState, 'floor' | 'cursor' | 'size' | 'dropped'> {
  return { floor, cursor, size, dropped }
}

function firstOf<T>(items: Iterable<T>, limit: number): T[] {
  const first: T[] = []
  for (const item of items) {
    if (first.length >= limit) break
    first.push(item)
  }
  return first
}
