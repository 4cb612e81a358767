// Where a group's records go that used up their deliveries. A record is appended there first, under an id of its own, and
// acknowledged then: a crash between the two appends it again, which stores nothing, and acknowledges it.

import type { Clock } from '../../base/clock.js'
import type { GroupPort, SettleResult, StreamRecord } from '../../ports/stream-broker.js'
import { toDeadLetter } from './dead-record.js'
import { type RawQueue, recordId } from './raw-queue.js'
import { bucketOf } from './record-codec.js'

export interface DeadLetterBoxOptions {
  readonly group: string
  readonly origin: RawQueue
  /** Of the origin, one a bucket. */
  readonly ports: readonly GroupPort[]
  readonly maxDeliveries: number
  /** Opened when the first record comes. */
  readonly target: () => Promise<RawQueue>
  readonly clock: Clock
}

/** A record that is given up. */
export interface SpentRecord {
  readonly record: StreamRecord
  /** Of the present delivery. */
  readonly attempt: number
  /** How often a consumer had it. */
  readonly deliveries: number
  readonly reason: string
  readonly isUnreadable?: boolean
}

export class DeadLetterBox {
  readonly maxDeliveries: number
  readonly #options: DeadLetterBoxOptions

  constructor(options: DeadLetterBoxOptions) {
    this.maxDeliveries = options.maxDeliveries
    this.#options = options
  }

  /** Resolves when they are stored as dead letters, and acknowledged. */
  async take(bucket: number, spent: readonly SpentRecord[]): Promise<SettleResult> {
    const { ports, target } = this.#options
    const queue = await target()
    const appends = spent.map((one) => this.#append(queue, bucket, one))
    for (const outcome of await Promise.allSettled(appends)) if (outcome.status === 'rejected') throw outcome.reason
    return await (ports[bucket] as GroupPort).settle(
      spent.map(({ record, attempt }) => ({ offset: record.offset, attempt, action: 'ack' as const })),
    )
  }

  async #append(queue: RawQueue, bucket: number, spent: SpentRecord): Promise<void> {
    const { group, origin, clock } = this.#options
    const { record, reason, deliveries, isUnreadable = false } = spent
    const { offset, timestamp, key } = record
    const letter = { reason, queue: origin.name, bucket, offset, timestamp, group, deliveries, time: clock.now() }
    const id = `${recordId(origin, bucket, record)}/${group}`
    const buckets = queue.streams.length
    // The same bucket each time, since a bucket knows its own ids only.
    await queue.append(key === undefined ? bucket % buckets : bucketOf(key, buckets), toDeadLetter({ record, letter, isUnreadable }, id))
  }
}
