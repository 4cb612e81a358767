// Marks of one task: a batch is chosen from what is ready, and exists once the cell says that its records are consumed.
// Whoever chose at the same time and was later sees that in the cell, and chooses again.

import { backOff, type BackoffOptions } from '../../base/backoff.js'
import { StorageError } from '../../base/errors.js'
import { checkName, keyComponent } from '../../base/key.js'
import { Latch, listenAll, POLL_MS, Wakes } from '../../base/latch.js'
import { Mutex } from '../../base/mutex.js'
import type { StoreContext } from '../../derived/store-context.js'
import { Cell } from '../../engine/cell.js'
import type { RecordStream, StreamRecord } from '../../ports/stream-broker.js'
import { checkReadLimit, checkWaitMs } from './checks.js'
import * as machine from './mark-state.js'
import type { MarkState } from './mark-state.js'
import { marksPrefix } from '../../engine/marks-prefix.js'
import type { MarkedBatch, Marks, MarksLag, MarksOptions, ReadyRecord, RecordPlace, Sampler, TakeOptions } from './marks-types.js'
import { countBetween, type OffsetRange, type OffsetRanges } from './offset-ranges.js'
import { offsetWithin } from './position.js'
import { readPlaces } from './read-places.js'
import { readReady, type ReadyRecords } from './ready-records.js'
import type { Position, StoredRecord } from './record-types.js'

const MAX_ATTEMPTS = 64
const MAX_WINDOW = 10_000
/** What `sequentialSampler` gives; not imported, because that one is in every bundle. */
const OLDEST_FIRST: Sampler = { choose: (ready, limit) => ready.slice(0, limit) }
const BACKOFF: BackoffOptions = { firstMs: 4, maxMs: 1_500 }

/** What marks need of their queue. */
export interface MarksInput<T> {
  readonly queue: string
  readonly context: StoreContext
  /** First part of the keys of the queue. */
  readonly incarnation: string
  readonly streams: readonly RecordStream[]
  readonly decode: (bucket: number, records: readonly StreamRecord[]) => Promise<readonly StoredRecord<T>[]>
  /** Throws `closed` once the queue is. */
  readonly checkOpen: (operation: string) => void
}

/** `invalid` for a task name that cannot be. */
export async function openMarks<T>(input: MarksInput<T>, task: string, options: MarksOptions): Promise<Marks<T>> {
  checkName('task name', task)
  const marks = new QueueMarks(input, task, options.sampler ?? OLDEST_FIRST)
  if (input.context.mode === 'write') await marks.cutToEnds()
  return marks
}

/** A batch that may be taken, and the state in which it is: undefined where something came between. */
interface Plan {
  readonly places: readonly RecordPlace[]
  readonly index: number | undefined
  readonly apply: (now: MarkState) => MarkState | undefined
}

class QueueMarks<T> implements Marks<T> {
  readonly task: string
  readonly #input: MarksInput<T>
  readonly #sampler: Sampler
  readonly #cell: Cell<MarkState>
  /** One takes at a time here; elsewhere others may. */
  readonly #turns = new Mutex()
  /** Records became ready without an append. */
  readonly #changed = new Latch()

  constructor(input: MarksInput<T>, task: string, sampler: Sampler) {
    this.#input = input
    this.task = task
    this.#sampler = checkSampler(sampler)
    const { backend, clock } = input.context
    this.#cell = new Cell({ blobs: backend.blobs, clock, key: `${marksPrefix(input.incarnation)}${keyComponent('t', task)}` })
  }

