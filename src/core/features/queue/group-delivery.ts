import type { PortDelivery, SettleResult } from '../../ports/stream-broker.js'
import type { GroupSettler, PortHandle } from './group-settler.js'
import type { Delivery, NackOptions } from './group-types.js'
import type { StoredRecord } from './record-types.js'

/** What settles it can be taken out of it, `({ value, ack }) => …`, and is made only then: many are settled by the list. */
export class GroupDelivery<T> implements Delivery<T> {
  readonly bucket: number
  readonly offset: number
  readonly timestamp: number
  readonly value: T
  readonly headers: Readonly<Record<string, string>>
  readonly deliveries: number
  declare readonly key?: string
  declare readonly schemaVersion?: number
  declare readonly reason?: string
  readonly #settler: GroupSettler

  constructor(stored: StoredRecord<T>, { attempt, reason }: PortDelivery, settler: GroupSettler) {
    this.bucket = stored.bucket
    this.offset = stored.offset
    this.timestamp = stored.timestamp
    this.value = stored.value
    this.headers = stored.headers
    this.deliveries = attempt
    if (stored.key !== undefined) this.key = stored.key
    if (stored.schemaVersion !== undefined) this.schemaVersion = stored.schemaVersion
    if (reason !== undefined) this.reason = reason
    this.#settler = settler
  }

  get ack(): () => Promise<SettleResult> {
    return () => this.#settler.ackIn(this.bucket, this.#handles)
  }

  get nack(): (options?: NackOptions) => Promise<SettleResult> {
    return (options = {}) => this.#settler.nackIn(this.bucket, this.#handles, options)
  }

  get extend(): (ms: number) => Promise<SettleResult> {
    return (ms) => this.#settler.extendIn(this.bucket, this.#handles, ms)
  }

  get #handles(): readonly PortHandle[] {
    return [{ offset: this.offset, attempt: this.deliveries }]
  }
}
