import type { GroupSource } from './group-source.js'
import type { Delivery } from './group-types.js'

export interface AckQueueOptions<T> {
  readonly source: Pick<GroupSource<T>, 'ack'>
  readonly stored: (deliveries: readonly Delivery<T>[]) => void
  readonly failed: (error: unknown) => void
}

/** Acknowledgements, stored in groups: while some are being stored, the next ones gather. */
export class AckQueue<T> {
  readonly #options: AckQueueOptions<T>
  #waiting: Delivery<T>[] = []
  #storing: Promise<void> | undefined

  constructor(options: AckQueueOptions<T>) {
    this.#options = options
  }

  add(delivery: Delivery<T>): void {
    this.#waiting.push(delivery)
    this.#storing ??= this.#store()
  }

  /** Resolves when all that was added is stored, or has failed. */
  async drained(): Promise<void> {
    await this.#storing
  }

  async #store(): Promise<void> {
    const { source, stored, failed } = this.#options
    while (this.#waiting.length > 0) {
      const deliveries = this.#waiting
      this.#waiting = []
      try {
        await source.ack(deliveries)
        stored(deliveries)
      } catch (error) {
        failed(error)
      }
    }
    this.#storing = undefined
  }
}
