import type { Clock } from '../../base/clock.js'
import { StorageError } from '../../base/errors.js'
import type { GroupPort, PortDelivery, RecordStream, SettleResult, StreamRecord } from '../../ports/stream-broker.js'
import { checkReadLimit, checkWaitMs } from './checks.js'
import { consumeGroup } from './consume.js'
import type { DeadLetterBox } from './dead-letter-box.js'
import { GroupDelivery } from './group-delivery.js'
import { GroupIntake } from './group-intake.js'
import type { GroupRules } from './group-options.js'
import { GroupReceiver } from './group-receiver.js'
import { GroupSettler } from './group-settler.js'
import type { GiveBackOptions, GroupSource, Received } from './group-source.js'
import { offsetOf } from './position.js'
import { processGroup } from './process.js'
import { listenAll } from '../../base/latch.js'
import type {
  ClaimOptions,
  ConsumeOptions,
  Delivery,
  Group,
  GroupLag,
  NackOptions,
  PendingOptions,
  PendingRecord,
  ProcessOptions,
  ProcessResult,
  ReceiveRecordsOptions,
} from './group-types.js'
import type { Position, StoredRecord } from './record-types.js'

const DEFAULT_CONSUMER = 'default'
const DEFAULT_LIMIT = 100

export interface GroupHandleOptions<T> {
  readonly name: string
  /** One a bucket. */
  readonly ports: readonly GroupPort[]
  readonly streams: readonly RecordStream[]
  readonly decode: (bucket: number, records: readonly StreamRecord[]) => Promise<readonly StoredRecord<T>[]>
  readonly clock: Clock
  readonly rules: GroupRules
  readonly deadLetters: DeadLetterBox | undefined
}

export class GroupHandle<T> implements Group<T>, GroupSource<T> {
  readonly name: string
  readonly #options: GroupHandleOptions<T>
  readonly #intake: GroupIntake<T>
  readonly #receiver: GroupReceiver<T>
  readonly #settler: GroupSettler

