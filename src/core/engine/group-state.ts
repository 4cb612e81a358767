// A consumer group on one bucket, as a state machine: what was delivered and not yet acknowledged, and where new deliveries
// begin. Everything below the smaller of both is acknowledged. It knows no storage and no time of its own; what changes
// can be taken out as plain data, and put into another that had the same state.

import { type EntryFields, entriesOf, type GroupDelta, offsetRuns, runsOf } from './group-delta.js'
import { PendingEntry, PendingIndex } from './group-pending.js'

export interface Handle {
  readonly offset: number
  readonly attempt: number
}

/** A record that was never delivered, as far as a group must know it. */
export interface Candidate {
  readonly offset: number
  /** Hash of its key; undefined where it has none, or the order of keys does not count. */
  readonly key: number | undefined
  /** Not delivered before, ms; 0 where it may be at once. */
  readonly due: number
}

/** All the records from `from` to `to` that are there. */
export interface Fresh<C extends Candidate = Candidate> {
  readonly candidates: readonly C[]
  readonly from: number
  readonly to: number
}

interface Lease {
  readonly consumer: string
  readonly now: number
  readonly visibilityMs: number
}

export interface ReceiveInput extends Lease {
  readonly limit: number
  /** So many may be unacknowledged before no new ones are delivered. */
  readonly maxPending: number
  /** First offset still held; what lies below was trimmed and is dropped. */
  readonly first: number
  readonly fresh: Fresh
}

/** An attempt at a record. */
export interface Grant extends Handle {
  readonly deadline: number
  readonly reason: string | undefined
}

export type SettleInput =
  | (Handle & { readonly action: 'ack' })
  | (Handle & {
      readonly action: 'nack' | 'extend'
      readonly deadline: number
      readonly grantedMs: number
      readonly reason?: string | undefined
    })

export class GroupState {
  #epoch: number
  #cursor: number
  #dropped = 0
  #pending = new PendingIndex()
  /** The latest time met; no time at all after it was read from storage, so that the deadlines there are cut. */
  #now = Number.POSITIVE_INFINITY
  // What changed since `takeDelta`.
  #touched: PendingEntry[] = []
  #gone: number[] = []
  #isReset = false
  #isChanged = false

  constructor(begin: Pick<GroupDelta, 'epoch' | 'cursor'> = { epoch: 0, cursor: 0 }) {
    this.#epoch = begin.epoch
    this.#cursor = begin.cursor
  }

  static of(snapshot: GroupDelta): GroupState {
    const state = new GroupState()
    state.apply(snapshot)
    return state
  }

  /** Of the log, when the cursor was last moved. */
  get epoch(): number {
    return this.#epoch
  }

  /** The next offset to be delivered for the first time. */
  get cursor(): number {
    return this.#cursor
  }

