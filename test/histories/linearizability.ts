// Is there an order of the calls, each between its call and its return, in which a sequential object would have given the
// same answers? The search of Wing and Gong, with Lowe's memory of what was tried (see "Faster linearizability checking via
// P-compositionality", Horn and Kroening, 2015).

export interface Call<Does> {
  readonly called: number
  /** Infinity when nobody knows whether it was done: then it may have been, at any time, or not. */
  readonly returned: number
  readonly does: Does
}

export interface Model<State, Does> {
  readonly initial: State
  /** The state after it; undefined where the object in that state would not have answered so. */
  step(state: State, does: Does): State | undefined
}

/** A call or a return in a list ordered by time; `mate` is the return of a call. */
interface Event<Does> {
  readonly call: Call<Does>
  readonly bit: bigint
  readonly mate: Event<Does> | undefined
  before: Event<Does> | undefined
  after: Event<Does> | undefined
}

/** States must print as different texts when they differ. */
export function isLinearizable<State, Does>(calls: readonly Call<Does>[], model: Model<State, Does>): boolean {
  const head = listOf(calls)
  const tried = new Set<string>()
  const taken: { readonly event: Event<Does>; readonly state: State }[] = []
  let state = model.initial
  let done = 0n
  let event = head.after
  while (event !== undefined) {
    if (event.mate === undefined) {
      if (event.call.returned === Number.POSITIVE_INFINITY) return true // only calls that may never have happened are left
      const last = taken.pop()
      if (last === undefined) return false
      state = last.state
      done &= ~last.event.bit
      putBack(last.event)
      event = last.event.after
      continue
    }
    const next = model.step(state, event.call.does)
    const key = next === undefined ? '' : `${(done | event.bit).toString(36)} ${String(next)}`
    if (next === undefined || tried.has(key)) {
      event = event.after
      continue
    }
    tried.add(key)
    taken.push({ event, state })
    state = next
    done |= event.bit
    takeOut(event)
    event = head.after
  }
  return true
}

/** A head without meaning, then calls and returns as they came. */
function listOf<Does>(calls: readonly Call<Does>[]): Event<Does> {
  const events = calls.flatMap((call, index) => {
    const bit = 1n << BigInt(index)
    const end: Event<Does> = { call, bit, mate: undefined, before: undefined, after: undefined }
    return [{ call, bit, mate: end, before: undefined, after: undefined } satisfies Event<Does>, end]
  })
  const timeOf = ({ call, mate }: Event<Does>): number => (mate === undefined ? call.returned : call.called)
  events.sort((a, b) => (timeOf(a) === timeOf(b) ? 0 : timeOf(a) - timeOf(b)))
  const head: Event<Does> = { call: calls[0] as Call<Does>, bit: 0n, mate: undefined, before: undefined, after: undefined }
  let last = head
  for (const event of events) {
    last.after = event
    event.before = last
    last = event
  }
  return head
}

function takeOut<Does>(event: Event<Does>): void {
  unlink(event)
  unlink(event.mate as Event<Does>)
}

/** In the opposite order of taking out, so that both find their neighbours as they were. */
function putBack<Does>(event: Event<Does>): void {
  relink(event.mate as Event<Does>)
  relink(event)
}

function unlink<Does>(event: Event<Does>): void {
  if (event.before !== undefined) event.before.after = event.after
  if (event.after !== undefined) event.after.before = event.before
}

function relink<Does>(event: Event<Does>): void {
  if (event.before !== undefined) event.before.after = event
  if (event.after !== undefined) event.after.before = event
}
