// A small life of a queue on the simulated disk, with a note of every promise that it was given and when.

import { openQueue, openStore, type Queue, type QueueOptions } from 'varve'
import { type FaultBackend, type Recording, seededRandom } from 'varve/testing'

export interface Promised {
  readonly bucket: number
  readonly offset: number
  readonly value: string
  /** Number of operations of the disk when the receipt came: later crashes of the process must not lose it. */
  readonly acknowledgedAt: number
  /** The same for power failures; Infinity until it was synced. */
  durableAt: number
}

export interface Life {
  readonly recording: Recording
  readonly options: QueueOptions<string>
  readonly promised: readonly Promised[]
  /** Values of each append, which is stored as a whole in each bucket or not at all. */
  readonly batches: readonly (readonly string[])[]
  /** What each bucket held when this life began. */
  readonly before: readonly (readonly string[])[]
}

export interface LifePlan {
  readonly seed: number
  readonly options: QueueOptions<string> & { readonly buckets: number }
  readonly sessions: number
  readonly rounds: number
}

export const QUEUE = 'q'

/** Opens, appends from several callers, closes; several times. The last session stays open. */
export async function live(first: FaultBackend, plan: LifePlan): Promise<Life> {
  const diary = new Diary(first.recording, plan)
  let backend = first
  for (let session = 0; session < plan.sessions; session++) {
    const store = await openStore(backend)
    const queue = await openQueue<string>(store, QUEUE, plan.options)
    if (session === 0) await diary.begin(queue)
    for (let round = 0; round < plan.rounds; round++) await diary.round(queue)
    if (session === plan.sessions - 1) break
    await store.close()
    diary.allDurable()
    backend = backend.another()
  }
  return diary
}

class Diary implements Life {
  readonly recording: Recording
  readonly options: QueueOptions<string>
  readonly promised: Promised[] = []
  readonly batches: string[][] = []
  before: string[][] = []
  readonly #plan: LifePlan
  readonly #random: () => number
  #made = 0

  constructor(recording: Recording, plan: LifePlan) {
    this.recording = recording
    this.options = plan.options
    this.#plan = plan
    this.#random = seededRandom(plan.seed)
  }

  async begin(queue: Queue<string>): Promise<void> {
    this.before = await contentOf(queue)
  }

  /** Up to four callers at once; now and then everything is flushed. */
  async round(queue: Queue<string>): Promise<void> {
    const callers = 1 + this.#below(4)
    await Promise.all(Array.from({ length: callers }, () => this.#append(queue)))
    if (this.#below(6) > 0) return
    await queue.flush()
    this.allDurable()
  }

  allDurable(): void {
    const now = this.recording.operations.length
    for (const promise of this.promised) promise.durableAt = Math.min(promise.durableAt, now)
  }

  async #append(queue: Queue<string>): Promise<void> {
    const count = this.#below(3) === 0 ? 2 + this.#below(4) : 1
    const values = Array.from({ length: count }, () => this.#value())
    this.batches.push(values)
    const records = values.map((value) => ({ value, key: `k${this.#below(8)}` }))
    const receipts = await queue.appendRecords(records)
    const now = this.recording.operations.length
    for (const [index, { bucket, offset, durability }] of receipts.entries()) {
      const durableAt = durability === 'disk' ? now : Number.POSITIVE_INFINITY
      this.promised.push({ bucket, offset, value: values[index] as string, acknowledgedAt: now, durableAt })
    }
  }

  #value(): string {
    return `${this.#plan.seed}:${this.#made++}:${'x'.repeat(this.#below(40))}`
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit)
  }
}

export async function contentOf(queue: Queue<string>): Promise<string[][]> {
  const buckets: string[][] = []
  for (let bucket = 0; bucket < queue.buckets; bucket++) {
    const records = await queue.read({ bucket, limit: 10_000 })
    for (const [index, { offset }] of records.entries()) {
      if (offset !== index) throw new Error(`bucket ${bucket} has a record with offset ${offset} in place ${index}`)
    }
    buckets.push(records.map(({ value }) => value))
  }
  return buckets
}
