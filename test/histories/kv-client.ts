// A client of keys and values who notes what it asked and what it was told, and whether all of them can be right.

import { isStorageError, type Kv } from 'varve'
import { type Call, isLinearizable } from './linearizability.js'
import type { Scheduler } from './scheduler.js'

const KV_KEYS = ['a', 'b', 'c', 'd', 'e', 'f'] as const

type Value = string | undefined

/** What one call did, in values: each is written once, so that it stands for its version. */
export type KvDoes =
  | { readonly kind: 'saw'; readonly value: Value }
  | { readonly kind: 'wrote'; readonly value: Value }
  | { readonly kind: 'changed'; readonly from: Value; readonly to: Value }
  | { readonly kind: 'refused'; readonly expected: Value }

/** One key: absent, or the value that was written last. */
const oneKey = {
  initial: undefined as Value | null,
  step(state: Value | null, does: KvDoes): Value | null | undefined {
    const now = state ?? undefined
    const after = (value: Value): Value | null => value ?? null
    if (does.kind === 'wrote') return after(does.value)
    if (does.kind === 'changed') return now === does.from ? after(does.to) : undefined
    const fits = does.kind === 'saw' ? now === does.value : now !== does.expected
    return fits ? after(now) : undefined
  },
}

export type Numbers = Record<string, string>

export class KvClient {
  readonly calls: { readonly key: string; readonly call: Call<KvDoes> }[] = []
  readonly #scheduler: Scheduler
  readonly #kv: Kv<Numbers>
  readonly #name: number
  readonly #seen = new Map<string, { readonly version: string; readonly value: string }>()
  #made = 0

  constructor(scheduler: Scheduler, kv: Kv<Numbers>, name: number) {
    this.#scheduler = scheduler
    this.#kv = kv
    this.#name = name
  }

  async live(calls: number): Promise<void> {
    for (let n = 0; n < calls; n++) await this.#next(KV_KEYS[this.#scheduler.below(KV_KEYS.length)] as string)
  }

  #next(name: string): Promise<void> {
    const kind = this.#scheduler.below(20)
    const value = `${this.#name}.${this.#made++}`
    if (kind < 6) return this.#look(name)
    if (kind < 12) return this.#putSeen(name, value)
    if (kind < 14) return this.#put(name, value, undefined, { kind: 'changed', from: undefined, to: value }, 'absent')
    if (kind < 17) return this.#update(name, kind === 16 ? undefined : value)
    if (kind < 19) return this.#put(name, value, undefined, { kind: 'wrote', value })
    return this.#record(name, { kind: 'wrote', value: undefined }, () => this.#kv.delete(name).then(() => undefined))
  }

  #look(name: string): Promise<void> {
    return this.#record(name, { kind: 'saw', value: undefined }, async () => {
      const entry = await this.#kv.entry(name)
      if (entry !== undefined) this.#seen.set(name, { version: entry.version, value: entry.value })
      return { kind: 'saw', value: entry?.value } as const
    })
  }

  #putSeen(name: string, value: string): Promise<void> {
    const seen = this.#seen.get(name)
    if (seen === undefined) return this.#look(name)
    return this.#put(name, value, seen.value, { kind: 'changed', from: seen.value, to: value }, { version: seen.version })
  }

  #put(name: string, value: string, expected: Value, does: KvDoes, when?: 'absent' | { readonly version: string }): Promise<void> {
    return this.#record(name, does, async () => {
      try {
        const { version } = await this.#kv.put(name, value, when === undefined ? {} : { when })
        this.#seen.set(name, { version, value })
        return undefined
      } catch (error) {
        if (isStorageError(error, 'conflict')) return { kind: 'refused', expected } as const
        throw error
      }
    })
  }

  #update(name: string, to: Value): Promise<void> {
    let from: Value
    const change = (value: Value): Value => {
      from = value
      return to
    }
    return this.#record(
      name,
      () => ({ kind: 'changed', from, to }),
      () => this.#kv.update(name, change).then(() => undefined),
    )
  }

  /** `does` is what the call means to do, unless it answers with something else; of what is unavailable nobody knows. */
  async #record(name: string, does: KvDoes | (() => KvDoes), run: () => Promise<KvDoes | undefined>): Promise<void> {
    const called = this.#scheduler.now
    const planned = (): KvDoes => (typeof does === 'function' ? does() : does)
    try {
      const answer = await run()
      this.calls.push({ key: name, call: { called, returned: this.#scheduler.now, does: answer ?? planned() } })
    } catch (error) {
      if (!isStorageError(error, 'unavailable')) throw error
      this.calls.push({ key: name, call: { called, returned: Number.POSITIVE_INFINITY, does: planned() } })
    }
  }
}

/** The key, with its calls, for which there is no order that gives these answers. */
export function unlinearizable(clients: readonly KvClient[]): string | undefined {
  const calls = clients.flatMap((client) => client.calls)
  for (const name of KV_KEYS) {
    const ofKey = calls.filter((one) => one.key === name).map(({ call }) => call)
    if (!isLinearizable(ofKey, oneKey)) return `key ${name}: ${JSON.stringify(ofKey)}`
  }
  return undefined
}
