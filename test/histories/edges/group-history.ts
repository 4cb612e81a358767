// One group of a queue on a bucket, worked off by several Workers while others append: what was acknowledged is not delivered
// again, nobody has a record that another holds, and in the end all of them were delivered.

import { type Clock, type Delivery, type Group, isStorageError, openQueue, openStore, type Queue } from 'varve'
import { r2 } from 'varve/adapters/cloudflare-r2'
import { Scheduler } from '../scheduler.js'
import type { Outcome } from './outcome.js'
import { type BucketFaults, SimulatedBucket } from './simulated-bucket.js'

const VISIBILITY_MS = 30_000
const REQUESTS = 4
const CALLS = 4
const MAX_RECEIVES = 2_000

/** A record in somebody's hands, with times of the scheduler (order) and of the clock (ms). */
interface Held {
  readonly offset: number
  readonly attempt: number
  readonly value: string
  readonly receivedAt: number
  readonly calledAt: number
  readonly returnedAt: number
  /** When it was, at the latest, given back before its time. */
  freedAt: number
}

class Ledger {
  readonly held: Held[] = []
  readonly acks: { readonly offset: number; readonly returnedAt: number }[] = []
  readonly appended = new Map<number, string>()
  calls = 0

  fault(content: readonly string[]): string | undefined {
    return this.#lostAppend(content) ?? this.#wrongRecord(content) ?? this.#again() ?? this.#heldTwice() ?? this.#undelivered(content)
  }

  #lostAppend(content: readonly string[]): string | undefined {
    for (const [offset, value] of this.appended) if (content[offset] !== value) return `${value} was acknowledged at ${offset}`
    return undefined
  }

  #wrongRecord(content: readonly string[]): string | undefined {
    const wrong = this.held.find(({ offset, value }) => content[offset] !== value)
    return wrong && `${wrong.value} was delivered as ${wrong.offset}`
  }

  #again(): string | undefined {
    for (const { offset, returnedAt } of this.acks) {
      const again = this.held.find((one) => one.offset === offset && one.calledAt > returnedAt)
      if (again !== undefined) return `${offset} was delivered after its acknowledgement`
    }
    return undefined
  }

  /** Each attempt is handed out once, and the next one after the time of the one before, unless it was given back. */
  #heldTwice(): string | undefined {
    const attempts = new Map<string, Held>()
    for (const one of this.held) {
      const name = `${one.offset}/${one.attempt}`
      if (attempts.has(name)) return `attempt ${name} was handed out twice`
      attempts.set(name, one)
    }
    for (const one of this.held) {
      const before = attempts.get(`${one.offset}/${one.attempt - 1}`)
      if (before === undefined) continue
      const isFree = one.returnedAt >= before.freedAt
      if (!isFree) return `${one.offset} was handed out at ${one.returnedAt}, held until ${before.freedAt}`
    }
    return undefined
  }

  #undelivered(content: readonly string[]): string | undefined {
    const seen = new Set(this.held.map(({ offset }) => offset))
    const missing = content.findIndex((_, offset) => !seen.has(offset))
    return missing === -1 ? undefined : `${missing} was never delivered`
  }
}

export async function groupHistory(seed: number, faults: BucketFaults): Promise<Outcome> {
  const scheduler = new Scheduler(seed)
  const bucket = new SimulatedBucket(scheduler)
  const ledger = new Ledger()
  const first = await openQueue<string>(await openStore(r2({ bucket: bucket.quiet() })), 'q')
  await first.group('g', { visibilityMs: VISIBILITY_MS })
  const clocks = Array.from({ length: 3 + scheduler.below(2) }, () => scheduler.clock())
  const workers = clocks.map(async (clock, name) => {
    const worker = new Worker(scheduler, ledger, clock, name)
    for (let n = 0; n < REQUESTS; n++) {
      if (scheduler.isChosen(0.3)) await scheduler.pass(scheduler.below(2 * VISIBILITY_MS))
      await unlessUnavailable(() => worker.request(r2({ bucket: bucket.client(faults) }), name === 0))
    }
  })
  await scheduler.run(workers)
  const clock = scheduler.clock()
  await clock.advance(Math.max(...clocks.map((one) => one.now())) - clock.now())
  const content = await new Worker(scheduler, ledger, clock, 99).finish(r2({ bucket: bucket.quiet() }))
  return { fault: ledger.fault(content), calls: ledger.calls, struck: bucket.struck }
}

