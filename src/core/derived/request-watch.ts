// Times the requests to one backend and tells its observer how they ended.

import type { Clock } from '../base/clock.js'
import { type Outcome, outcomeOf, quietly } from '../base/outcome.js'
import type { StorageObserver, StorageOperation, StorageRequest } from './observer.js'

/** Of a request, what is known before it is made. */
export interface Asked {
  readonly keys: readonly string[]
  readonly signal?: AbortSignal | undefined
  /** It may wait for something to happen. */
  readonly waits?: boolean
}

export type Carried = Pick<StorageRequest, 'readBytes' | 'writtenBytes'>

type Ending = Carried & Outcome

export interface RequestWatchOptions {
  readonly backend: string
  readonly observer: StorageObserver
  readonly clock: Pick<Clock, 'now'>
  /** Whether keys are told too. */
  readonly keys: boolean
}

export class RequestWatch {
  readonly #options: RequestWatchOptions

  constructor(options: RequestWatchOptions) {
    this.#options = options
  }

  /** `task` is begun at once. */
  async run<Result>(
    operation: StorageOperation,
    asked: Asked,
    task: () => Promise<Result>,
    carried: (result: Result) => Carried = () => ({}),
  ): Promise<Result> {
    const begun = this.#options.clock.now()
    let result: Result
    try {
      result = await task()
    } catch (error) {
      this.#tell(operation, asked, this.#since(begun), outcomeOf(error, asked.signal))
      throw error
    }
    this.#tell(operation, asked, this.#since(begun), carried(result))
    return result
  }

  /** Told once, when it ended, failed, or its reader had enough. */
  async *each<Item>(operation: StorageOperation, asked: Asked, items: () => AsyncIterable<Item>): AsyncGenerator<Item> {
    let [durationMs, ending]: [number, Ending] = [0, {}]
    const timed = async <Result>(step: () => Promise<Result>): Promise<Result> => {
      const begun = this.#options.clock.now()
      try {
        return await step()
      } finally {
        durationMs += this.#since(begun)
      }
    }
    const source = items()[Symbol.asyncIterator]()
    let isDone = false
    try {
      for (;;) {
        const next = await timed(() => source.next())
        isDone = next.done === true
        if (isDone) return
        yield next.value
      }
    } catch (error) {
      isDone = true
      ending = outcomeOf(error, asked.signal)
      throw error
    } finally {
      this.#tell(operation, asked, durationMs, ending)
      if (!isDone) await source.return?.()
    }
  }

  retried(operation: StorageOperation, attempt: number): void {
    const { backend, observer } = this.#options
    quietly(() => observer.retry?.({ backend, operation, attempt }))
  }

  #since(begun: number): number {
    return Math.max(0, this.#options.clock.now() - begun)
  }

  #tell(operation: StorageOperation, { keys, waits }: Asked, durationMs: number, ending: Ending): void {
    const { backend, observer } = this.#options
    const waited = waits === true ? ({ waited: true } as const) : {}
    const named = this.#options.keys ? { keys } : {}
    quietly(() => observer.request({ backend, operation, durationMs, ...ending, ...waited, ...named }))
  }
}
