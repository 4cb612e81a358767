// How long records are kept. Logically at once: what is past its time, count or size is not read any more. Physically by
// whole segments, in the background; `compact()` does the rest.

import type { Clock } from '../base/clock.js'
import type { RetentionPolicy } from '../ports/stream-broker.js'
import type { Log } from './log.js'

export interface RetentionOptions {
  readonly log: Log
  readonly policy: RetentionPolicy
  readonly clock: Clock
  /** Everything below was acknowledged by the group; 0 where there is no such group. */
  readonly committedOf: (group: string) => Promise<number>
  /** Resolves when nothing is lost but the records themselves. */
  readonly beforeRemoval: () => Promise<unknown>
}

type Limits = Pick<RetentionPolicy, 'ageMs' | 'records' | 'bytes'>

/** How long a floor that moves with time alone is taken as it is, ms. */
const FRESH_MS = 100

export class Retention {
  readonly #options: RetentionOptions
  #floor = 0
  #next = -1
  #at = Number.NEGATIVE_INFINITY

  constructor(options: RetentionOptions) {
    this.#options = options
  }

  /** The oldest offset that may still be read. What groups have acknowledged counts only once `enforce` looked. */
  async first(): Promise<number> {
    const { log, policy, clock } = this.#options
    const { next } = await log.end()
    const now = clock.now()
    if (policy.untilAcked === undefined && (next !== this.#next || Math.abs(now - this.#at) >= FRESH_MS)) {
      this.#raise(await limitFloor(log, policy, now))
      this.#next = next
      this.#at = now
    }
    return Math.max(this.#floor, await log.first())
  }

  /** The oldest offset to keep now, groups included. */
  async floor(): Promise<number> {
    const { log, policy, clock, committedOf } = this.#options
    const { untilAcked, ...limits } = policy
    const now = clock.now()
    const hasLimits = Object.values(limits).some((limit) => limit !== undefined)
    const limit = hasLimits || untilAcked === undefined ? await limitFloor(log, limits, now) : (await log.end()).durable
    if (untilAcked === undefined) return this.#raise(limit)
    const acked = Math.min(...(await Promise.all(untilAcked.groups.map(committedOf))))
    return this.#raise(Math.max(Math.min(limit, acked), await limitFloor(log, untilAcked.atMost, now)))
  }

  /** Drops what no reader may see any more, by whole segments; one that grows slowly is closed when all of it is past. */
  async enforce(): Promise<void> {
    const { log, beforeRemoval } = this.#options
    const floor = await this.floor()
    if (floor <= (await log.first())) return
    await beforeRemoval()
    if (floor >= (await log.end()).next) await log.roll()
    await log.trim(floor)
  }

  /** Never goes back: what was once past its time does not return when a clock is set back. */
  #raise(floor: number): number {
    this.#floor = Math.max(this.#floor, floor)
    return this.#floor
  }
}

/** Age, then count, then bytes: the newest are kept. */
async function limitFloor(log: Log, { ageMs, records, bytes }: Limits, now: number): Promise<number> {
  const byAge = ageMs === undefined ? 0 : await ageFloor(log, now - ageMs)
  const byCount = records === undefined ? 0 : (await log.end()).next - records
  const byBytes = bytes === undefined ? 0 : await log.offsetAtBytes(bytes)
  return Math.max(0, byAge, byCount, byBytes)
}

/** By timestamp, or by when the segment was closed: a clock that ran ahead must not keep records for ever. */
async function ageFloor(log: Log, before: number): Promise<number> {
  let floor = await log.offsetAt(before)
  for (const { sealedAt, next } of await log.segments()) if (sealedAt < before) floor = Math.max(floor, next)
  return floor
}
