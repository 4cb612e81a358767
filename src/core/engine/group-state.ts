// A consumer group on one bucket, as a pure state machine: what was delivered and not yet acknowledged, and where new
// deliveries begin. Everything below the smaller of both is acknowledged. It knows no storage and no time of its own.

/** A record between its delivery and its acknowledgement. */
export interface PendingDelivery {
  readonly offset: number
  /** How often it was delivered; 0 after it was given back unseen. */
  readonly attempt: number
  readonly consumer: string
  /** From then on anybody may have it, ms. */
  readonly deadline: number
  /** How long the deadline was set ahead: bounds it again when the clock was put back. */
  readonly grantedMs: number
}

export interface GroupState {
  /** Of the log, when the cursor was last moved. */
  readonly epoch: number
  /** The next offset to be delivered for the first time. */
  readonly cursor: number
  /** Ascending by offset. */
  readonly pending: readonly PendingDelivery[]
}

/** A bucket stops delivering new records while so many are unacknowledged. */
export const MAX_PENDING = 10_000

export interface Transition<R> {
  /** undefined: nothing changed. */
  readonly state: GroupState | undefined
  readonly result: R
}

export interface Handle {
  readonly offset: number
  readonly attempt: number
}

export interface ReceiveInput {
  readonly consumer: string
  readonly now: number
  readonly visibilityMs: number
  readonly limit: number
  /** First offset still held; what lies below was trimmed and is dropped. */
  readonly first: number
  /** High-water mark. */
  readonly next: number
}

/** Everything below is acknowledged. */
export function floorOf(state: GroupState): number {
  const oldest = state.pending[0]
  return oldest === undefined ? state.cursor : Math.min(oldest.offset, state.cursor)
}

/** Expired deliveries first, in offset order, then new records. Each becomes one attempt more. */
export function receive(state: GroupState, input: ReceiveInput): Transition<readonly PendingDelivery[]> {
  const { consumer, now, visibilityMs, limit, first, next } = input
  const taken: PendingDelivery[] = []
  const grant = (offset: number, attempt: number): PendingDelivery => {
    const delivery = { offset, attempt, consumer, deadline: now + visibilityMs, grantedMs: visibilityMs }
    taken.push(delivery)
    return delivery
  }
  const held = state.pending.filter((entry) => entry.offset >= first)
  const kept = held.map((entry) => {
    const deadline = Math.min(entry.deadline, now + entry.grantedMs)
    if (deadline <= now && taken.length < limit) return grant(entry.offset, entry.attempt + 1)
    return deadline === entry.deadline ? entry : { ...entry, deadline }
  })
  const start = Math.max(state.cursor, first)
  const count = Math.max(0, Math.min(limit - taken.length, next - start, MAX_PENDING - kept.length))
  const fresh = Array.from({ length: count }, (_, index) => grant(start + index, 1))
  if (taken.length === 0 && held.length === state.pending.length) return { state: undefined, result: [] }
  return { state: { ...state, cursor: start + count, pending: [...kept, ...fresh].sort(byOffset) }, result: taken }
}

/** When the next delivery expires, or undefined. */
export function nextDeadline(state: GroupState): number | undefined {
  let earliest: number | undefined
  for (const entry of state.pending) if (earliest === undefined || entry.deadline < earliest) earliest = entry.deadline
  return earliest
}

export type SettleInput =
  | (Handle & { readonly action: 'ack' })
  | (Handle & { readonly action: 'nack' | 'extend'; readonly deadline: number; readonly grantedMs: number })

/** ack takes any attempt; nack and extend only the current one. Anything else is counted as ignored. */
export function settle(state: GroupState, inputs: readonly SettleInput[]): Transition<{ settled: number; ignored: number }> {
  const byKey = new Map(state.pending.map((entry) => [entry.offset, entry]))
  let settled = 0
  for (const input of inputs) {
    const entry = byKey.get(input.offset)
    if (entry === undefined || (input.action !== 'ack' && entry.attempt !== input.attempt)) continue
    settled++
    if (input.action === 'ack') byKey.delete(input.offset)
    else byKey.set(input.offset, { ...entry, deadline: input.deadline, grantedMs: input.grantedMs })
  }
  const result = { settled, ignored: inputs.length - settled }
  return { state: settled === 0 ? undefined : { ...state, pending: [...byKey.values()] }, result }
}

/** Gives deliveries back that nobody looked at: free at once, the attempt not counted. */
export function release(state: GroupState, handles: readonly Handle[]): Transition<void> {
  const given = new Map(handles.map((handle) => [handle.offset, handle.attempt]))
  const isGiven = (entry: PendingDelivery): boolean => given.get(entry.offset) === entry.attempt
  if (!state.pending.some(isGiven)) return { state: undefined, result: undefined }
  const pending = state.pending.map((entry) => (isGiven(entry) ? { ...entry, attempt: entry.attempt - 1, deadline: 0 } : entry))
  return { state: { ...state, pending }, result: undefined }
}

/** Takes over deliveries that have been out for at least `minIdleMs`. */
export function claim(
  state: GroupState,
  input: {
    readonly consumer: string
    readonly now: number
    readonly visibilityMs: number
    readonly minIdleMs: number
    readonly limit: number
  },
): Transition<readonly PendingDelivery[]> {
  const taken: PendingDelivery[] = []
  const pending = state.pending.map((entry) => {
    const idleMs = input.now - (entry.deadline - entry.grantedMs)
    if (taken.length >= input.limit || idleMs < input.minIdleMs) return entry
    const claimed = {
      ...entry,
      attempt: entry.attempt + 1,
      consumer: input.consumer,
      deadline: input.now + input.visibilityMs,
      grantedMs: input.visibilityMs,
    }
    taken.push(claimed)
    return claimed
  })
  return { state: taken.length === 0 ? undefined : { ...state, pending }, result: taken }
}

/** These offsets hold no record any more; neither do those from the cursor to `to`, if that is where the cursor stands. */
export function forget(state: GroupState, offsets: ReadonlySet<number>, from: number, to: number): Transition<void> {
  const pending = state.pending.filter((entry) => !offsets.has(entry.offset))
  return { state: { ...state, cursor: state.cursor === from ? Math.max(from, to) : state.cursor, pending }, result: undefined }
}

/** Acknowledges everything below `next`. */
export function commit(state: GroupState, next: number): Transition<void> {
  const pending = state.pending.filter((entry) => entry.offset >= next)
  const cursor = Math.max(state.cursor, next)
  const isSame = pending.length === state.pending.length && cursor === state.cursor
  return { state: isSame ? undefined : { ...state, cursor, pending }, result: undefined }
}

/** Begins again at `next`, forward or back; what was pending is forgotten. */
export function seek(state: GroupState, next: number): Transition<void> {
  return { state: { ...state, cursor: next, pending: [] }, result: undefined }
}

/** After a recovery dropped records: nothing may point past `limit`. */
export function rewind(state: GroupState, limit: number, epoch: number): Transition<void> {
  const pending = state.pending.filter((entry) => entry.offset < limit)
  return { state: { epoch, cursor: Math.min(state.cursor, limit), pending }, result: undefined }
}

function byOffset(a: PendingDelivery, b: PendingDelivery): number {
  return a.offset - b.offset
}
