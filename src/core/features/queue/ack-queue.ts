import type { GroupSource } from './group-source.js'
import type { Delivery } from './group-types.js'

export interface AckQueueOptions<T> {
  readonly source: Pick<GroupSource<T>, 'ack'>
  readonly stored: (deliveries: readonly Delivery<T>[]) => void
  readonly failed: (error: unknown) => void
}

/** Steps of other promises: more than lie between two handlers that wait for nothing. */
const QUIET_STEPS = 16

/**
 * Acknowledgements, stored in groups: those that follow each other without a wait for anything are one, and while some are
 * being stored the next ones gather.
 */
export class AckQueue<T> {
  readonly #options: AckQueueOptions<T>
  #waiting: Delivery<T>[] = []
  #gathering: Promise<void> | undefined
  readonly #storing = new Set<Promise<void>>()

  constructor(options: AckQueueOptions<T>) {
    this.#options = options
  }

  add(delivery: Delivery<T>): void {
    this.#waiting.push(delivery)
    this.#gathering ??= this.#gather()
  }

  /** Stores what has gathered, also beside others: for who is about to ask for more, and can be served by the same write. */
  flush(): void {
    if (this.#waiting.length === 0) return
    const storing = this.#store().finally(() => this.#storing.delete(storing))
    this.#storing.add(storing)
  }

  /** Resolves when all that was added is stored, or has failed. */
  async drained(): Promise<void> {
    this.flush()
    while (this.#storing.size > 0) await Promise.all(this.#storing)
    await this.#gathering
  }

  async #gather(): Promise<void> {
    while (this.#waiting.length > 0) {
      await this.#quiet()
      this.flush()
      await Promise.all(this.#storing)
    }
    this.#gathering = undefined
  }

  async #quiet(): Promise<void> {
    let known: number
    do {
      known = this.#waiting.length
      for (let step = 0; step < QUIET_STEPS; step++) await undefined
    } while (this.#waiting.length > known)
  }

  async #store(): Promise<void> {
    const { source, stored, failed } = this.#options
    const deliveries = this.#waiting
    this.#waiting = []
    try {
      await source.ack(deliveries)
      stored(deliveries)
    } catch (error) {
      failed(error)
    }
  }
}
