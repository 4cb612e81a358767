// Time that stands still until a test moves it, so that no test waits and every run is the same.

import type { Clock } from '../core/base/clock.js'

interface Timer {
  readonly due: number
  readonly order: number
  readonly run: () => void
}

export interface ManualClockOptions {
  /** Milliseconds since 1970; default 2024-01-01T00:00:00Z. */
  readonly now?: number
  /** Seeds `random()`; default 1. */
  readonly seed?: number
}

/**
 * A clock for tests. Timers run inside `advance` and `set`, in the order of their due times; after each, pending
 * promise reactions get their turn, so that a timer set by a continuation is seen when it falls due in the same step.
 */
export class ManualClock implements Clock {
  #now: number
  #elapsed = 0
  #order = 0
  readonly #timers = new Set<Timer>()
  readonly #random: () => number

  constructor(options: ManualClockOptions = {}) {
    this.#now = options.now ?? 1_704_067_200_000
    this.#random = seededRandom(options.seed ?? 1)
  }

  now(): number {
    return this.#now
  }

  /** Timers measure time that has passed, not the wall clock: setting the clock back does not delay them. */
  after(ms: number, run: () => void): () => void {
    const timer: Timer = { due: this.#elapsed + Math.max(0, ms), order: this.#order++, run }
    this.#timers.add(timer)
    return () => {
      this.#timers.delete(timer)
    }
  }

  random(): number {
    return this.#random()
  }

  /** How many timers are waiting. */
  get pending(): number {
    return this.#timers.size
  }

  /** Lets `ms` pass and runs what falls due on the way. Resolves when that and its immediate continuations have run. */
  async advance(ms: number): Promise<void> {
    if (!(ms >= 0)) throw new RangeError('time advances by 0 ms or more; use set() to go back')
    const target = this.#elapsed + ms
    await settle()
    for (let timer = this.#next(target); timer !== undefined; timer = this.#next(target)) {
      this.#pass(timer.due - this.#elapsed)
      this.#timers.delete(timer)
      timer.run()
      await settle()
    }
    this.#pass(target - this.#elapsed)
  }

  /** Sets the wall clock. Forward is `advance`; back changes `now()` only, as a corrected system clock does. */
  async set(ms: number): Promise<void> {
    if (ms >= this.#now) return this.advance(ms - this.#now)
    this.#now = ms
  }

  #pass(ms: number): void {
    if (ms <= 0) return
    this.#elapsed += ms
    this.#now += ms
  }

  #next(target: number): Timer | undefined {
    let first: Timer | undefined
    for (const timer of this.#timers) {
      if (timer.due > target) continue
      if (first === undefined || timer.due < first.due || (timer.due === first.due && timer.order < first.order)) first = timer
    }
    return first
  }
}

/** Enough turns of the microtask queue for chains of awaits that do no I/O. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await undefined
}

/** 0 <= x < 1, the same sequence for the same seed (mulberry32). Not for secrets. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
