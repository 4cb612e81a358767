// A bucket in memory that behaves like R2: versions are hashes of the content, listings come in short pages, a key takes one
// write a second, and requests go wrong: nothing was done, or it was done and the answer lost, or it is done later.

import { createHash } from 'node:crypto'
import type { R2BucketLike, R2ObjectBodyLike, R2ObjectLike, R2ObjectsLike } from 'varve/adapters/cloudflare-r2'
import type { ManualClock } from 'varve/testing'
import type { Scheduler } from '../scheduler.js'

const PAGE = 3
const BETWEEN_WRITES_MS = 1_000

export interface BucketFaults {
  /** Share of the requests that go wrong. */
  readonly rate: number
  /** One write a second on one key: the next one is 429. */
  readonly isSlow: boolean
  /**
   * Without what a single value cannot settle once others changed it: a put that met itself, and the lost answer of a change that
   * asks for no version, which is asked for again and may then come after theirs, or after a delete.
   */
  readonly canBeSettled?: boolean
}

type Fault = 'null' | '412' | '409' | '429' | '500' | 'lost' | 'late'

const BEFORE: readonly Fault[] = ['429', '500']
const FOR_ALL: readonly Fault[] = [...BEFORE, 'lost']
/**
 * `null` and 412: the put was done, and asked again on the way, so that it met itself. 409 and 429: nothing was done. `lost`: it
 * was done. `late`: it is done after its time-out.
 */
const SETTLED: readonly Fault[] = [...FOR_ALL, '409', 'late']
const FOR_CONDITIONS: readonly Fault[] = [...SETTLED, 'null', '412']

const MESSAGES: Record<Exclude<Fault, 'null'>, string> = {
  '412': 'At least one of the pre-conditions you specified did not hold. (10031)',
  '409': 'The operation could not be completed because of a conflicting one. (10073)',
  '429': 'Reduce your concurrent request rate for the same object. (10058)',
  '500': 'We encountered an internal error. Please try again. (10001)',
  lost: 'Network connection lost.',
  late: 'The request timed out.',
}

function forPlain({ canBeSettled = false }: BucketFaults): readonly Fault[] {
  return canBeSettled ? BEFORE : FOR_ALL
}

function forConditions({ canBeSettled = false }: BucketFaults, version: string | undefined): readonly Fault[] {
  if (!canBeSettled) return FOR_CONDITIONS
  return version === undefined ? BEFORE : SETTLED
}

type PutOptions = Parameters<R2BucketLike['put']>[2]

export class SimulatedBucket {
  readonly #objects = new Map<string, { readonly bytes: Uint8Array; readonly etag: string }>()
  readonly #writtenAt = new Map<string, number>()
  readonly #scheduler: Scheduler
  readonly #clock: ManualClock
  /** How often each fault came to pass. */
  readonly struck = new Map<string, number>()

  constructor(scheduler: Scheduler) {
    this.#scheduler = scheduler
    this.#clock = scheduler.clock()
  }

