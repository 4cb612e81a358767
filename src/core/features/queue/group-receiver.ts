// One receive over all buckets: they take turns, and one wait stands for all of them.

import type { Clock } from '../../base/clock.js'
import { POLL_MS, Wakes } from '../../base/latch.js'
import type { GroupPort } from '../../ports/stream-broker.js'
import type { GroupIntake } from './group-intake.js'
import type { Received } from './group-source.js'
import type { Delivery } from './group-types.js'

export interface GroupReceiverOptions<T> {
  /** One a bucket. */
  readonly ports: readonly GroupPort[]
  readonly intake: GroupIntake<T>
  readonly clock: Clock
  /** Calls back when there may be something to deliver. */
  readonly listen: (wake: () => void) => () => void
  /** When it is known that something falls due. */
  readonly nextDue: (now: number) => number | undefined
}

interface ReceiveInput {
  readonly consumer: string
  readonly limit: number
  readonly waitMs: number
  readonly signal: AbortSignal | undefined
}

export class GroupReceiver<T> {
  readonly #options: GroupReceiverOptions<T>
  /** Where the next receive begins: behind the bucket that was served last, so that none starves. */
  #nextBucket = 0

  constructor(options: GroupReceiverOptions<T>) {
    this.#options = options
  }

  async receive(input: ReceiveInput): Promise<Received<T>> {
    if (input.waitMs === 0) {
      input.signal?.throwIfAborted()
      return this.#receiveNow(input)
    }
    return this.#waitFor(input)
  }

  /** Listens before it looks: what comes meanwhile is not waited for. */
  async #waitFor(input: ReceiveInput): Promise<Received<T>> {
    const { clock, listen, nextDue } = this.#options
    const { waitMs, signal } = input
    const end = clock.now() + waitMs
    let dead = 0
    const wakes = new Wakes(listen)
    try {
      for (;;) {
        signal?.throwIfAborted()
        const received = await this.#receiveNow(input)
        dead += received.dead
        const now = clock.now()
        if (received.deliveries.length > 0 || now >= end) return { ...received, dead }
        const until = Math.min(now + POLL_MS, end, nextDue(now) ?? end)
        await wakes.next(clock, until - now, signal)
      }
    } finally {
      wakes.stop()
    }
  }

  async #receiveNow({ consumer, limit }: ReceiveInput): Promise<Received<T>> {
    const buckets = this.#options.ports.length
    const start = this.#nextBucket
    this.#nextBucket = (start + 1) % buckets
    let deliveries: readonly Delivery<T>[] = []
    let dead = 0
    for (let step = 0; step < buckets && deliveries.length < limit; step++) {
      const bucket = (start + step) % buckets
      try {
        const received = await this.#receiveFrom(bucket, consumer, limit - deliveries.length)
        dead += received.dead
        if (received.deliveries.length === 0) continue
        deliveries = deliveries.length === 0 ? received.deliveries : [...deliveries, ...received.deliveries]
        this.#nextBucket = (bucket + 1) % buckets
      } catch (error) {
        if (deliveries.length === 0) throw error
        break // what was received counts as delivered; the next receive begins at another bucket
      }
    }
    return { deliveries, dead }
  }

  /** Goes on while nothing but dead letters comes. */
  async #receiveFrom(bucket: number, consumer: string, limit: number): Promise<Received<T>> {
    const { ports, intake } = this.#options
    let dead = 0
    for (;;) {
      const taken = await (ports[bucket] as GroupPort).receive(consumer, { limit })
      const received = await intake.take(bucket, taken)
      dead += received.dead
      if (received.deliveries.length > 0 || taken.length === 0) return { ...received, dead }
    }
  }
}
