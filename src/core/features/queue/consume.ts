import { checkLimit } from './checks.js'
import { type GroupSource, RECEIVE_WAIT_MS } from './group-source.js'
import type { ConsumeOptions, Delivery } from './types.js'

/** Deliveries one at a time; what was fetched ahead and not seen is given back when the loop is left. */
export async function* consumeGroup<T>(source: GroupSource<T>, options: ConsumeOptions): AsyncGenerator<Delivery<T>> {
  const { until = 'aborted', signal, consumer } = options
  const limit = checkLimit(options.prefetch ?? 1, 'consume')
  const waitMs = until === 'empty' ? 0 : RECEIVE_WAIT_MS
  const ahead: Delivery<T>[] = []
  try {
    while (!signal?.aborted) {
      if (ahead.length === 0) {
        const received = await receiveUntilAborted(source, { limit, waitMs, ...(consumer === undefined ? {} : { consumer }) }, signal)
        if (received.length === 0 && until === 'empty') return
        ahead.push(...received)
      }
      const next = ahead.shift()
      if (next !== undefined) yield next
    }
  } finally {
    if (ahead.length > 0) await source.release(ahead)
  }
}

/** An abort ends the wait with nothing, it is no error. */
export async function receiveUntilAborted<T>(
  source: GroupSource<T>,
  options: { readonly limit: number; readonly waitMs: number; readonly consumer?: string },
  signal: AbortSignal | undefined,
): Promise<readonly Delivery<T>[]> {
  try {
    return await source.receive(signal === undefined ? options : { ...options, signal })
  } catch (error) {
    if (signal?.aborted) return []
    throw error
  }
}
