// The only place in core that knows real time and chance. Tests pass a manual clock instead.

export interface Clock {
  /** Milliseconds since 1970. */
  now(): number
  /** Runs once after at least `ms`; returns how to cancel. */
  after(ms: number, run: () => void): () => void
  /** 0 <= x < 1, for jitter only: nonces, ids and tokens come from the cryptographic generator. */
  random(): number
}

declare function setTimeout(run: () => void, ms: number): unknown
declare function clearTimeout(timer: unknown): void
declare const performance: { now(): number }

export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms)
    return () => clearTimeout(timer)
  },
  random: () => Math.random(),
}

/** Measures how long something takes, in fractions of a millisecond where the runtime has them; never set back. */
export const stopwatch: Pick<Clock, 'now'> = { now: () => performance.now() }

/** Resolves after `ms`; rejects with the signal's reason when it aborts first. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason)
      return
    }
    const onAbort = (): void => {
      cancel()
      reject(signal?.reason)
    }
    const cancel = clock.after(ms, () => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    })
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}