  async take(options: TakeOptions = {}): Promise<MarkedBatch | undefined> {
    const limit = checkReadLimit(options.limit ?? 1, 'take')
    const atLeast = checkAtLeast(options.atLeast ?? 1, limit)
    const waitMs = checkWaitMs(options.waitMs ?? 0, 'take')
    const { clock } = this.#input.context
    const end = clock.now() + waitMs
    const wakes = new Wakes((wake) => this.#listen(wake))
    try {
      for (;;) {
        options.signal?.throwIfAborted()
        const batch = await this.#turns.run(() => this.#takeNow(limit, atLeast))
        const leftMs = end - clock.now()
        if (batch !== undefined || leftMs <= 0) return batch
        await wakes.next(clock, Math.min(POLL_MS, leftMs), options.signal)
      }
    } finally {
      wakes.stop()
    }
  }

  async read(batch: MarkedBatch, { signal }: { readonly signal?: AbortSignal } = {}): Promise<readonly StoredRecord<T>[]> {
    this.#input.checkOpen('read')
    return readPlaces(this.#placesOf(batch, 'read'), { ...this.#input, signal })
  }

  async giveBack(batch: MarkedBatch): Promise<void> {
    const places = this.#placesOf(batch, 'giveBack')
    await this.#change('giveBack', (state) => machine.giveBack(state, places))
  }

  async reset(to: Position = 'earliest'): Promise<void> {
    this.#input.checkOpen('reset')
    const offsets = await Promise.all(
      this.#input.streams.map((stream, bucket) => offsetWithin(stream, to, { operation: 'reset', queue: this.#input.queue, bucket })),
    )
    await this.#change('reset', (state) => machine.resetState(state, offsets))
  }

  async lag(): Promise<MarksLag> {
    this.#input.checkOpen('lag')
    const { consumed } = await this.#state()
    const buckets = await Promise.all(
      this.#input.streams.map(async (stream, bucket) => {
        const { first, next } = await stream.bounds()
        return next - first - countBetween(consumed[bucket] as OffsetRanges, first, next)
      }),
    )
    return { total: buckets.reduce((sum, one) => sum + one, 0), buckets }
  }

  /** What was consumed of a tail that a recovery dropped is not: other records have its offsets. */
  async cutToEnds(): Promise<void> {
    const ends = await Promise.all(this.#input.streams.map(async (stream) => (await stream.bounds()).next))
    if (machine.cutToEnds(await this.#state(), ends) === undefined) return
    await this.#input.context.writable('marks')
    await this.#cell.update((stored) => machine.cutToEnds(this.#open(stored), ends))
  }

  async #takeNow(limit: number, atLeast: number): Promise<MarkedBatch | undefined> {
    this.#input.checkOpen('take')
    await this.#input.context.writable('take')
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const state = await this.#state()
      const plan = this.#planKept(state) ?? (await this.#planNew(state, limit, atLeast))
      if (plan === undefined) return undefined
      if (await this.#changeWhile(plan.apply)) return this.#batch(plan)
      if (attempt > 0) await backOff(this.#input.context.clock, attempt, BACKOFF)
    }
    throw new StorageError('unavailable', 'too many others took batches of the task at once', {
      operation: 'take',
      facts: { queue: this.#input.queue, task: this.task, attempts: MAX_ATTEMPTS },
    })
  }

  /** The batch that another rank of the replica has chosen before. */
  #planKept(state: MarkState): Plan | undefined {
    const { share } = this.#sampler
    const places = share === undefined ? undefined : machine.keptBatch(state, share)
    if (share === undefined || places === undefined) return undefined
    const index = machine.nextIndex(state, share)
    const apply = (now: MarkState) => (machine.isSameTurn(state, now, share) ? machine.advance(now, share) : undefined)
    return { places, index, apply }
  }

  async #planNew(state: MarkState, limit: number, atLeast: number): Promise<Plan | undefined> {
    const { window = limit, share } = this.#sampler
    if (share !== undefined && machine.isTooFarAhead(state, share)) return undefined
    const { streams } = this.#input
    const ready = await readReady(streams, state.consumed, { want: Math.max(window, limit), start: state.turn % streams.length })
    if (ready.found.length < atLeast) return undefined
    const records = ready.found.map(({ record }) => record)
    const chosen = checkChoice(this.#sampler.choose(records, limit), records, limit)
    if (chosen.length === 0) return undefined
    const places = chosen.map(({ bucket, offset }) => ({ bucket, offset }))
    const added = rangesOf(ready, places)
    const apply = (now: MarkState): MarkState | undefined => {
      if (!machine.isSameTurn(state, now, share) || machine.isAnyConsumed(now, places)) return undefined
      const next = machine.consume(now, added)
      return share === undefined ? next : machine.advance(next, share, places)
    }
    return { places, index: share === undefined ? undefined : machine.nextIndex(state, share), apply }
  }

  #batch({ places, index }: Plan): MarkedBatch {
    return { task: this.task, places, ...(index === undefined ? {} : { index }) }
  }

  async #state(): Promise<MarkState> {
    return this.#open((await this.#cell.read()).value)
  }

  #open(stored: MarkState | undefined): MarkState {
    return machine.openState(stored, this.#input.streams.length)
  }

  /** False, and nothing is stored, when the change does not fit the newest state any more. */
  async #changeWhile(apply: Plan['apply']): Promise<boolean> {
    let isStored = false
    await this.#cell.update((stored) => {
      const next = apply(this.#open(stored))
      isStored = next !== undefined
      return next
    })
    return isStored
  }

  async #change(operation: string, change: (state: MarkState) => MarkState): Promise<void> {
    this.#input.checkOpen(operation)
    await this.#input.context.writable(operation)
    await this.#cell.update((stored) => change(this.#open(stored)))
    this.#changed.wake()
  }

  #placesOf({ task, places }: MarkedBatch, operation: string): readonly RecordPlace[] {
    const buckets = this.#input.streams.length
    const isPlace = ({ bucket, offset }: RecordPlace): boolean =>
      Number.isSafeInteger(bucket) && bucket >= 0 && bucket < buckets && Number.isSafeInteger(offset) && offset >= 0
    if (task === this.task && Array.isArray(places) && places.every(isPlace)) return places
    throw new StorageError('invalid', 'this is no batch of the task', {
      operation,
      facts: { queue: this.#input.queue, task: this.task, given: task, buckets },
    })
  }

  #listen(wake: () => void): () => void {
    return listenAll([...this.#input.streams, this.#changed], wake)
  }
}

