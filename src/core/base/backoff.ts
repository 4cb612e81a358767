import { type Clock, sleep } from './clock.js'

export interface BackoffOptions {
  readonly firstMs: number
  readonly maxMs: number
}

/** Exponential delay with full jitter: attempt 0 waits up to `firstMs`, each later one up to twice as long, never above `maxMs`. */
export function backoffMs(clock: Clock, attempt: number, options: BackoffOptions): number {
  const ceiling = Math.min(options.maxMs, options.firstMs * 2 ** Math.min(attempt, 30))
  return Math.ceil(ceiling * (0.5 + clock.random() / 2))
}

/** Waits out `backoffMs`. */
export function backOff(clock: Clock, attempt: number, options: BackoffOptions, signal?: AbortSignal): Promise<void> {
  return sleep(clock, backoffMs(clock, attempt, options), signal)
}