  /** Everything below is acknowledged. */
  get floor(): number {
    return Math.min(this.#pending.first?.offset ?? this.#cursor, this.#cursor)
  }

  /** How many are pending. */
  get size(): number {
    return this.#pending.size
  }

  /** How many were trimmed before they were acknowledged. */
  get dropped(): number {
    return this.#dropped
  }

  get isChanged(): boolean {
    return this.#isChanged
  }

  /** How many were delivered before and may be again. */
  freeAt(now: number): number {
    this.#tick(now)
    return this.#pending.free
  }

  /** While one of this key is pending no other is delivered for the first time. */
  hasKey(key: number): boolean {
    return this.#pending.hasKey(key)
  }

  /** When anything of what is pending may be delivered next, or undefined. */
  get nextDeadline(): number | undefined {
    return this.#pending.free > 0 ? 0 : this.#pending.firstTimed?.deadline
  }

  /** Ascending, from this offset on. */
  pendingFrom(offset: number): Iterable<EntryFields> {
    return this.#pending.from(offset)
  }

  /** Expired deliveries first, in offset order, then new records. Each becomes one attempt more. */
  receive(input: ReceiveInput): Grant[] {
    this.#dropBelow(input.first)
    this.#tick(input.now)
    const grants: Grant[] = []
    for (let entry = this.#pending.firstFree; entry !== undefined && grants.length < input.limit; entry = this.#pending.firstFree) {
      grants.push(this.#grant(entry, input))
    }
    this.#goOn(input, grants)
    return grants
  }

  /** ack takes any attempt; nack and extend only the current one, extend while it is out. Anything else is counted as ignored. */
  settle(inputs: readonly SettleInput[]): { settled: number; ignored: number } {
    let settled = 0
    for (const input of inputs) {
      const entry = this.#pending.get(input.offset)
      if (entry === undefined) continue
      if (input.action === 'ack') this.#remove(entry)
      else if (entry.attempt !== input.attempt || entry.attempt === 0) continue
      else if (input.action === 'extend' && !entry.isOut) continue
      else this.#hide(entry, input)
      settled++
    }
    return { settled, ignored: inputs.length - settled }
  }

  /** Gives deliveries back that nobody looked at: free at once, the attempt not counted. */
  release(handles: readonly Handle[]): void {
    for (const { offset, attempt } of handles) {
      const entry = this.#pending.get(offset)
      if (entry === undefined || entry.attempt !== attempt || !entry.isOut) continue
      entry.attempt--
      this.#rest(entry, { deadline: 0, grantedMs: 0, isOut: false })
    }
  }

  /** Takes over deliveries that somebody has had for at least `minIdleMs`: the longest first. */
  claim(input: Lease & { readonly minIdleMs: number; readonly limit: number }): Grant[] {
    this.#tick(input.now)
    const entries: PendingEntry[] = []
    const since = input.now - input.minIdleMs
    while (entries.length < input.limit) {
      const entry = this.#pending.longestOut
      if (entry === undefined || entry.deadline - entry.grantedMs > since) break
      this.#rest(entry, { ...entry, isOut: false })
      entries.push(entry)
    }
    return entries.sort((a, b) => a.offset - b.offset).map((entry) => this.#grant(entry, input))
  }

  /** These offsets hold no record any more. */
  forget(offsets: Iterable<number>): void {
    for (const offset of offsets) {
      const entry = this.#pending.get(offset)
      if (entry !== undefined) this.#remove(entry)
    }
  }

  /** Acknowledges everything below `next`. */
  commit(next: number): void {
    this.#removeBelow(next)
    this.#moveCursor(Math.max(this.#cursor, next))
  }

  /** Begins again at `next`, forward or back; what was pending is forgotten. */
  seek(next: number): void {
    this.#begin([])
    this.#moveCursor(next)
  }

  /** As if it had always been so: `entries` ascending, all below the cursor. */
  restore(cursor: number, entries: readonly EntryFields[]): void {
    this.#begin(entries)
    this.#moveCursor(cursor)
  }

  /** After a recovery dropped records: nothing may point past `limit`. */
  rewind(limit: number, epoch: number): void {
    this.#begin([...this.#pending.from(0)].filter(({ offset }) => offset < limit))
    this.#moveCursor(Math.min(this.#cursor, limit))
    this.#epoch = epoch
  }

  /** Of the log when its bounds were last read: goes with every change that is stored. */
  noteEpoch(epoch: number): void {
    this.#epoch = Math.max(this.#epoch, epoch)
  }

  /** What changed since the last call; undefined: nothing. */
  takeDelta(): GroupDelta | undefined {
    if (!this.#isChanged) return undefined
    const delta = this.#isReset ? this.snapshot() : this.#changes()
    for (const entry of this.#touched) entry.isTouched = false
    this.#touched = []
    this.#gone = []
    this.#isReset = false
    this.#isChanged = false
    return delta
  }

  /** All of it. */
  snapshot(): GroupDelta {
    return { reset: true, ...this.#position(), ...setOf(runsOf([...this.#pending.from(0)])) }
  }

  /** What another state took out as a change of what this one is. */
  apply(delta: GroupDelta): void {
    if (delta.reset === true) this.#pending = new PendingIndex()
    this.#epoch = delta.epoch
    this.#cursor = delta.cursor
    this.#dropped = delta.dropped ?? 0
    const { gone = [], set = [] } = delta
    for (let at = 0; at < gone.length; at += 2) this.#applyGone(gone[at] as number, gone[at + 1] as number)
    for (const fields of entriesOf(set)) {
      const known = this.#pending.get(fields.offset)
      if (known === undefined) this.#pending.add(new PendingEntry(fields))
      else this.#pending.moved(Object.assign(known, fields))
    }
  }

  #applyGone(first: number, count: number): void {
    for (let offset = first; offset < first + count; offset++) {
      const entry = this.#pending.get(offset)
      if (entry !== undefined) this.#pending.remove(entry)
    }
  }

  /** Looks at the candidates that lie ahead, in order, until enough were delivered. */
  #goOn(input: ReceiveInput, grants: Grant[]): void {
    const { fresh, limit, maxPending, now } = input
    if (fresh.from > this.#cursor) return
    let at = firstFrom(fresh.candidates, this.#cursor)
    for (; at < fresh.candidates.length; at++) {
      if (grants.length >= limit || this.#pending.size >= maxPending) return
      const { offset, key, due } = fresh.candidates[at] as Candidate
      const mustWait = due > now || (key !== undefined && this.#pending.hasKey(key))
      const nobody = { consumer: '', attempt: 0, deadline: due, grantedMs: 0, isOut: false, reason: undefined }
      const entry = new PendingEntry({ offset, key, ...(mustWait ? nobody : leased(input)) })
      this.#pending.add(entry)
      this.#touch(entry)
      if (!mustWait) grants.push(grantOf(entry))
      this.#moveCursor(offset + 1)
    }
    if (fresh.to > this.#cursor) this.#moveCursor(fresh.to)
  }

  #grant(entry: PendingEntry, { consumer, now, visibilityMs }: Lease): Grant {
    entry.attempt++
    entry.consumer = consumer
    this.#rest(entry, { deadline: now + visibilityMs, grantedMs: visibilityMs, isOut: true })
    return grantOf(entry)
  }

  #hide(entry: PendingEntry, input: SettleInput & { readonly action: 'nack' | 'extend' }): void {
    if (input.action === 'nack') entry.reason = input.reason
    this.#rest(entry, { deadline: input.deadline, grantedMs: input.grantedMs, isOut: input.action === 'extend' })
  }

  #rest(entry: PendingEntry, { deadline, grantedMs, isOut }: Pick<EntryFields, 'deadline' | 'grantedMs' | 'isOut'>): void {
    entry.deadline = deadline
    entry.grantedMs = grantedMs
    entry.isOut = isOut
    this.#pending.moved(entry)
    this.#touch(entry)
  }

  #touch(entry: PendingEntry): void {
    this.#isChanged = true
    if (entry.isTouched) return
    entry.isTouched = true
    this.#touched.push(entry)
  }

  #remove(entry: PendingEntry): void {
    this.#pending.remove(entry)
    this.#gone.push(entry.offset)
    this.#isChanged = true
  }

  #removeBelow(offset: number): number {
    const before = this.#pending.size
    for (let entry = this.#pending.first; entry !== undefined && entry.offset < offset; entry = this.#pending.first) this.#remove(entry)
    return before - this.#pending.size
  }

  #dropBelow(first: number): void {
    const dropped = this.#removeBelow(first) + Math.max(0, first - this.#cursor)
    if (dropped === 0) return
    this.#dropped += dropped
    this.#moveCursor(Math.max(this.#cursor, first))
  }

  #moveCursor(cursor: number): void {
    if (cursor === this.#cursor) return
    this.#cursor = cursor
    this.#isChanged = true
  }

  /** Only these are pending, in a new order of offsets. */
  #begin(entries: readonly EntryFields[]): void {
    this.#pending = new PendingIndex()
    for (const entry of entries) this.#pending.add(new PendingEntry(entry))
    this.#isReset = true
    this.#isChanged = true
  }

  #tick(now: number): void {
    if (now < this.#now) this.#cut(now)
    this.#now = now
    this.#pending.expire(now)
  }

  #cut(now: number): void {
    for (const entry of this.#pending.tooFarAhead(now)) this.#rest(entry, { ...entry, deadline: now + entry.grantedMs })
  }

  #position(): Pick<GroupDelta, 'epoch' | 'cursor' | 'dropped'> {
    return { epoch: this.#epoch, cursor: this.#cursor, ...(this.#dropped === 0 ? {} : { dropped: this.#dropped }) }
  }

  #changes(): GroupDelta {
    const gone = this.#gone.length === 0 ? {} : { gone: offsetRuns(this.#gone.sort((a, b) => a - b)) }
    const touched = this.#touched.filter(({ isGone }) => !isGone).sort((a, b) => a.offset - b.offset)
    return { ...this.#position(), ...gone, ...setOf(runsOf(touched)) }
  }
}

/** Of a first delivery. */
function leased({ consumer, now, visibilityMs }: Lease): Omit<EntryFields, 'offset' | 'key'> {
  return { consumer, attempt: 1, deadline: now + visibilityMs, grantedMs: visibilityMs, isOut: true, reason: undefined }
}

function grantOf({ offset, attempt, deadline, reason }: PendingEntry): Grant {
  return { offset, attempt, deadline, reason }
}

function setOf(set: GroupDelta['set'] & object): Pick<GroupDelta, 'set'> {
  return set.length === 0 ? {} : { set }
}

/** Index of the first candidate at or behind an offset. */
export function firstFrom(candidates: readonly Candidate[], offset: number): number {
  let low = 0
  let high = candidates.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((candidates[middle] as Candidate).offset >= offset) high = middle
    else low = middle + 1
  }
  return low
}
