// A KV namespace with several places: each keeps what it read, also that there was nothing, for a minute, while writes go to the
// centre. Requests go wrong as KV's do. What the centre held at any time is kept, to judge what was read.

import type { KvListPageLike, KvNamespaceLike } from 'varve/adapters/cloudflare-kv'
import type { ManualClock } from 'varve/testing'
import type { Scheduler } from '../scheduler.js'
import type { BucketFaults } from './simulated-bucket.js'

export const KEPT_MS = 60_000
const BETWEEN_WRITES_MS = 1_000
const PAGE = 2

interface Pair {
  readonly value: Uint8Array
  readonly metadata: unknown
}

/** What a key held from a time on. */
interface Change {
  readonly at: number
  readonly pair: Pair | undefined
}

interface Kept {
  readonly at: number
  readonly pair: Pair | undefined
}

export class SimulatedKv {
  readonly struck = new Map<string, number>()
  readonly #scheduler: Scheduler
  readonly #clock: ManualClock
  readonly #history = new Map<string, Change[]>()

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler
    this.#clock = scheduler.clock()
  }

  get now(): number {
    return this.#clock.now()
  }

  /** The values that a reader anywhere may see who asks between these times; undefined stands for none. */
  visible(key: string, from: number, to: number): readonly (Uint8Array | undefined)[] {
    const changes = this.#history.get(key) ?? []
    const before = changes.filter(({ at }) => at <= from - KEPT_MS)
    const within = changes.filter(({ at }) => at > from - KEPT_MS && at <= to)
    return [before[before.length - 1]?.pair?.value, ...within.map(({ pair }) => pair?.value)]
  }

  /** One place of the world. */
  place(faults: BucketFaults): KvNamespaceLike {
    const kept = new Map<string, Kept>()
    const lists = new Map<string, { readonly at: number; readonly keys: readonly { name: string; metadata: unknown }[] }>()
    return {
      getWithMetadata: (key) =>
        this.#request('GET', faults, async () => {
          const pair = this.#kept(kept, key)
          return { value: pair === undefined ? null : pair.value.slice().buffer, metadata: pair?.metadata ?? null }
        }),
      put: (key, value, options) => {
        const pair = { value: value.slice(), metadata: options?.metadata }
        return this.#request('PUT', faults, async () => this.#write(kept, key, pair, faults))
      },
      delete: (key) => this.#request('DELETE', faults, async () => this.#write(kept, key, undefined, faults)),
      list: (options) =>
        this.#request('LIST', faults, async () => {
          const prefix = options?.prefix ?? ''
          const found = lists.get(prefix)
          const isKept = found !== undefined && this.now - found.at < KEPT_MS
          const keys = isKept ? found.keys : this.#listed(prefix)
          if (!isKept) lists.set(prefix, { at: this.now, keys })
          return pageOf(keys, options?.cursor)
        }),
    }
  }

  #kept(kept: Map<string, Kept>, key: string): Pair | undefined {
    const found = kept.get(key)
    if (found !== undefined && this.now - found.at < KEPT_MS) return found.pair
    const pair = this.#stored(key)
    kept.set(key, { at: this.now, pair })
    return pair
  }

  /** The place of the writer sees it at once, or not. */
  #write(kept: Map<string, Kept>, key: string, pair: Pair | undefined, { isSlow }: BucketFaults): void {
    const changes = this.#history.get(key) ?? []
    const last = changes[changes.length - 1]
    if (isSlow && last !== undefined && this.now - last.at < BETWEEN_WRITES_MS) throw this.#error('PUT', '429 Too Many Requests')
    this.#history.set(key, [...changes, { at: this.now, pair }])
    if (this.#scheduler.isChosen(0.5)) kept.set(key, { at: this.now, pair })
  }

  #stored(key: string): Pair | undefined {
    const changes = this.#history.get(key) ?? []
    return changes[changes.length - 1]?.pair
  }

  #listed(prefix: string): readonly { name: string; metadata: unknown }[] {
    const names = [...this.#history.keys()].filter((name) => name.startsWith(prefix)).sort()
    return names.flatMap((name) => {
      const pair = this.#stored(name)
      return pair === undefined ? [] : [{ name, metadata: pair.metadata }]
    })
  }

  async #request<T>(name: string, { rate }: BucketFaults, run: () => Promise<T>): Promise<T> {
    await this.#scheduler.turn()
    const fault = this.#scheduler.isChosen(rate) ? this.#scheduler.below(3) : undefined
    if (fault === 0) throw this.#error(name, '429 Too Many Requests')
    if (fault === 1) throw this.#error(name, '503 Service Unavailable')
    const result = await run()
    await this.#scheduler.turn()
    if (fault === 2) throw this.#error(name, '504 Gateway Timeout')
    return result
  }

  #error(name: string, status: string): Error {
    this.struck.set(status, (this.struck.get(status) ?? 0) + 1)
    return new Error(`KV ${name} failed: ${status}`)
  }
}

function pageOf(keys: readonly { name: string; metadata: unknown }[], cursor = ''): KvListPageLike {
  const left = keys.filter(({ name }) => name > cursor)
  const page = left.slice(0, PAGE)
  if (left.length <= PAGE) return { keys: page, list_complete: true }
  return { keys: page, list_complete: false, cursor: page[PAGE - 1]?.name as string }
}