function checkSampler(sampler: Sampler): Sampler {
  const { window = 1 } = sampler
  if (typeof sampler.choose === 'function' && Number.isInteger(window) && window >= 1 && window <= MAX_WINDOW) return sampler
  throw new StorageError('invalid', `a sampler has a function choose, and a window from 1 to ${MAX_WINDOW}`, {
    operation: 'marks',
    facts: { window },
  })
}

function checkAtLeast(atLeast: number, limit: number): number {
  if (Number.isInteger(atLeast) && atLeast >= 1 && atLeast <= limit) return atLeast
  throw new StorageError('invalid', 'atLeast is a whole number from 1 to the limit', { operation: 'take', facts: { atLeast, limit } })
}

function checkChoice(chosen: readonly ReadyRecord[], ready: readonly ReadyRecord[], limit: number): readonly ReadyRecord[] {
  const known = new Set(ready)
  if (chosen.length <= limit && new Set(chosen).size === chosen.length && chosen.every((record) => known.has(record))) return chosen
  throw new StorageError('invalid', 'a sampler chooses each ready record at most once, and no more than the limit', {
    operation: 'take',
    facts: { limit, chosen: chosen.length },
  })
}

/** What is consumed with the places, a bucket each: with a record the gap before it, and the gaps that nobody will fill. */
function rangesOf({ found, gaps }: ReadyRecords, places: readonly RecordPlace[]): readonly OffsetRanges[] {
  const added: OffsetRange[][] = gaps.map((ranges) => [...ranges])
  const chosen = new Set(places.map(({ bucket, offset }) => `${bucket}/${offset}`))
  for (const { record, since } of found) {
    const { bucket, offset } = record
    if (chosen.has(`${bucket}/${offset}`)) added[bucket]?.push([since, offset + 1])
  }
  return added
}
