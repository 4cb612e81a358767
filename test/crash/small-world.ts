// A store with a little of everything in it, and a note of what each operation promised and when: for workloads so small that
// all of them can be run.

import {
  type Backend,
  type Clock,
  type Group,
  type Kv,
  openKv,
  openQueue,
  openSnapshots,
  openStore,
  type Queue,
  type QueueOptions,
  type Snapshots,
  type Store,
} from 'varve'
import type { Recording } from 'varve/testing'
import { A_DAY_MS } from './group-diary.js'

/** When, in operations of the disk: begun, and safe from a kill and from a power failure; Infinity while it is not. */
export interface Note {
  readonly begunAt: number
  acknowledgedAt: number
  durableAt: number
}

interface RecordNote extends Note {
  readonly bucket: number
  readonly key: string
  readonly value: string
  /** Records of one append are there together or not at all. */
  readonly batch: number
  offset?: number
  /** It was appended with the id ONCE. */
  readonly isOnce?: boolean
}

interface AckNote extends Note {
  readonly bucket: number
  readonly offset: number
  readonly value: string
}

export interface Notes {
  readonly records: RecordNote[]
  readonly acks: AckNote[]
  /** Of the one key, oldest first; undefined for a delete. */
  readonly puts: (Note & { readonly value: number | undefined })[]
  readonly saves: (Note & { readonly state: number })[]
  readonly trims: (Note & { readonly before: readonly number[] })[]
  readonly compactions: Note[]
}

export const NOTHING: Notes = { records: [], acks: [], puts: [], saves: [], trims: [], compactions: [] }

/** Keys of the first and the second bucket of two. */
export const KEYS = [
  ['a', 'g'],
  ['b', 'c'],
] as const
export const SESSION = { agent: 'a', session: 's' } as const
/** Of a record that is appended again and again, and stored once. Crashes lie days apart. */
export const ONCE = 'once'
const DEDUPE = { ms: 1_000 * A_DAY_MS, ids: 100 }
const QUEUE_OPTIONS = { buckets: 2, segmentBytes: 400, compaction: 'key', dedupe: DEDUPE } as const

/** Everything open in one store. */
export interface Opened {
  readonly store: Store
  readonly queue: Queue<string>
  readonly kv: Kv<{ k: number }>
  readonly snapshots: Snapshots<{ n: number }>
  readonly group: Group<string>
}

export async function openAll(backend: Backend, day = 0, options: QueueOptions<string> = {}): Promise<Opened> {
  const store = await openStore(backend, { clock: hastyClock((1 + day) * A_DAY_MS) })
  try {
    const queue = await openQueue<string>(store, 'q', { ...QUEUE_OPTIONS, ...options })
    const kv = await openKv<{ k: number }>(store, 'n')
    const snapshots = await openSnapshots<{ n: number }>(store)
    return { store, queue, kv, snapshots, group: await queue.group('g') }
  } catch (error) {
    await store.close().catch(() => {})
    throw error
  }
}

/** Whoever waits has waited at once. */
function hastyClock(begin: number): Clock {
  let now = begin
  return {
    now: () => now,
    after(ms, run) {
      const due = now + ms
      const soon = setImmediate(() => {
        now = Math.max(now, due)
        run()
      })
      return () => clearImmediate(soon)
    },
    random: () => 0.5,
  }
}

/** Opens the backend again, as a new session of a program does. */
export type Connect = () => Backend

export interface SmallWorldOptions {
  readonly recording: Recording
  readonly connect: Connect
  /** Whether a put is durable when it resolves. */
  readonly isStrict: boolean
  /** What was there before; they are added to. */
  readonly notes: Notes
  readonly queue?: QueueOptions<string>
}

export class SmallWorld {
  readonly notes: Notes
  readonly #recording: Recording
  readonly #connect: Connect
  readonly #isStrict: boolean
  readonly #queue: QueueOptions<string>
  #opened: Opened | undefined
  /** Makes values that were never there. */
  #made: number

  constructor({ recording, connect, isStrict, notes, queue = {} }: SmallWorldOptions) {
    this.notes = structuredClone(notes)
    this.#recording = recording
    this.#connect = connect
    this.#isStrict = isStrict
    this.#queue = queue
    this.#made = notes.records.length + notes.puts.length + notes.saves.length
  }

  get count(): number {
    return this.#recording.operations.length
  }