class Worker {
  readonly #scheduler: Scheduler
  readonly #ledger: Ledger
  readonly #clock: Clock & { advance?(ms: number): Promise<void> }
  readonly #name: number
  #made = 0

  constructor(scheduler: Scheduler, ledger: Ledger, clock: Clock, name: number) {
    this.#scheduler = scheduler
    this.#ledger = ledger
    this.#clock = clock
    this.#name = name
  }

  async request(backend: ReturnType<typeof r2>, isProducer: boolean): Promise<void> {
    const store = await openStore(backend, { clock: this.#clock })
    const queue = await openQueue<string>(store, 'q')
    const group = isProducer ? undefined : await queue.group('g', { visibilityMs: VISIBILITY_MS })
    for (let n = 0; n < CALLS; n++) {
      await unlessUnavailable(() => (group === undefined ? this.#append(queue) : this.#work(group)))
      this.#ledger.calls++
    }
    await store.close()
  }

  /** Works off what is left, alone and without faults; gives what the queue holds. */
  async finish(backend: ReturnType<typeof r2>): Promise<readonly string[]> {
    const store = await openStore(backend, { clock: this.#clock })
    const queue = await openQueue<string>(store, 'q')
    const group = await queue.group('g', { visibilityMs: VISIBILITY_MS })
    for (let n = 0; (await group.lag()).total > 0; n++) {
      if (n > MAX_RECEIVES) throw new Error('a record is never acknowledged')
      const deliveries = await this.#receive(group, 10)
      for (const [delivery, held] of deliveries) await this.#ack(delivery, held)
      if (deliveries.length === 0) await this.#scheduler.pass(VISIBILITY_MS / 2)
    }
    const content = (await queue.read({ limit: 10_000 })).map(({ value }) => value)
    await store.close()
    return content
  }

  async #append(queue: Queue<string>): Promise<void> {
    const values = Array.from({ length: 1 + this.#scheduler.below(3) }, () => `${this.#name}.${this.#made++}`)
    const receipts = await queue.appendMany(values)
    receipts.forEach(({ offset }, index) => {
      this.#ledger.appended.set(offset, values[index] as string)
    })
  }

  async #work(group: Group<string>): Promise<void> {
    for (const [delivery, held] of await this.#receive(group, 1 + this.#scheduler.below(3))) {
      const kind = this.#scheduler.below(10)
      if (this.#scheduler.isChosen(0.1)) await this.#scheduler.pass(this.#scheduler.below(2 * VISIBILITY_MS))
      await unlessUnavailable(() => this.#settle(delivery, held, kind))
    }
  }

  async #receive(group: Group<string>, limit: number): Promise<readonly (readonly [Delivery<string>, Held])[]> {
    const calledAt = this.#scheduler.now
    const from = this.#clock.now()
    const deliveries = await group.receive({ consumer: String(this.#name), limit })
    const returnedAt = this.#clock.now()
    return deliveries.map((delivery) => {
      const { offset, deliveries: attempt, value } = delivery
      const held: Held = {
        ...{ offset, attempt, value, calledAt, returnedAt },
        receivedAt: this.#scheduler.now,
        freedAt: from + VISIBILITY_MS,
      }
      this.#ledger.held.push(held)
      return [delivery, held] as const
    })
  }

  /** One of ten is never heard of again. */
  async #settle(delivery: Delivery<string>, held: Held, kind: number): Promise<void> {
    if (kind < 6) return this.#ack(delivery, held)
    if (kind < 8) {
      held.freedAt = Math.min(held.freedAt, this.#clock.now())
      await delivery.nack({ delayMs: this.#scheduler.below(5_000) })
    } else if (kind < 9) await delivery.extend(VISIBILITY_MS)
  }

  async #ack(delivery: Delivery<string>, { offset }: Held): Promise<void> {
    await delivery.ack()
    this.#ledger.acks.push({ offset, returnedAt: this.#scheduler.now })
  }
}

/** What a backend that fails for long cannot do is not done; nothing else may fail. */
async function unlessUnavailable(task: () => Promise<unknown> | undefined): Promise<void> {
  try {
    await task()
  } catch (error) {
    if (!isStorageError(error, 'unavailable')) throw error
  }
}
