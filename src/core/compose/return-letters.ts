// Dead letters on their way back. What was put back is acknowledged by a group of the dead-letter queue, so that a later
// call goes on behind it; the record has an id from its place there, so that a crash does not put it back twice.

import { checkLimit } from '../base/check-limit.js'
import { StorageError } from '../base/errors.js'
import type { DeadLetter, deadLetterOf } from '../features/queue/dead-letter.js'
import { fromDeadLetter } from '../features/queue/dead-record.js'
import type { AnyQueue } from '../features/queue/group-types.js'
import { type RawQueue, rawOf, recordId } from '../features/queue/raw-queue.js'
import { bucketOf, headersOf } from '../features/queue/record-codec.js'
import type { StoredRecord } from '../features/queue/record-types.js'
import type { GroupPort, PortDelivery } from '../ports/stream-broker.js'
import type { ReturnDeadLettersOptions, ReturnReport } from './return-report.js'

/** Group of a dead-letter queue: what it acknowledged was put back. */
export const RETURNED = 'varve-returned'
const BATCH = 100
/** So many may stay behind, each time. */
const MAX_LEFT = 100_000

interface ReturnLettersOptions<T> extends ReturnDeadLettersOptions<T> {
  readonly deadLetterOf: typeof deadLetterOf
}

export async function returnLetters<T>(deadLetters: AnyQueue, to: AnyQueue, options: ReturnLettersOptions<T>): Promise<ReturnReport> {
  const from = rawOf(deadLetters)
  const target = rawOf(to)
  const operation = 'returnDeadLetters'
  const limit = checkLimit(options.limit ?? Number.POSITIVE_INFINITY, { operation, least: 1 })
  if (from.incarnation === target.incarnation) {
    const facts = { from: from.name, to: target.name }
    throw new StorageError('invalid', 'expected a dead-letter queue and another queue', { operation, facts })
  }
  const report = { returned: 0, left: 0 }
  for (const [bucket, stream] of from.streams.entries()) {
    const port = await stream.group(RETURNED, { from: 0, maxPending: MAX_LEFT })
    const { next: end } = await stream.bounds()
    await new Returning({ from, target, bucket, port, end, options: { ...options, limit }, report }).run()
  }
  return report
}

interface ReturningInput<T> {
  readonly from: RawQueue
  readonly target: RawQueue
  readonly bucket: number
  readonly port: GroupPort
  /** What is appended later is for another call. */
  readonly end: number
  readonly options: ReturnLettersOptions<T> & { readonly limit: number }
  readonly report: { returned: number; left: number }
}

interface Handle {
  readonly offset: number
  readonly attempt: number
}

class Returning<T> {
  readonly #input: ReturningInput<T>
  /** By offset: received, and not put back. */
  readonly #kept = new Map<number, PortDelivery>()

  constructor(input: ReturningInput<T>) {
    this.#input = input
  }

  /** What was not chosen is held until the end, so that it does not come again. */
  async run(): Promise<void> {
    const { port, report, end } = this.#input
    try {
      await this.#pass()
    } finally {
      for (const offset of this.#kept.keys()) if (offset < end) report.left++
      if (this.#kept.size > 0) await port.release(this.#handles())
    }
  }

  /** Over what was there when it began, each once: what took so long that it came again is held anew. */
  async #pass(): Promise<void> {
    const { port, options, report, end } = this.#input
    let isHeldAnew = false
    while (report.returned < options.limit) {
      options.signal?.throwIfAborted()
      const received = await port.receive('return', { limit: Math.min(BATCH, options.limit - report.returned) })
      const fresh = received.filter(({ record }) => record.offset < end && !this.#kept.has(record.offset))
      for (const delivery of received) this.#kept.set(delivery.record.offset, delivery)
      if (fresh.length > 0) await this.#putBack(fresh)
      else if (received.length === 0 || isHeldAnew) return
      isHeldAnew = fresh.length < received.length
      if (isHeldAnew) await port.settle(this.#handles().map((handle) => ({ ...handle, action: 'extend' })))
    }
  }

  #handles(): Handle[] {
    return [...this.#kept.values()].map(handleOf)
  }

  async #putBack(received: readonly PortDelivery[]): Promise<void> {
    const { port, report, options } = this.#input
    const chosen: { readonly delivery: PortDelivery; readonly letter: DeadLetter }[] = []
    for (const delivery of received) {
      const letter = options.deadLetterOf({ headers: headersOf(delivery.record) })
      if (letter !== undefined && (await this.#isChosen(delivery, letter))) chosen.push({ delivery, letter })
    }
    const appends = chosen.map(({ delivery, letter }) => this.#append(delivery, letter))
    for (const outcome of await Promise.allSettled(appends)) if (outcome.status === 'rejected') throw outcome.reason
    if (chosen.length === 0) return
    await port.settle(chosen.map(({ delivery }) => ({ ...handleOf(delivery), action: 'ack' as const })))
    for (const { delivery } of chosen) this.#kept.delete(delivery.record.offset)
    report.returned += chosen.length
  }

  async #isChosen({ record }: PortDelivery, letter: DeadLetter): Promise<boolean> {
    const { from, target, bucket, options } = this.#input
    if (options.filter === undefined) return letter.queue === target.name
    const [stored] = await from.decode(bucket, [record])
    return options.filter(stored as StoredRecord<T>, letter)
  }

  async #append({ record }: PortDelivery, letter: DeadLetter): Promise<void> {
    const { from, target, bucket } = this.#input
    const buckets = target.streams.length
    const to = record.key === undefined ? letter.bucket % buckets : bucketOf(record.key, buckets)
    await target.append(to, fromDeadLetter(record, `${recordId(from, bucket, record)}/returned`))
  }
}

function handleOf({ record, attempt }: PortDelivery): Handle {
  return { offset: record.offset, attempt }
}