  /** Something of each kind, before anything can go wrong. */
  async furnish(): Promise<void> {
    for (const key of ['a', 'b', 'g', 'a']) await this.append([key])
    await this.appendOnce()
    await this.ack()
    await this.put()
    await this.save()
    await this.reopen()
  }

  async append(keys: readonly string[]): Promise<void> {
    const { queue } = await this.#open()
    const batch = this.#made
    const notes = keys.map((key): RecordNote => ({ ...this.#begin(), bucket: bucketOf(key), key, value: `${key} ${this.#made++}`, batch }))
    this.notes.records.push(...notes)
    const receipts = await queue.appendRecords(notes.map(({ key, value }) => ({ key, value })))
    for (const [index, note] of notes.entries()) {
      note.offset = receipts[index]?.offset
      this.#acknowledge(note, receipts[index]?.durability === 'disk')
    }
  }

  /** The first time it is a new record; from then on the same one, by its id. */
  async appendOnce(): Promise<void> {
    const { queue } = await this.#open()
    const known = this.notes.records.find(({ isOnce }) => isOnce)
    const batch = this.#made
    const note: RecordNote = known ?? { ...this.#begin(), bucket: 0, key: 'a', value: `a ${this.#made++}`, batch, isOnce: true }
    if (known === undefined) this.notes.records.push(note)
    const receipt = await queue.append(note.value, { key: note.key, id: ONCE })
    if (note.offset !== undefined && receipt.offset !== note.offset)
      throw new Error(`${note.value} was stored at ${note.offset} and, again, at ${receipt.offset}`)
    note.offset = receipt.offset
    if (!Number.isFinite(note.acknowledgedAt)) this.#acknowledge(note, receipt.durability === 'disk')
  }

  async put(): Promise<void> {
    const { kv } = await this.#open()
    const value = this.#made++
    await this.#noted(this.notes.puts, { value }, () => kv.put('k', value))
  }

  async delete(): Promise<void> {
    const { kv } = await this.#open()
    await this.#noted(this.notes.puts, { value: undefined }, () => kv.delete('k'))
  }

  async save(): Promise<void> {
    const { snapshots } = await this.#open()
    const state = this.#made++
    await this.#noted(this.notes.saves, { state }, () => snapshots.save({ ...SESSION, state: { n: state } }))
  }

  async ack(): Promise<void> {
    const { group } = await this.#open()
    for (const delivery of await group.receive()) {
      const { bucket, offset, value } = delivery
      await this.#noted(this.notes.acks, { bucket, offset, value }, () => delivery.ack())
    }
  }

  async trim(): Promise<void> {
    const { queue } = await this.#open()
    const { buckets } = await queue.stats()
    const before = buckets.map(({ first, next }) => Math.min(first + 2, next))
    await this.#noted(this.notes.trims, { before }, () => queue.trim(before))
  }

  async compact(): Promise<void> {
    const { queue } = await this.#open()
    await this.#noted(this.notes.compactions, {}, () => queue.compact())
  }

  async flush(): Promise<void> {
    const { queue } = await this.#open()
    await queue.flush()
    this.#recordsAreDurable()
  }

  async reopen(): Promise<void> {
    const { store } = await this.#open()
    this.#opened = undefined
    await store.close()
    this.#recordsAreDurable()
    await this.#open()
  }

  /** Lets go of what is open, whatever it says. */
  async abandon(): Promise<void> {
    const opened = this.#opened
    this.#opened = undefined
    await opened?.store.close().catch(() => {})
  }

  async #open(): Promise<Opened> {
    this.#opened ??= await openAll(this.#connect(), 0, this.#queue)
    return this.#opened
  }

  #recordsAreDurable(): void {
    for (const note of this.notes.records) {
      if (Number.isFinite(note.acknowledgedAt)) note.durableAt = Math.min(note.durableAt, this.count)
    }
  }

  async #noted<T>(notes: (Note & T)[], fields: T, run: () => Promise<unknown>): Promise<void> {
    const note = { ...this.#begin(), ...fields }
    notes.push(note)
    await run()
    this.#acknowledge(note, this.#isStrict)
  }

  #begin(): Note {
    return { begunAt: this.count, acknowledgedAt: Number.POSITIVE_INFINITY, durableAt: Number.POSITIVE_INFINITY }
  }

  #acknowledge(note: Note, isDurable: boolean): void {
    note.acknowledgedAt = this.count
    if (isDurable) note.durableAt = this.count
  }
}

function bucketOf(key: string): number {
  return KEYS.findIndex((keys) => (keys as readonly string[]).includes(key))
}
