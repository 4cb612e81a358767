import type { Clock } from './clock.js'

export interface LinkedSignal {
  readonly signal: AbortSignal
  abort(reason?: unknown): void
  /** Listens to its parents no longer: they may live long. */
  end(): void
}

/** Aborts with the first of its parents, or by its own `abort`. */
export function linkedSignal(...parents: readonly (AbortSignal | undefined)[]): LinkedSignal {
  const controller = new AbortController()
  const stops: (() => void)[] = []
  for (const parent of parents) {
    if (parent === undefined) continue
    const follow = (): void => controller.abort(parent.reason)
    if (parent.aborted) follow()
    parent.addEventListener('abort', follow, { once: true })
    stops.push(() => parent.removeEventListener('abort', follow))
  }
  const end = (): void => {
    for (const stop of stops) stop()
  }
  return { signal: controller.signal, abort: (reason) => controller.abort(reason), end }
}

/** Ends `work` with the error of `late` where it takes longer than `ms`; the signal it was given aborts then, too. */
export async function within<T>(
  clock: Clock,
  { ms, late, signal }: { readonly ms: number; readonly late: () => Error; readonly signal: AbortSignal },
  work: (signal: AbortSignal) => T | Promise<T>,
): Promise<T> {
  const linked = linkedSignal(signal)
  let cancel = (): void => {}
  const isLate = new Promise<never>((_, reject) => {
    cancel = clock.after(ms, () => {
      const error = late()
      reject(error)
      linked.abort(error)
    })
  })
  try {
    return await Promise.race([isLate, work(linked.signal)])
  } finally {
    cancel()
    linked.end()
  }
}
