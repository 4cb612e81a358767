// How deliveries end: acknowledged, given back with back-off, or given up. A list is one call for each bucket.

import { type BackoffOptions, backoffMs } from '../../base/backoff.js'
import type { Clock } from '../../base/clock.js'
import { StorageError } from '../../base/errors.js'
import { Latch } from '../../base/latch.js'
import type { GroupPort, RecordStream, SettleAction, SettleResult } from '../../ports/stream-broker.js'
import type { DeadLetterBox, SpentRecord } from './dead-letter-box.js'
import type { GiveBackOptions } from './group-source.js'
import type { Delivery, NackOptions } from './group-types.js'

export interface GroupSettlerOptions {
  /** One a bucket. */
  readonly ports: readonly GroupPort[]
  readonly streams: readonly RecordStream[]
  readonly deadLetters: DeadLetterBox | undefined
  readonly backoff: BackoffOptions
  readonly clock: Clock
}

/** A delivery as the port knows it. */
export interface PortHandle {
  readonly offset: number
  readonly attempt: number
}

type Handles = Pick<Delivery<unknown>, 'bucket' | 'offset' | 'deliveries'>

/** So many retries are remembered; others are seen at the next look. */
const MAX_DUES = 1_000

const NONE: SettleResult = { settled: 0, ignored: 0 }

export class GroupSettler {
  readonly #options: GroupSettlerOptions
  /** What is settled here may make way for more: for the next of its key, or where too much was pending. */
  readonly #settled = new Latch()
  /** When what was given back here may be delivered again. */
  #dues: number[] = []

  constructor(options: GroupSettlerOptions) {
    this.#options = options
  }

  nextDue(now: number): number | undefined {
    this.#dues = this.#dues.filter((due) => due > now)
    return this.#dues.length === 0 ? undefined : Math.min(...this.#dues)
  }

  listen(wake: () => void): () => void {
    return this.#settled.listen(wake)
  }

  /** To be called when deliveries may have been freed by other means. */
  wake(): void {
    this.#settled.wake()
  }

  ack(deliveries: readonly Handles[]): Promise<SettleResult> {
    return this.#byBucket(deliveries, (bucket, handles) => this.ackIn(bucket, handles))
  }

  ackIn(bucket: number, handles: readonly PortHandle[]): Promise<SettleResult> {
    const ack = ({ offset, attempt }: PortHandle): SettleAction => ({ offset, attempt, action: 'ack' })
    return this.#store(bucket, handles.map(ack))
  }

  async extend(deliveries: readonly Handles[], ms: number): Promise<SettleResult> {
    checkExtension(ms)
    return this.#byBucket(deliveries, (bucket, handles) => this.extendIn(bucket, handles, ms))
  }

