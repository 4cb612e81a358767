// From what a bucket delivers to what a consumer gets: values are decoded, and records that used up their deliveries leave
// for the dead letters before anybody sees them.

import { backoffMs, type BackoffOptions } from '../../base/backoff.js'
import type { Clock } from '../../base/clock.js'
import { isStorageError } from '../../base/errors.js'
import type { GroupPort, PortDelivery, StreamRecord } from '../../ports/stream-broker.js'
import type { DeadLetterBox } from './dead-letter-box.js'
import type { Received } from './group-source.js'
import type { Delivery } from './group-types.js'
import type { StoredRecord } from './record-types.js'

export interface GroupIntakeOptions<T> {
  /** One a bucket. */
  readonly ports: readonly GroupPort[]
  /** In their order, up to the first that cannot be read; the error is thrown when that one comes first. */
  readonly decode: (bucket: number, records: readonly StreamRecord[]) => Promise<readonly StoredRecord<T>[]>
  readonly deliver: (stored: StoredRecord<T>, delivery: PortDelivery) => Delivery<T>
  readonly deadLetters: DeadLetterBox | undefined
  readonly backoff: BackoffOptions
  readonly clock: Clock
}

export class GroupIntake<T> {
  readonly #options: GroupIntakeOptions<T>

  constructor(options: GroupIntakeOptions<T>) {
    this.#options = options
  }

  /** What no consumer will see goes back uncounted, also when this fails. */
  async take(bucket: number, received: readonly PortDelivery[]): Promise<Received<T>> {
    const { deadLetters, ports } = this.#options
    const unseen = new Set(received)
    try {
      if (deadLetters === undefined) return { deliveries: await this.#decodePrefix(bucket, received, unseen), dead: 0 }
      return await this.#sift(bucket, unseen, deadLetters)
    } finally {
      if (unseen.size > 0) {
        await (ports[bucket] as GroupPort).release([...unseen].map(({ record, attempt }) => ({ offset: record.offset, attempt })))
      }
    }
  }

  async #decodePrefix(bucket: number, received: readonly PortDelivery[], unseen: Set<PortDelivery>): Promise<Delivery<T>[]> {
    const { decode, deliver } = this.#options
    const stored = await decode(
      bucket,
      received.map(({ record }) => record),
    )
    return stored.map((one, index) => {
      const delivery = received[index] as PortDelivery
      unseen.delete(delivery)
      return deliver(one, delivery)
    })
  }

  /** What cannot be read is treated as if its handler had thrown: others go on. */
  async #sift(bucket: number, unseen: Set<PortDelivery>, box: DeadLetterBox): Promise<Received<T>> {
    let dead = await this.#dropSpent(bucket, unseen, box)
    const deliveries: Delivery<T>[] = []
    while (unseen.size > 0) {
      try {
        for (const delivery of await this.#decodePrefix(bucket, [...unseen], unseen)) deliveries.push(delivery)
      } catch (error) {
        const [first] = unseen
        if (first === undefined || isStorageError(error, 'unavailable')) throw error
        dead += await this.#fail(bucket, first, error, box)
        unseen.delete(first)
      }
    }
    return { deliveries, dead }
  }

  /** Their consumers died, or let them expire: nobody said that it failed. */
  async #dropSpent(bucket: number, unseen: Set<PortDelivery>, box: DeadLetterBox): Promise<number> {
    const spent = [...unseen].filter(({ attempt }) => attempt > box.maxDeliveries)
    if (spent.length === 0) return 0
    await box.take(
      bucket,
      spent.map(({ record, attempt, reason }) => {
        const deliveries = attempt - 1
        return { record, attempt, deliveries, reason: reason ?? `not acknowledged in ${deliveries} deliveries` }
      }),
    )
    for (const one of spent) unseen.delete(one)
    return spent.length
  }

  async #fail(bucket: number, { record, attempt }: PortDelivery, error: unknown, box: DeadLetterBox): Promise<number> {
    const reason = reasonOf(error)
    if (attempt >= box.maxDeliveries) {
      await box.take(bucket, [{ record, attempt, deliveries: attempt, reason, isUnreadable: true }])
      return 1
    }
    const { ports, clock, backoff } = this.#options
    const delayMs = backoffMs(clock, attempt - 1, backoff)
    await (ports[bucket] as GroupPort).settle([{ offset: record.offset, attempt, action: 'nack', delayMs, reason }])
    return 0
  }
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
