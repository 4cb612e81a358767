// A group port over a journal: the state machine, kept in one cell. Changes that come while one is being stored are
// stored together by the next.

import { backoffMs } from '../base/backoff.js'
import type { Clock } from '../base/clock.js'
import { StorageError } from '../base/errors.js'
import { nextWake } from '../base/latch.js'
import type {
  GroupBounds,
  GroupPort,
  GroupPortOptions,
  PendingEntry,
  PortDelivery,
  ReceiveOptions,
  SettleAction,
  SettleResult,
  StreamRecord,
} from '../ports/stream-broker.js'
import type { Cell } from './cell.js'
import * as machine from './group-state.js'
import type { GroupState, Handle, PendingDelivery, SettleInput, Transition } from './group-state.js'
import type { Journal } from './journal.js'

const DEFAULT_VISIBILITY_MS = 30_000
const RETRY = { firstMs: 1_000, maxMs: 300_000 }
const POLL_MS = 1_000

export interface JournalGroupOptions extends GroupPortOptions {
  readonly journal: Journal
  readonly cell: Cell<GroupState>
  readonly clock: Clock
  readonly beforeWrite: () => Promise<void>
}

interface WaitingChange {
  readonly apply: (state: GroupState) => GroupState | undefined
  resolve(): void
  reject(error: unknown): void
}

export class JournalGroup implements GroupPort {
  readonly #options: JournalGroupOptions
  readonly #visibilityMs: number
  #prepared: Promise<void> | undefined
  #rewound: GroupBounds['rewound']
  /** Of the log when its bounds were last read: goes with every cursor that is stored. */
  #epoch = 0
  #waiting: WaitingChange[] = []
  #storing: Promise<void> | undefined

  constructor(options: JournalGroupOptions) {
    this.#options = options
    this.#visibilityMs = options.visibilityMs ?? DEFAULT_VISIBILITY_MS
  }

  /** Makes a new group begin where its options say; changes nothing when it exists. */
  async create(): Promise<void> {
    const { cell, journal, beforeWrite } = this.#options
    if ((await cell.read()).version !== undefined) return
    await beforeWrite()
    this.#epoch = (await journal.bounds()).epoch
    await cell.update((stored) => (stored === undefined ? this.#initial() : undefined))
  }

  async receive(consumer: string, options: ReceiveOptions): Promise<readonly PortDelivery[]> {
    const { clock, journal } = this.#options
    const end = clock.now() + (options.waitMs ?? 0)
    for (;;) {
      options.signal?.throwIfAborted()
      const deliveries = await this.#receiveNow(consumer, options.limit)
      const now = clock.now()
      if (deliveries.length > 0 || now >= end) return deliveries
      const expires = machine.nextDeadline(await this.#read()) ?? Number.POSITIVE_INFINITY
      const waitMs = Math.max(1, Math.min(POLL_MS, end - now, expires - now))
      await nextWake(clock, (wake) => journal.listen(wake), waitMs, options.signal)
    }
  }

  async settle(actions: readonly SettleAction[]): Promise<SettleResult> {
    const now = this.#options.clock.now()
    const inputs = actions.map((action) => this.#settleInput(action, now))
    return this.#change((state) => machine.settle(state, inputs))
  }

  async release(handles: readonly Handle[]): Promise<void> {
    await this.#change((state) => machine.release(state, handles))
  }

  async claim(consumer: string, options: { readonly minIdleMs: number; readonly limit: number }): Promise<readonly PortDelivery[]> {
    const now = this.#options.clock.now()
    const input = { consumer, now, visibilityMs: this.#visibilityMs, ...options }
    return this.#withRecords(await this.#change((state) => machine.claim(state, input)))
  }

  async pending(options: { readonly after?: number; readonly limit?: number } = {}): Promise<readonly PendingEntry[]> {
    const { after = -1, limit = 100 } = options
    const { pending } = await this.#read()
    return pending.filter((entry) => entry.offset > after).slice(0, limit)
  }

  async commit(next: number): Promise<void> {
    await this.#checkPosition(next, 'commit')
    await this.#change((state) => machine.commit(state, next))
  }

  async seek(next: number): Promise<void> {
    await this.#checkPosition(next, 'seek')
    await this.#change((state) => machine.seek(state, next))
  }

  async state(): Promise<GroupBounds> {
    const state = await this.#read()
    const { first } = await this.#options.journal.bounds()
    const bounds = { committed: Math.max(machine.floorOf(state), first), cursor: state.cursor, pending: state.pending.length }
    return this.#rewound === undefined ? bounds : { ...bounds, rewound: this.#rewound }
  }

  async #receiveNow(consumer: string, limit: number): Promise<readonly PortDelivery[]> {
    const { clock, journal } = this.#options
    const { first, next, epoch } = await journal.bounds()
    this.#epoch = epoch
    const input = { consumer, now: clock.now(), visibilityMs: this.#visibilityMs, limit, first, next }
    const taken = await this.#change((state) => machine.receive(state, input))
    try {
      const deliveries = await this.#withRecords(taken)
      if (deliveries.length === taken.length) return deliveries
      await this.#forget(taken, deliveries)
      return deliveries.length > 0 ? deliveries : await this.#receiveNow(consumer, limit)
    } catch (error) {
      await this.release(taken).catch(() => {}) // else they are free again when their visibility ends
      throw error
    }
  }

  /** What a compaction took will never be there again: nobody need acknowledge it, and the whole gap is passed at once. */
  async #forget(taken: readonly PendingDelivery[], found: readonly PortDelivery[]): Promise<void> {
    const { journal } = this.#options
    const held = new Set(found.map(({ record }) => record.offset))
    const gone = new Set(taken.map(({ offset }) => offset).filter((offset) => !held.has(offset)))
    const from = Math.max(...taken.map(({ offset }) => offset)) + 1
    const [next] = await journal.read({ from, limit: 1 })
    const to = next?.offset ?? (await journal.bounds()).next
    await this.#change((state) => machine.forget(state, gone, from, to))
  }

  /** Reads neighbouring offsets in one go. */
  async #withRecords(taken: readonly PendingDelivery[]): Promise<readonly PortDelivery[]> {
    const deliveries: PortDelivery[] = []
    for (const run of runsOf(taken)) {
      const records = await this.#readRun(run)
      for (const { offset, attempt, deadline } of run) {
        const record = records.get(offset)
        if (record !== undefined) deliveries.push({ record, attempt, deadline })
      }
    }
    return deliveries
  }

  async #readRun(run: readonly PendingDelivery[]): Promise<Map<number, StreamRecord>> {
    const records = new Map<number, StreamRecord>()
    const end = (run[run.length - 1] as PendingDelivery).offset + 1
    let from = (run[0] as PendingDelivery).offset
    while (from < end) {
      const read = await this.#options.journal.read({ from, limit: end - from })
      if (read.length === 0) break
      for (const record of read) records.set(record.offset, record)
      from = (read[read.length - 1] as StreamRecord).offset + 1
    }
    return records
  }

  #settleInput(action: SettleAction, now: number): SettleInput {
    const { offset, attempt } = action
    if (action.action === 'ack') return { offset, attempt, action: 'ack' }
    const retryMs = action.action === 'nack' ? backoffMs(this.#options.clock, attempt - 1, RETRY) : this.#visibilityMs
    const grantedMs = action.delayMs ?? retryMs
    return { offset, attempt, action: action.action, deadline: now + grantedMs, grantedMs }
  }

  async #checkPosition(next: number, operation: string): Promise<void> {
    const bounds = await this.#options.journal.bounds()
    this.#epoch = bounds.epoch
    if (Number.isInteger(next) && next >= 0 && next <= bounds.next) return
    throw new StorageError('invalid', 'a group cannot stand outside the log', { operation, facts: { next, maximum: bounds.next } })
  }

  // The cell

  async #read(): Promise<GroupState> {
    await this.#prepare()
    return (await this.#options.cell.read()).value ?? this.#initial()
  }

  #initial(): GroupState {
    return { epoch: this.#epoch, cursor: this.#options.from ?? 0, pending: [] }
  }

  /** Applies a transition to the stored state and stores what it makes, together with others that wait. */
  async #change<R>(transition: (state: GroupState) => Transition<R>): Promise<R> {
    await this.#options.beforeWrite()
    await this.#prepare()
    let result: R | undefined
    await new Promise<void>((resolve, reject) => {
      const apply = (state: GroupState): GroupState | undefined => {
        const outcome = transition(state)
        result = outcome.result
        return outcome.state
      }
      this.#waiting.push({ apply, resolve, reject })
      this.#storing ??= this.#store()
    })
    return result as R
  }

