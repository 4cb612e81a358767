// What must hold in whatever a crash left: all that was promised is there, batches are whole, nothing is made up, and the
// group knows what it must. In every second state also: a second session sees the same, and appends go on.

import { isStorageError, openQueue, openStore, type Queue } from 'varve'
import { type CrashOptions, type CrashState, crashStates, type FaultBackend, ManualClock } from 'varve/testing'
import { checkGroup, isRequired } from './check-group.js'
import { A_DAY_MS } from './group-diary.js'
import { contentOf, type Life, type Promised, QUEUE } from './workload.js'

export interface Checked {
  /** Distinct states with at least one acknowledged record that must have survived. */
  atRisk: number
  all: number
}

/** Enough to stand where a group had been before a tail was lost. */
const AFTER = ['after 1', 'after 2', 'after 3']

/**
 * Of up to three sessions after a crash: whether each looks at the group. The second appends before it does, so that what
 * the group had passed is there again, with other records.
 */
interface Plan {
  /** Whether what has an id is appended again in the end. */
  readonly repeats?: boolean
  readonly first: 'log' | 'group'
  readonly second?: 'log' | 'group'
  readonly third?: 'group'
}

const PLANS: readonly Plan[] = [
  { first: 'group', repeats: true },
  { first: 'log', second: 'group' },
  { first: 'group' },
  { first: 'log', second: 'log', third: 'group' },
  { first: 'group' },
  { first: 'log', second: 'group', third: 'group' },
]

interface Visit {
  readonly state: CrashState
  /** What the first look found; omitted in that. */
  readonly left?: readonly (readonly string[])[]
  readonly append?: boolean
  /** Whether the group is looked at. */
  readonly group: boolean
  /** The group was looked at before. */
  readonly isLater?: boolean
}

/** Checks every distinct crash state of the life; gives what a chosen one held. */
export async function checkLife(
  life: Life,
  checked: Checked,
  options: CrashOptions = {},
  over: (disk: FaultBackend) => FaultBackend = (disk) => disk,
): Promise<readonly CrashState[]> {
  const seen = new Set<string>()
  const states: CrashState[] = []
  const checker = new Checker(life)
  let repeats = 0
  for (const found of crashStates(life.recording, options)) {
    const state: CrashState = { ...found, open: () => over(found.open()) }
    const required = checker.required(state)
    // Recovery may judge the same bytes in another way after a restart of the system: a quarter of them is looked at again.
    const identity = `${state.identity} ${state.failure}`
    const isNew = !seen.has(state.identity)
    if (seen.has(identity) || (!isNew && repeats++ % 4 > 0)) continue
    seen.add(identity).add(state.identity)
    await checker.check(state, required)
    if (checked.all % 64 === 0) await new Promise(setImmediate) // the runner wants to hear from us
    states.push(state)
    checked.all++
    if (isNew && required.length > 0) checked.atRisk++
  }
  return states
}

class Checker {
  readonly #life: Life
  readonly #batchOf = new Map<string, number>()
  #checks = 0

  constructor(life: Life) {
    this.#life = life
    for (const [index, values] of life.batches.entries()) for (const value of values) this.#batchOf.set(value, index)
  }

  required(state: CrashState): readonly Promised[] {
    return this.#life.promised.filter((promise) => isRequired(promise, state))
  }

  async check(state: CrashState, required: readonly Promised[]): Promise<void> {
    try {
      await this.#check(state, required)
    } catch (cause) {
      const what = isStorageError(cause) ? `${cause.code}: ${cause.message}` : (cause as Error).message
      throw new Error(`${state.description}: ${what}`, { cause })
    }
  }

