// What must hold in whatever a crash left: all that was promised is there, batches are whole, nothing is made up. In every
// second state also: another look sees the same, and appends go on.

import { isStorageError, openQueue, openStore } from 'varve'
import { type CrashOptions, type CrashState, crashStates, type FaultBackend } from 'varve/testing'
import { contentOf, type Life, type Promised, QUEUE } from './workload.js'

export interface Checked {
  /** Distinct states with at least one acknowledged record that must have survived. */
  atRisk: number
  all: number
}

/** Checks every distinct crash state of the life; gives what a chosen one held. */
export async function checkLife(life: Life, checked: Checked, options: CrashOptions = {}): Promise<readonly CrashState[]> {
  const seen = new Set<string>()
  const states: CrashState[] = []
  const checker = new Checker(life)
  let repeats = 0
  for (const state of crashStates(life.recording, options)) {
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
    const isTorn = state.description.includes('torn') // the write was still under way
    return this.#life.promised.filter(({ acknowledgedAt, durableAt }) => {
      if (state.failure === 'power') return durableAt <= state.operations
      return isTorn ? acknowledgedAt < state.operations : acknowledgedAt <= state.operations
    })
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
    const content = await this.#look(backend, false)
    this.#expectPromised(content, required)
    this.#expectBefore(content)
    this.#expectKnown(content)
    this.#expectWhole(content)
    const check = this.#checks++
    if (check % 2 > 0) return
    const again = await this.#look(backend.another(), true)
    expectSame(again, content, 'a second look')
    if (check % 8 > 0) return
    const after = await this.#look(backend.another(), false)
    expectSame(
      after,
      content.map((values) => [...values, 'after']),
      'a look after appends',
    )
  }

  async #look(backend: FaultBackend, append: boolean): Promise<string[][]> {
    const store = await openStore(backend)
    const queue = await openQueue<string>(store, QUEUE, { ...this.#life.options, sync: 'always' })
    const content = await contentOf(queue)
    if (append) {
      for (const [bucket, values] of content.entries()) {
        const { offset } = await queue.append('after', { key: keyOfBucket(bucket, content.length) })
        if (offset !== values.length) throw new Error(`an append to bucket ${bucket} got offset ${offset}, there are ${values.length}`)
      }
    }
    await store.close()
    return content
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