  keys(): readonly string[] {
    return [...this.#objects.keys()].sort()
  }

  /** As one client has it: other clients' requests come between its own. */
  client(faults: BucketFaults): R2BucketLike {
    return {
      head: (key) => this.#request('head', faults, FOR_ALL, () => this.#info(key)),
      get: (key, options) => this.#request('get', faults, FOR_ALL, () => this.#get(key, options?.range)),
      put: (key, value, options) => this.#putRequest(key, value.slice(), options, faults),
      delete: async (keys) => void (await this.#request('delete', faults, forPlain(faults), () => this.#delete(keys))),
      list: async (options) => (await this.#request('list', faults, FOR_ALL, () => this.#list(options))) as R2ObjectsLike,
    }
  }

  /** In order and without faults: for looking at the end. */
  quiet(): R2BucketLike {
    return {
      head: async (key) => this.#info(key),
      get: async (key, options) => this.#get(key, options?.range),
      put: async (key, value, options) => this.#put(key, value.slice(), options),
      delete: async (keys) => this.#delete(keys),
      list: async (options) => this.#list(options),
    }
  }

  async #putRequest(key: string, bytes: Uint8Array, options: PutOptions, faults: BucketFaults): Promise<R2ObjectLike | null> {
    const possible = options?.onlyIf === undefined ? forPlain(faults) : forConditions(faults, options.onlyIf.etagMatches)
    return this.#request('put', faults, possible, () => {
      const now = this.#clock.now()
      if (faults.isSlow && now - (this.#writtenAt.get(key) ?? 0) < BETWEEN_WRITES_MS) throw this.#error('put', '429')
      this.#writtenAt.set(key, now)
      return this.#put(key, bytes, options)
    })
  }

  /** The turns before and after it are where others come in. */
  async #request<T>(name: string, { rate }: BucketFaults, possible: readonly Fault[], run: () => T): Promise<T | null> {
    await this.#scheduler.turn()
    const fault = this.#scheduler.isChosen(rate) ? possible[this.#scheduler.below(possible.length)] : undefined
    if (fault === 'late') this.#doLater(run)
    if (fault === '409' || fault === '429' || fault === '500' || fault === 'late') throw this.#error(name, fault)
    const result = run()
    await this.#scheduler.turn()
    if (fault === 'null') return this.#note(fault, null)
    if (fault !== undefined) throw this.#error(name, fault)
    return result
  }

  #doLater(run: () => unknown): void {
    const wait = async (): Promise<void> => {
      for (let turns = this.#scheduler.below(12); turns >= 0; turns--) await this.#scheduler.turn()
      run()
    }
    wait().catch(() => undefined)
  }

  #error(name: string, fault: Exclude<Fault, 'null'>): Error {
    return this.#note(fault, new Error(`${name}: ${MESSAGES[fault]}`))
  }

  #note<T>(fault: Fault, answer: T): T {
    this.struck.set(fault, (this.struck.get(fault) ?? 0) + 1)
    return answer
  }

  #info(key: string): R2ObjectLike | null {
    const object = this.#objects.get(key)
    return object === undefined ? null : { key, size: object.bytes.length, etag: object.etag }
  }

  #get(key: string, range: { readonly offset: number; readonly length: number } | undefined): R2ObjectBodyLike | null {
    const object = this.#objects.get(key)
    if (object === undefined) return null
    const { bytes, etag } = object
    if (range !== undefined && range.offset >= bytes.length) throw new Error('get: The requested range is not satisfiable (10039)')
    const part = range === undefined ? bytes : bytes.subarray(range.offset, range.offset + range.length)
    return { key, size: bytes.length, etag, arrayBuffer: async () => part.slice().buffer }
  }

  #put(key: string, bytes: Uint8Array, options: PutOptions): R2ObjectLike | null {
    const found = this.#objects.get(key)
    const { etagMatches, etagDoesNotMatch } = options?.onlyIf ?? {}
    if (etagMatches !== undefined && found?.etag !== etagMatches) return null
    if (etagDoesNotMatch !== undefined && found !== undefined) return null
    this.#objects.set(key, { bytes, etag: createHash('md5').update(bytes).digest('hex') })
    return this.#info(key)
  }

  #delete(keys: readonly string[]): void {
    for (const key of keys) this.#objects.delete(key)
  }

  #list({ prefix = '', startAfter = '', cursor = '' }: Parameters<R2BucketLike['list']>[0] = {}): R2ObjectsLike {
    const from = cursor > startAfter ? cursor : startAfter
    const names = this.keys().filter((key) => key.startsWith(prefix) && key > from)
    const page = names.slice(0, PAGE)
    const objects = page.map((key) => this.#info(key) as R2ObjectLike)
    return names.length > PAGE ? { objects, truncated: true, cursor: page[PAGE - 1] as string } : { objects, truncated: false }
  }
}
