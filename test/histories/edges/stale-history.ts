// Keys and values on KV, read and written in several places: what is read is whole and was there within the last minute, an
// expired value is never seen, a condition is refused and changes nothing, and when nobody writes all places agree on the last write.

import { isStorageError, type Kv, openKv, openStore } from 'varve'
import { cloudflareKv } from 'varve/adapters/cloudflare-kv'
import type { ManualClock } from 'varve/testing'
import { Scheduler } from '../scheduler.js'
import type { Outcome } from './outcome.js'
import type { BucketFaults } from './simulated-bucket.js'
import { KEPT_MS, SimulatedKv } from './simulated-kv.js'

const CALLS = 25
const NAMES = ['a', 'b', 'c', 'd', 'e'] as const

interface Value {
  readonly name: string
  readonly n: string
  /** When it expires, ms; absent for one that does not. */
  readonly until?: number
}

type Values = Record<string, Value>

export async function staleHistory(seed: number, faults: BucketFaults): Promise<Outcome> {
  const scheduler = new Scheduler(seed)
  const world = new SimulatedKv(scheduler)
  const clients: Client[] = []
  for (let place = 2 + scheduler.below(2); place > 0; place--) {
    const clock = scheduler.clock()
    const store = await openStore(cloudflareKv({ namespace: world.place(faults), clock }), { clock })
    clients.push(new Client(scheduler, world, clock, await openKv<Values>(store, 'kv'), `${place}`))
  }
  let fault: string | undefined
  await scheduler.run(
    clients.map(async (client) => {
      for (let n = 0; n < CALLS && fault === undefined; n++) fault ??= await client.act()
    }),
  )
  await scheduler.pass(KEPT_MS)
  fault ??= await disagreement(scheduler, clients)
  return { fault, calls: clients.length * CALLS, struck: world.struck }
}

/** Nobody writes, and what places kept is too old to be used. */
async function disagreement(scheduler: Scheduler, clients: readonly Client[]): Promise<string | undefined> {
  const seen: string[] = []
  await scheduler.run(clients.map(async (client) => void seen.push(await client.everything())))
  return seen.every((one) => one === seen[0]) ? undefined : `places disagree: ${seen.join(' and ')}`
}

class Client {
  readonly #scheduler: Scheduler
  readonly #world: SimulatedKv
  readonly #clock: ManualClock
  readonly #kv: Kv<Values>
  readonly #name: string
  #made = 0

  constructor(scheduler: Scheduler, world: SimulatedKv, clock: ManualClock, kv: Kv<Values>, name: string) {
    this.#scheduler = scheduler
    this.#world = world
    this.#clock = clock
    this.#kv = kv
    this.#name = name
  }

  /** One call; what is wrong with its answer. */
  async act(): Promise<string | undefined> {
    if (this.#scheduler.isChosen(0.2)) await this.#scheduler.pass(this.#scheduler.below(KEPT_MS))
    const name = NAMES[this.#scheduler.below(NAMES.length)] as string
    const kind = this.#scheduler.below(10)
    try {
      if (kind < 4) return await this.#get(name)
      if (kind < 5) return await this.#list()
      if (kind < 6) return await this.#refused(name)
      if (kind < 7) await this.#kv.delete(name)
      else await this.#put(name)
    } catch (error) {
      if (!isStorageError(error, 'unavailable')) throw error
    }
    return undefined
  }

  /** As text, in order; asked again until it is answered. */
  async everything(): Promise<string> {
    for (;;) {
      try {
        const found: string[] = []
        for await (const { key, value } of this.#kv.list()) found.push(`${key} ${value.n}`)
        return found.join(', ')
      } catch (error) {
        if (!isStorageError(error, 'unavailable')) throw error
      }
    }
  }

  async #put(name: string): Promise<void> {
    const ttlMs = this.#scheduler.isChosen(0.3) ? 1 + this.#scheduler.below(3 * KEPT_MS) : undefined
    const n = `${this.#name}.${this.#made++}`
    const value = ttlMs === undefined ? { name, n } : { name, n, until: this.#clock.now() + ttlMs }
    await this.#kv.put(name, value, ttlMs === undefined ? {} : { ttlMs })
  }

  async #get(name: string): Promise<string | undefined> {
    const from = this.#world.now
    const value = await this.#kv.get(name)
    return this.#judge(name, value, from)
  }

  async #list(): Promise<string | undefined> {
    const from = this.#world.now
    let last = ''
    for await (const { key, value } of this.#kv.list()) {
      if (key <= last) return `${key} is listed after ${last}`
      last = key
      const fault = this.#judge(key, value, from)
      if (fault !== undefined) return fault
    }
    return undefined
  }

  #judge(name: string, value: Value | undefined, from: number): string | undefined {
    const visible = this.#world.visible(`kv/nkv/k${name}`, from, this.#world.now)
    if (value === undefined) return this.#judgeNothing(name, visible, from)
    if (value.name !== name) return `${name} reads what was put as ${value.name}`
    if ((value.until ?? Number.POSITIVE_INFINITY) < from) return `${name} reads ${value.n}, which had expired`
    const isThere = visible.some((bytes) => bytes !== undefined && textOf(bytes).includes(`"n":"${value.n}"`))
    return isThere ? undefined : `${name} reads ${value.n}, which was not there within the last minute`
  }

  /** There was none, or it may have expired by now. */
  #judgeNothing(name: string, visible: readonly (Uint8Array | undefined)[], from: number): string | undefined {
    const mayBeNone = visible.some((bytes) => bytes === undefined || textOf(bytes).includes('"until":'))
    return mayBeNone ? undefined : `${name} reads nothing at ${from}`
  }

  async #refused(name: string): Promise<string | undefined> {
    try {
      await this.#kv.put(name, { name, n: 'conditional' }, { when: 'absent' })
      return 'a conditional put was taken'
    } catch (error) {
      if (isStorageError(error, 'unsupported')) return undefined
      throw error
    }
  }
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes)
}
