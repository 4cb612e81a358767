import type { Clock } from './clock.js'

/** Where signals can be lost, data is looked at again at least so often. */
export const POLL_MS = 1_000

/** Listens to all of them; returns how to stop. */
export function listenAll(sources: readonly { listen(wake: () => void): () => void }[], wake: () => void): () => void {
  const stops = sources.map((source) => source.listen(wake))
  return () => {
    for (const stop of stops) stop()
  }
}

/** Wakes everyone who waits. A wake-up with nobody waiting is forgotten: waiters look at the data before they wait. */
export class Latch {
  readonly #listeners = new Set<() => void>()

  wake(): void {
    for (const listener of [...this.#listeners]) listener()
  }

  listen(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  get waiting(): number {
    return this.#listeners.size
  }
}

/** What `listen` calls is `Latch.listen` or a port's: resolves at the next wake-up, after `ms`, or when the signal aborts; never rejects. */
export function nextWake(clock: Clock, listen: (wake: () => void) => () => void, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) {
      resolve()
      return
    }
    const done = (): void => {
      stopListening()
      cancel()
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const stopListening = listen(done)
    const cancel = clock.after(ms, done)
    signal?.addEventListener('abort', done, { once: true })
  })
}

/** Wake-ups from now on until `stop()`: one that came since the last `next` counts, so nothing between a look and the wait is missed. */
export class Wakes {
  readonly stop: () => void
  readonly #latch = new Latch()
  #woken = false

  constructor(listen: (wake: () => void) => () => void) {
    this.stop = listen(() => {
      this.#woken = true
      this.#latch.wake()
    })
  }

  /** Resolves as `nextWake` does, at once when there was a wake-up meanwhile. */
  async next(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
    if (!this.#woken) await nextWake(clock, (wake) => this.#latch.listen(wake), ms, signal)
    this.#woken = false
  }
}
