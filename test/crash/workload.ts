// A small life of a queue and a group on the simulated disk, with a note of every promise that it was given and when.

import { type Group, openQueue, openStore, type Queue, type QueueOptions } from 'varve'
import { type FaultBackend, ManualClock, type Recording, seededRandom } from 'varve/testing'
import { A_DAY_MS, GroupDiary } from './group-diary.js'

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
  /** Records that were appended with an id, which is their value. */
  readonly identified: readonly Identified[]
  /** What each bucket held when this life began. */
  readonly before: readonly (readonly string[])[]
  readonly group: Pick<GroupDiary, 'acks' | 'receives'>
  readonly clock: ManualClock
}

export interface Identified {
  readonly value: string
  readonly key: string
}

export interface LifePlan {
  readonly seed: number
  /** When it begins, ms. */
  readonly now: number
  readonly options: QueueOptions<string> & { readonly buckets: number }
  readonly sessions: number
  readonly rounds: number
}

export const QUEUE = 'q'
export const GROUP = 'g'
/** Crashes are looked at days later. */
const DEDUPE = { ms: 30 * A_DAY_MS, ids: 10_000 }

/** Opens, appends from several callers beside a consumer, closes; several times. The last session stays open. */
export async function live(first: FaultBackend, plan: LifePlan): Promise<Life> {
  const diary = new Diary(first, plan)
  let backend = first
  for (let session = 0; session < plan.sessions; session++) {
    const store = await openStore(backend, { clock: diary.clock })
    const queue = await openQueue<string>(store, QUEUE, diary.options)
    if (session === 0) await diary.begin(queue)
    const group = await queue.group(GROUP)
    for (let round = 0; round < plan.rounds; round++) await diary.round(queue, group)
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
  readonly identified: Identified[] = []
  before: string[][] = []
  readonly group: GroupDiary
  readonly clock: ManualClock
  readonly #plan: LifePlan
  readonly #random: () => number
  #made = 0

  constructor(backend: FaultBackend, plan: LifePlan) {
    this.recording = backend.recording
    this.options = { ...plan.options, dedupe: DEDUPE }
    this.clock = new ManualClock({ now: plan.now })
    this.#plan = plan
    this.#random = seededRandom(plan.seed)
    this.group = new GroupDiary(this.recording, { isStrict: backend.blobs.traits.durable === 'disk', random: this.#random })
  }

  async begin(queue: Queue<string>): Promise<void> {
    this.before = await contentOf(queue)
    await this.group.begin(await queue.group(GROUP), this.before)
  }

  /** Up to four callers and a consumer at once; now and then time passes, and everything is flushed. */
  async round(queue: Queue<string>, group: Group<string>): Promise<void> {
    const callers = 1 + this.#below(4)
    await Promise.all([...Array.from({ length: callers }, () => this.#append(queue)), this.#consume(group)])
    if (this.#below(3) === 0) await this.clock.advance(1)
    if (this.#below(6) > 0) return
    await queue.flush()
    this.allDurable()
  }

  allDurable(): void {
    const now = this.recording.operations.length
    for (const promise of this.promised) promise.durableAt = Math.min(promise.durableAt, now)
  }

  async #consume(group: Group<string>): Promise<void> {
    for (let steps = this.#below(3); steps > 0; steps--) await this.group.step(group)
  }

  async #append(queue: Queue<string>): Promise<void> {
    const count = this.#below(3) === 0 ? 2 + this.#below(4) : 1
    const values = Array.from({ length: count }, () => this.#value())
    this.batches.push(values)
    const said = values.map((value) => ({ value, key: `k${this.#below(8)}` }))
    const hasIds = this.#below(4) === 0
    if (hasIds) this.identified.push(...said)
    const records = hasIds ? said.map((one) => ({ ...one, id: one.value })) : said
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