  async #check(state: CrashState, required: readonly Promised[]): Promise<void> {
    const backend = state.open()
    const plan = PLANS[this.#checks++ % PLANS.length] as Plan
    const left = await this.#look(backend, { state, group: plan.first === 'group' })
    this.#expectPromised(left, required)
    this.#expectBefore(left)
    this.#expectKnown(left)
    this.#expectWhole(left)
    if (plan.repeats) await this.#repeat(backend.another(), left)
    if (plan.second === undefined) return
    const again = await this.#look(backend.another(), { state, left, append: true, group: plan.second === 'group' })
    expectSame(again, left, 'a second look')
    if (plan.third === undefined) return
    const after = left.map((values) => [...values, ...AFTER])
    const isLater = plan.second === 'group'
    expectSame(await this.#look(backend.another(), { state, left, group: true, isLater }), after, 'a look after appends')
  }

  async #look(backend: FaultBackend, visit: Visit): Promise<string[][]> {
    const store = await openStore(backend, { clock: new ManualClock({ now: this.#life.clock.now() + (visit.isLater ? 2 : 1) * A_DAY_MS }) })
    const queue = await openQueue<string>(store, QUEUE, { ...this.#life.options, sync: 'always' })
    const found = await contentOf(queue)
    const content = visit.append ? await this.#append(queue, found) : found
    if (visit.group) await checkGroup(queue, { life: this.#life, state: visit.state, left: visit.left ?? found, content }, !visit.isLater)
    await store.close()
    return found
  }

  /** Whatever of it the crash left, each record is there once afterwards, behind what was there or in its place. */
  async #repeat(backend: FaultBackend, left: readonly (readonly string[])[]): Promise<void> {
    const { identified, clock, options } = this.#life
    const store = await openStore(backend, { clock: new ManualClock({ now: clock.now() + A_DAY_MS }) })
    const queue = await openQueue<string>(store, QUEUE, { ...options, sync: 'always' })
    const receipts = await queue.appendRecords(identified.map((one) => ({ ...one, id: one.value })))
    const content = await contentOf(queue)
    for (const [index, { bucket, offset, duplicate }] of receipts.entries()) {
      const { value } = identified[index] as { readonly value: string }
      const isOld = left[bucket]?.includes(value) === true
      if (content[bucket]?.[offset] !== value || (duplicate === true) !== isOld)
        throw new Error(
          `${value}, ${isOld ? 'stored before' : 'lost'}, is acknowledged at ${offset} of bucket ${bucket} when it comes again`,
        )
    }
    const all = content.flat()
    if (new Set(all).size !== all.length) throw new Error('a value is there twice after it came again')
    expectSame(
      content.map((values, bucket) => values.slice(0, left[bucket]?.length)),
      left,
      'what was there before appends came again',
    )
    await store.close()
  }

  async #append(queue: Queue<string>, content: readonly (readonly string[])[]): Promise<string[][]> {
    for (const [bucket, values] of content.entries()) {
      const key = keyOfBucket(bucket, content.length)
      const [first] = await queue.appendRecords(AFTER.map((value) => ({ value, key })))
      if (first?.offset !== values.length)
        throw new Error(`an append to bucket ${bucket} got offset ${first?.offset}, there are ${values.length}`)
    }
    return content.map((values) => [...values, ...AFTER])
  }

  #expectPromised(content: readonly (readonly string[])[], required: readonly Promised[]): void {
    for (const { bucket, offset, value } of required) {
      const found = content[bucket]?.[offset]
      if (found !== value) throw new Error(`bucket ${bucket} lost offset ${offset}: ${value}, found ${found}`)
    }
  }

  #expectBefore(content: readonly (readonly string[])[]): void {
    for (const [bucket, values] of this.#life.before.entries()) {
      expectSame(content[bucket]?.slice(0, values.length), values, `what bucket ${bucket} held before`)
    }
  }

  #expectKnown(content: readonly (readonly string[])[]): void {
    const found = content.flatMap((values, bucket) => values.slice(this.#life.before[bucket]?.length ?? 0))
    if (new Set(found).size !== found.length) throw new Error('a value is there twice')
    for (const value of found) if (!this.#batchOf.has(value)) throw new Error(`nobody appended ${value}`)
  }

  /** The values of one append to one bucket stand together, in order, all or none. */
  #expectWhole(content: readonly (readonly string[])[]): void {
    const bucketOf = new Map(this.#life.promised.map(({ value, bucket }) => [value, bucket]))
    for (const [bucket, values] of content.entries()) {
      const batches = new Set(values.flatMap((value) => this.#batchOf.get(value) ?? []))
      for (const index of batches) {
        const batch = this.#life.batches[index] as readonly string[]
        const expected = batch.filter((value) => bucketOf.get(value) === bucket)
        const start = values.indexOf(expected[0] as string)
        if (expected.length > 0) expectSame(values.slice(start, start + expected.length), expected, `a batch of bucket ${bucket}`)
      }
    }
  }
}

const keys = new Map<string, string>()

/** Some key that goes to the bucket; found by asking a queue in memory once. */
function keyOfBucket(bucket: number, buckets: number): string {
  const key = keys.get(`${bucket} of ${buckets}`)
  if (key === undefined) throw new Error(`no key is known for bucket ${bucket} of ${buckets}`)
  return key
}

/** To be called before the first check. */
export async function learnKeys(backend: FaultBackend, counts: readonly number[]): Promise<void> {
  const store = await openStore(backend)
  for (const buckets of counts) {
    const queue = await openQueue<number>(store, `keys ${buckets}`, { buckets })
    for (let n = 0; n < 40; n++) {
      const { bucket } = await queue.append(n, { key: `k${n}` })
      keys.set(`${bucket} of ${buckets}`, `k${n}`)
    }
  }
  await store.close()
}

function expectSame(found: unknown, expected: unknown, what: string): void {
  const [a, b] = [JSON.stringify(found), JSON.stringify(expected)]
  if (a !== b) throw new Error(`${what} differs: found ${a}, expected ${b}`)
}
