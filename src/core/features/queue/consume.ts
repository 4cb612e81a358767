// Deliveries one at a time. What was fetched ahead and not seen is given back when the loop is left.

import { linkedSignal } from '../../base/linked-signal.js'
import { checkReadLimit } from './checks.js'
import { fetchUntilAborted, type GroupSource, RECEIVE_WAIT_MS } from './group-source.js'
import type { ConsumeOptions, Delivery } from './group-types.js'

/** Leaving ends a wait that is under way, too. */
export function consumeGroup<T>(source: GroupSource<T>, options: ConsumeOptions): AsyncIterableIterator<Delivery<T>> {
  const leaving = new AbortController()
  const deliveries = oneByOne(source, options, leaving.signal)
  return {
    next: () => deliveries.next(),
    return: () => {
      leaving.abort()
      return deliveries.return(undefined)
    },
    [Symbol.asyncIterator]() {
      return this
    },
  }
}

async function* oneByOne<T>(source: GroupSource<T>, options: ConsumeOptions, leaving: AbortSignal): AsyncGenerator<Delivery<T>, undefined> {
  const left = linkedSignal(leaving, options.signal)
  const ahead = new Prefetched(source, options, left.signal)
  try {
    while (!left.signal.aborted) {
      const next = await ahead.next()
      if (next !== undefined) yield next
      else if (options.until === 'empty') return
    }
  } finally {
    left.end()
    await ahead.giveBack()
  }
}

class Prefetched<T> {
  readonly #source: GroupSource<T>
  readonly #input: { readonly limit: number; readonly waitMs: number; readonly consumer: string | undefined }
  readonly #signal: AbortSignal
  #deliveries: Delivery<T>[] = []
  #fetchedAt = 0

  constructor(source: GroupSource<T>, { prefetch = 1, until, consumer }: ConsumeOptions, signal: AbortSignal) {
    this.#source = source
    this.#input = { limit: checkReadLimit(prefetch, 'consume', 'prefetch'), waitMs: until === 'empty' ? 0 : RECEIVE_WAIT_MS, consumer }
    this.#signal = signal
  }

  /** Each has at least half its visibility before it; what waited longer is given back and fetched anew. */
  async next(): Promise<Delivery<T> | undefined> {
    const { clock, visibilityMs } = this.#source
    if (clock.now() - this.#fetchedAt > visibilityMs / 2) await this.giveBack()
    if (this.#deliveries.length === 0) {
      this.#deliveries = [...(await fetchUntilAborted(this.#source, this.#input, this.#signal)).deliveries]
      this.#fetchedAt = clock.now()
    }
    return this.#signal.aborted ? undefined : this.#deliveries.shift()
  }

  /** Uncounted: nobody has seen them. */
  async giveBack(): Promise<void> {
    const unseen = this.#deliveries
    this.#deliveries = []
    if (unseen.length > 0) await this.#source.release(unseen)
  }
}
