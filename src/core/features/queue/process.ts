// Handlers over a group: acknowledged when they return, given back with back-off when they throw, kept invisible to others
// while they run. Acknowledgements are stored in groups, and all of them before `process` resolves.

import { StorageError } from '../../base/errors.js'
import { Latch, nextWake } from '../../base/latch.js'
import { AckQueue } from './ack-queue.js'
import { reasonOf } from './group-intake.js'
import { fetchUntilAborted, type GroupSource, RECEIVE_WAIT_MS } from './group-source.js'
import type { Delivery, ProcessOptions, ProcessResult } from './group-types.js'

const MAX_FETCH = 500
/** Handlers that are through with what was fetched so soon get more at once. */
const FAST_MS = 100
/** Slow ones hold little that other consumers could have. */
const SLOW_MS = 1_000

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
  readonly #acks: AckQueue<T>
  readonly #result = { acked: 0, failed: 0, dead: 0 }
  /** Fetched, and no handler has it yet. */
  readonly #ahead: Delivery<T>[] = []
  /** All that is neither acknowledged nor given back. */
  readonly #held = new Set<Delivery<T>>()
  /** What was or is being given back: it shall rest, and not be extended. */
  readonly #ending = new WeakSet<Delivery<T>>()
  readonly #letGo = new Latch()
  #fetching: Promise<void> | undefined
  #limit: number
  /** When the last fetch brought all it asked for. */
  #filledAt: number | undefined
  #isOver = false
  readonly #errors: unknown[] = []

  constructor(
    source: GroupSource<T>,
    handler: (delivery: Delivery<T>) => unknown,
    options: ProcessOptions & { readonly concurrency: number },
  ) {
    this.#source = source
    this.#handler = handler
    this.#options = options
    this.#limit = Math.min(MAX_FETCH, options.concurrency)
    this.#acks = new AckQueue({
      source,
      stored: (deliveries) => {
        this.#result.acked += deliveries.length
        this.#drop(deliveries)
      },
      failed: (error) => this.#fail(error),
    })
  }

  /** What an abort or an error leaves unseen is given back. */
  async run(): Promise<ProcessResult> {
    const stopExtending = this.#extendWhileHeld()
    await Promise.all(Array.from({ length: this.#options.concurrency }, () => this.#work()))
    await this.#acks.drained()
    await stopExtending()
    if (this.#ahead.length > 0) await this.#source.release(this.#ahead).catch((error) => this.#fail(error))
    if (this.#errors.length > 0) throw this.#errors[0]
    return this.#result
  }

  async #work(): Promise<void> {
    for (let delivery = await this.#next(); delivery !== undefined; delivery = await this.#next()) await this.#handle(delivery)
  }

  async #next(): Promise<Delivery<T> | undefined> {
    while (!this.#isOver && this.#options.signal?.aborted !== true) {
      const delivery = this.#ahead.shift()
      if (delivery !== undefined) return delivery
      this.#fetching ??= this.#fetch().finally(() => {
        this.#fetching = undefined
      })
      await this.#fetching
    }
    return undefined
  }

  async #handle(delivery: Delivery<T>): Promise<void> {
    try {
      await this.#handler(delivery)
    } catch (error) {
      this.#result.failed++
      await this.#end(delivery, error)
      return
    }
    this.#acks.add(delivery)
  }

  async #end(delivery: Delivery<T>, thrown: unknown): Promise<void> {
    const { onError } = this.#options
    this.#ending.add(delivery)
    try {
      const verdict = onError?.(thrown, delivery) ?? 'retry'
      if (verdict === 'release') await this.#source.release([delivery])
      else this.#result.dead += await this.#source.giveBack(delivery, { reason: reasonOf(thrown), isLast: verdict === 'dead' })
      this.#drop([delivery])
    } catch (error) {
      this.#fail(error)
    }
  }

  /** Empty is empty only when nothing was in work: its acknowledgement may make way for the next of its key. */
  async #fetch(): Promise<void> {
    const { until = 'aborted', signal, consumer } = this.#options
    const wasIdle = this.#held.size === 0
    let isSettled = false
    const stop = this.#letGo.listen(() => {
      isSettled = true
    })
    try {
      this.#tune()
      const waitMs = until === 'empty' ? 0 : RECEIVE_WAIT_MS
      this.#acks.flush() // one write stores both, and the next of their keys are free
      const { deliveries, dead } = await fetchUntilAborted(this.#source, { limit: this.#limit, waitMs, consumer }, signal)
      this.#result.dead += dead
      this.#filledAt = deliveries.length === this.#limit ? this.#source.clock.now() : undefined
      for (const delivery of deliveries) {
        this.#held.add(delivery)
        this.#ahead.push(delivery)
      }
      if (deliveries.length > 0 || until === 'aborted') return
      if (wasIdle) this.#isOver = true
      else if (!isSettled) await this.#untilSettled()
    } catch (error) {
      this.#fail(error)
    } finally {
      stop()
    }
  }

  #untilSettled(): Promise<void> {
    return nextWake(this.#source.clock, (wake) => this.#letGo.listen(wake), this.#source.visibilityMs, this.#options.signal)
  }

  #tune(): void {
    if (this.#filledAt === undefined) return
    const tookMs = this.#source.clock.now() - this.#filledAt
    if (tookMs < FAST_MS) this.#limit = Math.min(MAX_FETCH, this.#limit * 2)
    else if (tookMs > SLOW_MS) this.#limit = Math.min(MAX_FETCH, this.#options.concurrency)
  }

  #drop(deliveries: readonly Delivery<T>[]): void {
    for (const delivery of deliveries) this.#held.delete(delivery)
    this.#letGo.wake()
  }

  #fail(error: unknown): void {
    this.#errors.push(error)
    this.#isOver = true
    this.#letGo.wake()
  }

  /** Every third of the visibility, everything that is not done yet stays out for another full one. */
  #extendWhileHeld(): () => Promise<void> {
    const { clock, visibilityMs } = this.#source
    let extending: Promise<unknown> = Promise.resolve()
    let cancel = (): void => {}
    const schedule = (): void => {
      cancel = clock.after(visibilityMs / 3, () => {
        const held = [...this.#held].filter((delivery) => !this.#ending.has(delivery))
        extending = this.#source.extend(held, visibilityMs).catch(() => {}) // a missed extension means a redelivery, no loss
        schedule()
      })
    }
    schedule()
    return async () => {
      cancel()
      await extending
    }
  }
}
