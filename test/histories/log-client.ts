// A client of a queue of one bucket who notes what it asked and what it was told.

import { isStorageError, type Queue } from 'varve'
import type { Call } from './linearizability.js'
import type { LogDoes } from './log-model.js'
import type { Scheduler } from './scheduler.js'

export class LogClient {
  readonly calls: Call<LogDoes>[] = []
  /** Codes of the appends that failed, without `conflict`. */
  readonly codes: string[] = []
  /** Reads that the backend was not there for. */
  unanswered = 0
  readonly #scheduler: Scheduler
  readonly #name: string
  #made = 0
  /** The end as last heard of. */
  #next = 0

  constructor(scheduler: Scheduler, name: string) {
    this.#scheduler = scheduler
    this.#name = name
  }

  /** One call, drawn by chance. Gives the code of an append that failed. */
  act(queue: Queue<string>): Promise<string | undefined> {
    const kind = this.#scheduler.below(10)
    if (kind < 7) return this.change(queue)
    return this.#unlessUnavailable(kind < 9 ? this.#read(queue) : this.#ends(queue))
  }

  /** A read without an answer tells nothing. */
  async #unlessUnavailable(read: Promise<undefined>): Promise<undefined> {
    try {
      return await read
    } catch (error) {
      if (!isStorageError(error, 'unavailable')) throw error
      this.unanswered++
      return undefined
    }
  }

  /** The same without reads. */
  change(queue: Queue<string>): Promise<string | undefined> {
    return this.#append(queue, this.#scheduler.below(7) < 4 ? undefined : this.#next)
  }

  async #append(queue: Queue<string>, expected: number | undefined): Promise<string | undefined> {
    const count = expected === undefined ? 1 + this.#scheduler.below(3) : 1
    const values = Array.from({ length: count }, () => `${this.#name}.${this.#made++}`)
    const called = this.#scheduler.now
    try {
      const receipts =
        expected === undefined ? await queue.appendMany(values) : [await queue.append(values[0] as string, { when: { next: expected } })]
      const first = receipts[0]?.offset as number
      this.#next = first + count
      this.#note(called, { kind: 'appended', first, values })
      return undefined
    } catch (error) {
      if (isStorageError(error, 'conflict') && expected !== undefined) {
        this.#next = (error.facts.next as number | undefined) ?? expected
        this.#note(called, { kind: 'refused', expected })
        return undefined
      }
      const code = isStorageError(error) ? error.code : String(error)
      this.codes.push(code)
      this.calls.push({ called, returned: Number.POSITIVE_INFINITY, does: { kind: 'unknown', values } })
      return code
    }
  }

  async #read(queue: Queue<string>): Promise<undefined> {
    const called = this.#scheduler.now
    const from = Math.max(0, this.#next - this.#scheduler.below(4))
    const records = await queue.read({ from, limit: 1 + this.#scheduler.below(8) })
    const values = records.map(({ value }) => value)
    this.#next = Math.max(this.#next, from + values.length)
    this.#note(called, { kind: 'read', from, values })
  }

  async #ends(queue: Queue<string>): Promise<undefined> {
    const called = this.#scheduler.now
    const next = (await queue.stats()).buckets[0]?.next as number
    this.#next = next
    this.#note(called, { kind: 'ends', next })
  }

  #note(called: number, does: LogDoes): void {
    this.calls.push({ called, returned: this.#scheduler.now, does })
  }
}

export async function contentOf(queue: Queue<string>): Promise<readonly string[]> {
  return (await queue.read({ limit: 10_000 })).map(({ value }) => value)
}