  async extendIn(bucket: number, handles: readonly PortHandle[], ms: number): Promise<SettleResult> {
    checkExtension(ms)
    return this.#store(
      bucket,
      handles.map(({ offset, attempt }) => ({ offset, attempt, action: 'extend', delayMs: ms })),
    )
  }

  nack(deliveries: readonly Handles[], options: NackOptions): Promise<SettleResult> {
    return this.#byBucket(deliveries, (bucket, handles) => this.nackIn(bucket, handles, options))
  }

  /** Resolves to how many became dead letters. */
  async giveBack(bucket: number, handle: PortHandle, { reason, isLast = false }: GiveBackOptions): Promise<number> {
    const { deadLetters } = this.#options
    if (deadLetters === undefined || !(isLast || this.isLast(handle.attempt))) {
      await this.nackIn(bucket, [handle], { reason })
      return 0
    }
    return (await this.#giveUp(bucket, [handle], reason, deadLetters)).settled
  }

  /** The last delivery that is given back makes a dead letter. */
  async nackIn(bucket: number, handles: readonly PortHandle[], { delayMs, reason }: NackOptions): Promise<SettleResult> {
    if (delayMs !== undefined && !(delayMs >= 0)) {
      throw new StorageError('invalid', 'delayMs is a number of milliseconds from 0', { operation: 'nack', facts: { delayMs } })
    }
    const { clock, backoff, deadLetters } = this.#options
    const last = handles.filter(({ attempt }) => this.isLast(attempt))
    const others = handles.filter(({ attempt }) => !this.isLast(attempt))
    const actions = others.map((handle): SettleAction => {
      const restMs = delayMs ?? backoffMs(clock, handle.attempt - 1, backoff)
      if (this.#dues.length < MAX_DUES) this.#dues.push(clock.now() + restMs)
      return { ...handle, action: 'nack', delayMs: restMs, ...(reason === undefined ? {} : { reason }) }
    })
    const given = actions.length === 0 ? NONE : await this.#store(bucket, actions)
    if (last.length === 0 || deadLetters === undefined) return given
    return sum(given, await this.#giveUp(bucket, last, reason, deadLetters))
  }

  isLast(attempt: number): boolean {
    const { deadLetters } = this.#options
    return deadLetters !== undefined && attempt >= deadLetters.maxDeliveries
  }

  /** Nobody has seen them: uncounted. */
  async release(deliveries: readonly Handles[]): Promise<void> {
    await this.#byBucket(deliveries, async (bucket, handles) => {
      await (this.#options.ports[bucket] as GroupPort).release(handles)
      return NONE
    })
    this.wake()
  }

  async #giveUp(bucket: number, handles: readonly PortHandle[], reason = 'given back', box: DeadLetterBox): Promise<SettleResult> {
    const stream = this.#options.streams[bucket] as RecordStream
    const spent: SpentRecord[] = []
    for (const { offset, attempt } of await this.#stillOut(bucket, handles)) {
      const [record] = await stream.read({ from: offset, limit: 1 })
      // One that was trimmed meanwhile is forgotten by the group, too.
      if (record?.offset === offset) spent.push({ record, attempt, deliveries: attempt, reason })
    }
    const result = spent.length === 0 ? NONE : await box.take(bucket, spent)
    this.wake()
    return sum(result, { settled: 0, ignored: handles.length - spent.length })
  }

  /** Hidden anew until the letter is stored. What was acknowledged meanwhile, or belongs to somebody else, is no dead letter. */
  async #stillOut(bucket: number, handles: readonly PortHandle[]): Promise<readonly PortHandle[]> {
    const port = this.#options.ports[bucket] as GroupPort
    const results = await Promise.all(handles.map((handle) => port.settle([{ ...handle, action: 'extend' }])))
    return handles.filter((_, at) => results[at]?.settled === 1)
  }

  async #store(bucket: number, actions: readonly SettleAction[]): Promise<SettleResult> {
    const port = this.#options.ports[bucket]
    if (port === undefined) throw new StorageError('invalid', 'the queue has no such bucket', { operation: 'settle', facts: { bucket } })
    const result = await port.settle(actions)
    this.wake()
    return result
  }

  async #byBucket(
    deliveries: readonly Handles[],
    run: (bucket: number, handles: readonly PortHandle[]) => Promise<SettleResult>,
  ): Promise<SettleResult> {
    const byBucket = new Map<number, PortHandle[]>()
    for (const { bucket, offset, deliveries: attempt } of deliveries) {
      const handles = byBucket.get(bucket)
      if (handles === undefined) byBucket.set(bucket, [{ offset, attempt }])
      else handles.push({ offset, attempt })
    }
    const results = await Promise.all([...byBucket].map(([bucket, handles]) => run(bucket, handles)))
    return results.reduce(sum, NONE)
  }
}

function sum(a: SettleResult, b: SettleResult): SettleResult {
  return { settled: a.settled + b.settled, ignored: a.ignored + b.ignored }
}

function checkExtension(ms: number): void {
  if (ms > 0) return
  throw new StorageError('invalid', 'extend takes a positive number of milliseconds', { operation: 'extend', facts: { ms } })
}