  constructor(options: GroupHandleOptions<T>) {
    const { ports, streams, decode, clock, rules, deadLetters } = options
    this.name = options.name
    this.#options = options
    const { backoff } = rules
    const settler = new GroupSettler({ ports, streams, deadLetters, backoff, clock })
    this.#settler = settler
    const deliver = (stored: StoredRecord<T>, delivery: PortDelivery): Delivery<T> => new GroupDelivery(stored, delivery, settler)
    this.#intake = new GroupIntake({ ports, decode, deliver, deadLetters, backoff, clock })
    const sources = [...ports.map((port, bucket) => wakerOf(port) ?? (streams[bucket] as RecordStream)), settler]
    this.#receiver = new GroupReceiver({
      ports,
      intake: this.#intake,
      clock,
      listen: (wake) => listenAll(sources, wake),
      nextDue: (now) => settler.nextDue(now),
    })
  }

  get clock(): Clock {
    return this.#options.clock
  }

  get visibilityMs(): number {
    return this.#options.rules.visibilityMs
  }

  async receive(options: ReceiveRecordsOptions = {}): Promise<readonly Delivery<T>[]> {
    return (await this.fetch(options)).deliveries
  }

  async fetch(options: ReceiveRecordsOptions): Promise<Received<T>> {
    const { consumer = DEFAULT_CONSUMER, limit = 1, waitMs = 0, signal } = options
    return this.#receiver.receive({
      consumer,
      limit: checkReadLimit(limit, 'receive'),
      waitMs: checkWaitMs(waitMs, 'receive'),
      signal,
    })
  }

  process(handler: (delivery: Delivery<T>) => unknown, options: ProcessOptions = {}): Promise<ProcessResult> {
    return processGroup(this, handler, options)
  }

  consume(options: ConsumeOptions = {}): AsyncIterableIterator<Delivery<T>> {
    return consumeGroup(this, options)
  }

  ack(deliveries: readonly Delivery<T>[]): Promise<SettleResult> {
    return this.#settler.ack(deliveries)
  }

  nack(deliveries: readonly Delivery<T>[], options: NackOptions = {}): Promise<SettleResult> {
    return this.#settler.nack(deliveries, options)
  }

  extend(deliveries: readonly Delivery<T>[], ms: number): Promise<SettleResult> {
    return this.#settler.extend(deliveries, ms)
  }

  async claim(options: ClaimOptions): Promise<readonly Delivery<T>[]> {
    const { minIdleMs, consumer = DEFAULT_CONSUMER } = options
    const limit = checkReadLimit(options.limit ?? DEFAULT_LIMIT, 'claim')
    if (!(minIdleMs >= 0)) {
      throw new StorageError('invalid', 'minIdleMs is a number of milliseconds', { operation: 'claim', facts: { minIdleMs } })
    }
    const claimed: Delivery<T>[] = []
    for (const [bucket, port] of this.#options.ports.entries()) {
      if (claimed.length >= limit) break
      const taken = await port.claim(consumer, { minIdleMs, limit: limit - claimed.length })
      claimed.push(...(await this.#intake.take(bucket, taken)).deliveries)
    }
    return claimed
  }

  async pending(options: PendingOptions = {}): Promise<readonly PendingRecord[]> {
    const { after } = options
    const limit = checkReadLimit(options.limit ?? DEFAULT_LIMIT, 'pending')
    const only = options.bucket
    if (only !== undefined) this.#port(only, 'pending')
    const found: PendingRecord[] = []
    for (const [bucket, port] of this.#options.ports.entries()) {
      if (found.length >= limit) break
      if (bucket !== (only ?? bucket) || bucket < (after?.bucket ?? 0)) continue
      const from = bucket === after?.bucket ? { after: after.offset } : {}
      for (const entry of await port.pending({ ...from, limit: limit - found.length })) {
        const { offset, consumer, idleMs, attempt, reason } = entry
        found.push({ bucket, offset, consumer, idleMs, deliveries: attempt, ...(reason === undefined ? {} : { reason }) })
      }
    }
    return found
  }

  async commit(bucket: number, next: number): Promise<void> {
    await this.#port(bucket, 'commit').commit(next)
    this.#settler.wake()
  }

  async committed(): Promise<readonly number[]> {
    return Promise.all(this.#options.ports.map(async (port) => (await port.state()).committed))
  }

  async seek(bucket: number, position: Position): Promise<void> {
    const port = this.#port(bucket, 'seek')
    await port.seek(await offsetOf(this.#options.streams[bucket] as RecordStream, position))
    this.#settler.wake()
  }

  async lag(): Promise<GroupLag> {
    const committed = await this.committed()
    const buckets = await Promise.all(
      this.#options.streams.map(async (stream, bucket) => Math.max(0, (await stream.bounds()).next - (committed[bucket] as number))),
    )
    return { total: buckets.reduce((sum, lag) => sum + lag, 0), buckets }
  }

  // For the loops

  giveBack({ bucket, offset, deliveries }: Delivery<T>, options: GiveBackOptions): Promise<number> {
    return this.#settler.giveBack(bucket, { offset, attempt: deliveries }, options)
  }

  release(deliveries: readonly Delivery<T>[]): Promise<void> {
    return this.#settler.release(deliveries)
  }

  #port(bucket: number, operation: string): GroupPort {
    const port = this.#options.ports[bucket]
    if (port !== undefined) return port
    throw new StorageError('invalid', 'the queue has no such bucket', { operation, facts: { bucket, buckets: this.#options.ports.length } })
  }
}

/** Where a port tells what its other handles here do, it tells of new records, too. */
function wakerOf(port: GroupPort): Pick<RecordStream, 'listen'> | undefined {
  return port.listen === undefined ? undefined : (port as Required<GroupPort>)
}