  async #store(): Promise<void> {
    while (this.#waiting.length > 0) {
      const changes = this.#waiting
      this.#waiting = []
      try {
        await this.#options.cell.update((stored) => applyAll(changes, stored ?? this.#initial(), this.#epoch))
        for (const change of changes) change.resolve()
      } catch (error) {
        for (const change of changes) change.reject(error)
      }
    }
    this.#storing = undefined
  }

  #prepare(): Promise<void> {
    this.#prepared ??= this.#checkEpoch().catch((error) => {
      this.#prepared = undefined
      throw error
    })
    return this.#prepared
  }

  /** A position past records that a recovery dropped goes back, and says so. */
  async #checkEpoch(): Promise<void> {
    const { cell, journal } = this.#options
    const state = (await cell.read()).value
    if (state === undefined) return
    const limit = await journal.rewindTo(state.cursor, state.epoch)
    if (limit >= state.cursor) return
    const { epoch } = await journal.bounds()
    await this.#options.beforeWrite()
    await cell.update((stored) => machine.rewind(stored ?? this.#initial(), limit, epoch).state)
    this.#rewound = { from: state.cursor, to: limit }
  }
}

function applyAll(changes: readonly WaitingChange[], stored: GroupState, epoch: number): GroupState | undefined {
  let state = stored
  let isChanged = false
  for (const change of changes) {
    const next = change.apply(state)
    if (next === undefined) continue
    state = next
    isChanged = true
  }
  return isChanged ? { ...state, epoch: Math.max(state.epoch, epoch) } : undefined
}

function runsOf(taken: readonly PendingDelivery[]): PendingDelivery[][] {
  const runs: PendingDelivery[][] = []
  for (const delivery of [...taken].sort((a, b) => a.offset - b.offset)) {
    const run = runs[runs.length - 1]
    const last = run?.[run.length - 1]
    if (run !== undefined && last !== undefined && delivery.offset === last.offset + 1) run.push(delivery)
    else runs.push([delivery])
  }
  return runs
}
