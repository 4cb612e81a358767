// Handlers over a group: acknowledged when they return, given back with back-off when they throw, kept invisible to others
// while they run. Acknowledgements are stored in groups, and all of them before `process` resolves.

import { StorageError } from '../../base/errors.js'
import { receiveUntilAborted } from './consume.js'
import { type GroupSource, RECEIVE_WAIT_MS } from './group-source.js'
import type { Delivery, ProcessOptions, ProcessResult } from './types.js'

/** Deliveries fetched at once, for each handler that may run. */
const FETCH_PER_HANDLER = 16
const MAX_FETCH = 500

export async function processGroup<T>(
  source: GroupSource<T>,
  handler: (delivery: Delivery<T>) => unknown,
  options: ProcessOptions,
): Promise<ProcessResult> {
  const { concurrency = 1 } = options
  if (!Number.isInteger(concurrency) || concurrency < 1) {
    throw new StorageError('invalid', 'concurrency is a whole number from 1', { operation: 'process', facts: { concurrency } })
  }
  return new Processing(source, handler, { ...options, concurrency }).run()
}

class Processing<T> {
  readonly #source: GroupSource<T>
  readonly #handler: (delivery: Delivery<T>) => unknown
  readonly #options: ProcessOptions & { readonly concurrency: number }
  #acked = 0
  #failed = 0

  constructor(
    source: GroupSource<T>,
    handler: (delivery: Delivery<T>) => unknown,
    options: ProcessOptions & { readonly concurrency: number },
  ) {
    this.#source = source
    this.#handler = handler
    this.#options = options
  }

  async run(): Promise<ProcessResult> {
    const { signal, until = 'aborted', concurrency, consumer } = this.#options
    const limit = Math.min(MAX_FETCH, concurrency * FETCH_PER_HANDLER)
    const waitMs = until === 'empty' ? 0 : RECEIVE_WAIT_MS
    while (!signal?.aborted) {
      const deliveries = await receiveUntilAborted(this.#source, { limit, waitMs, ...(consumer === undefined ? {} : { consumer }) }, signal)
      if (deliveries.length === 0 && until === 'empty') break
      await this.#handleAll(deliveries)
    }
    return { acked: this.#acked, failed: this.#failed }
  }

  /** Each runner takes the next delivery when it is free; what an abort leaves unseen is given back. */
  async #handleAll(deliveries: readonly Delivery<T>[]): Promise<void> {
    const waiting = [...deliveries]
    const done: Delivery<T>[] = []
    const failures: unknown[] = []
    const stopExtending = this.#extendWhileRunning(() => deliveries.filter((delivery) => !done.includes(delivery)))
    const runner = async (): Promise<void> => {
      while (!this.#options.signal?.aborted) {
        const delivery = waiting.shift()
        if (delivery === undefined) return
        if (await this.#handle(delivery)) done.push(delivery)
      }
    }
    const runners = Array.from({ length: Math.min(this.#options.concurrency, deliveries.length) }, () => runner())
    for (const outcome of await Promise.allSettled(runners)) if (outcome.status === 'rejected') failures.push(outcome.reason)
    await stopExtending()
    if (done.length > 0) await this.#source.ack(done)
    this.#acked += done.length
    if (waiting.length > 0) await this.#source.release(waiting)
    if (failures.length > 0) throw failures[0]
  }

  /** True when the handler returned; a delivery whose handler threw goes back. */
  async #handle(delivery: Delivery<T>): Promise<boolean> {
    try {
      await this.#handler(delivery)
      return true
    } catch (error) {
      this.#failed++
      await delivery.nack({ reason: error instanceof Error ? error.message : String(error) })
      return false
    }
  }

  /** Every third of the visibility, everything that is not done yet stays out for another full one. */
  #extendWhileRunning(unfinished: () => readonly Delivery<T>[]): () => Promise<void> {
    const { clock, visibilityMs } = this.#source
    let extending: Promise<void> = Promise.resolve()
    let cancel = (): void => {}
    const schedule = (): void => {
      cancel = clock.after(visibilityMs / 3, () => {
        extending = this.#source.extend(unfinished(), visibilityMs).catch(() => {}) // a missed extension means a redelivery, no loss
        schedule()
      })
    }
    schedule()
    return () => {
      cancel()
      return extending
    }
  }
}
