import type { Clock } from '../../base/clock.js'
import { StorageError } from '../../base/errors.js'
import { nextWake } from '../../base/latch.js'
import type { GroupPort, PortDelivery, RecordStream, SettleAction, StreamRecord } from '../../ports/stream-broker.js'
import { checkLimit, checkWaitMs } from './checks.js'
import { consumeGroup } from './consume.js'
import { offsetOf } from './position.js'
import { processGroup } from './process.js'
import { listenAll } from './tail.js'
import type {
  ConsumeOptions,
  Delivery,
  Group,
  GroupLag,
  Position,
  ProcessOptions,
  ProcessResult,
  ReceiveRecordsOptions,
  StoredRecord,
} from './types.js'

const DEFAULT_VISIBILITY_MS = 30_000
const POLL_MS = 1_000

export interface GroupHandleOptions<T> {
  readonly name: string
  /** One a bucket. */
  readonly ports: readonly GroupPort[]
  readonly streams: readonly RecordStream[]
  readonly decode: (bucket: number, records: readonly StreamRecord[]) => Promise<readonly StoredRecord<T>[]>
  readonly clock: Clock
  readonly visibilityMs: number | undefined
}

export class GroupHandle<T> implements Group<T> {
  readonly name: string
  readonly #options: GroupHandleOptions<T>
  /** Where the next receive begins, so that no bucket starves. */
  #nextBucket = 0

  constructor(options: GroupHandleOptions<T>) {
    this.name = options.name
    this.#options = options
  }

  get clock(): Clock {
    return this.#options.clock
  }

  get visibilityMs(): number {
    return this.#options.visibilityMs ?? DEFAULT_VISIBILITY_MS
  }

  async receive(options: ReceiveRecordsOptions = {}): Promise<readonly Delivery<T>[]> {
    const { consumer = 'default', signal } = options
    const limit = checkLimit(options.limit ?? 1, 'receive')
    const { clock, streams } = this.#options
    const end = clock.now() + checkWaitMs(options.waitMs ?? 0, 'receive')
    for (;;) {
      signal?.throwIfAborted()
      const deliveries = await this.#receiveNow(consumer, limit)
      const now = clock.now()
      if (deliveries.length > 0 || now >= end) return deliveries
      await nextWake(clock, (wake) => listenAll(streams, wake), Math.min(POLL_MS, end - now), signal)
    }
  }

  process(handler: (delivery: Delivery<T>) => unknown, options: ProcessOptions = {}): Promise<ProcessResult> {
    return processGroup(this, handler, options)
  }

  consume(options: ConsumeOptions = {}): AsyncIterableIterator<Delivery<T>> {
    return consumeGroup(this, options)
  }

  ack(deliveries: readonly Delivery<T>[]): Promise<void> {
    return this.#settle(deliveries, 'ack', {})
  }

  nack(deliveries: readonly Delivery<T>[], options: { readonly delayMs?: number; readonly reason?: string } = {}): Promise<void> {
    return this.#settle(deliveries, 'nack', options)
  }

  extend(deliveries: readonly Delivery<T>[], ms: number): Promise<void> {
    if (!(ms > 0))
      throw new StorageError('invalid', 'extend takes a positive number of milliseconds', { operation: 'extend', facts: { ms } })
    return this.#settle(deliveries, 'extend', { delayMs: ms })
  }

  /** Gives unseen deliveries back, uncounted. */
  async release(deliveries: readonly Delivery<T>[]): Promise<void> {
    await this.#byBucket(deliveries, (port, handles) => port.release(handles))
  }

  async commit(bucket: number, next: number): Promise<void> {
    await this.#port(bucket, 'commit').commit(next)
  }

  async committed(): Promise<readonly number[]> {
    return Promise.all(this.#options.ports.map(async (port) => (await port.state()).committed))
  }

  async seek(bucket: number, position: Position): Promise<void> {
    const port = this.#port(bucket, 'seek')
    await port.seek(await offsetOf(this.#options.streams[bucket] as RecordStream, position))
  }

  async lag(): Promise<GroupLag> {
    const committed = await this.committed()
    const buckets = await Promise.all(
      this.#options.streams.map(async (stream, bucket) => Math.max(0, (await stream.bounds()).next - (committed[bucket] as number))),
    )
    return { total: buckets.reduce((sum, lag) => sum + lag, 0), buckets }
  }

  async #receiveNow(consumer: string, limit: number): Promise<Delivery<T>[]> {
    const { ports } = this.#options
    const start = this.#nextBucket++ % ports.length
    const deliveries: Delivery<T>[] = []
    for (let step = 0; step < ports.length && deliveries.length < limit; step++) {
      const bucket = (start + step) % ports.length
      try {
        for (const delivery of await this.#receiveFrom(bucket, consumer, limit - deliveries.length)) deliveries.push(delivery)
      } catch (error) {
        if (deliveries.length === 0) throw error
        break // what was received counts as delivered; the next receive begins at another bucket
      }
    }
    return deliveries
  }

  /** What cannot be read goes back at once, uncounted: nobody has seen it. */
  async #receiveFrom(bucket: number, consumer: string, limit: number): Promise<Delivery<T>[]> {
    const port = this.#options.ports[bucket] as GroupPort
    const received = await port.receive(consumer, { limit })
    let readable = 0
    try {
      const records = received.map(({ record }) => record)
      const stored = await this.#options.decode(bucket, records)
      readable = stored.length
      return stored.map((one, index) => this.#delivery(bucket, (received[index] as PortDelivery).attempt, one))
    } finally {
      const unseen = received.slice(readable).map(({ record, attempt }) => ({ offset: record.offset, attempt }))
      if (unseen.length > 0) await port.release(unseen)
    }
  }

  #delivery(bucket: number, attempt: number, stored: StoredRecord<T>): Delivery<T> {
    const port = this.#options.ports[bucket] as GroupPort
    const settle = async (action: Omit<SettleAction, 'offset' | 'attempt'>): Promise<void> => {
      await port.settle([{ offset: stored.offset, attempt, ...action }])
    }
    return {
      ...stored,
      deliveries: attempt,
      ack: () => settle({ action: 'ack' }),
      nack: (options = {}) => settle({ action: 'nack', ...options }),
      extend: (ms) => settle({ action: 'extend', delayMs: ms }),
    }
  }

  #settle(
    deliveries: readonly Delivery<T>[],
    action: SettleAction['action'],
    options: { delayMs?: number; reason?: string },
  ): Promise<void> {
    return this.#byBucket(deliveries, async (port, handles) => {
      await port.settle(handles.map((handle) => ({ ...handle, action, ...options })))
    })
  }

  async #byBucket(
    deliveries: readonly Delivery<T>[],
    run: (port: GroupPort, handles: readonly { readonly offset: number; readonly attempt: number }[]) => Promise<void>,
  ): Promise<void> {
    const byBucket = new Map<number, { offset: number; attempt: number }[]>()
    for (const { bucket, offset, deliveries: attempt } of deliveries) {
      const handles = byBucket.get(bucket) ?? []
      byBucket.set(bucket, handles)
      handles.push({ offset, attempt })
    }
    await Promise.all([...byBucket].map(([bucket, handles]) => run(this.#port(bucket, 'settle'), handles)))
  }

  #port(bucket: number, operation: string): GroupPort {
    const port = this.#options.ports[bucket]
    if (port !== undefined) return port
    throw new StorageError('invalid', 'the queue has no such bucket', { operation, facts: { bucket, buckets: this.#options.ports.length } })
  }
}
