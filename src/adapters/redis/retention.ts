// How long records are kept: what is past its age, count or size is not read from that moment on, and goes from the server
// in the background, or with `compact()`.

import { isStorageError } from '../../core/base/errors.js'
import type { RetentionPolicy } from '../../core/ports/stream-broker.js'

export type Limits = Pick<RetentionPolicy, 'ageMs' | 'records' | 'bytes'>

export const NO_LIMITS: Limits = {}

export interface RetentionOptions {
  readonly policy: RetentionPolicy
  /** The oldest offset that these limits keep now. */
  readonly floorBy: (limits: Limits) => Promise<number>
  readonly next: () => Promise<number>
  readonly committedOf: (group: string) => Promise<number>
  readonly trim: (before: number) => Promise<void>
}

export class Retention {
  readonly #options: RetentionOptions
  #floor = 0
  #enforcing: Promise<void> | undefined

  constructor(options: RetentionOptions) {
    this.#options = options
  }

  /** Those that hold at once. What groups have acknowledged counts only once `floor` looked. */
  get limits(): Limits {
    const { policy } = this.#options
    return policy.untilAcked === undefined ? policy : NO_LIMITS
  }

  /** The oldest offset to keep now, groups included. */
  async floor(): Promise<number> {
    const { policy, floorBy, next, committedOf } = this.#options
    const { untilAcked, ...limits } = policy
    if (untilAcked === undefined) return this.raise(await floorBy(limits))
    const hasLimits = Object.values(limits).some((limit) => limit !== undefined)
    const limit = hasLimits ? await floorBy(limits) : await next()
    const acked = Math.min(...(await Promise.all(untilAcked.groups.map(committedOf))))
    return this.raise(Math.max(Math.min(limit, acked), await floorBy(untilAcked.atMost)))
  }

  /** Never goes back: what was once past its time does not return when a clock is set back. */
  raise(floor: number): number {
    this.#floor = Math.max(this.#floor, floor)
    return this.#floor
  }

  /** A failure costs space until the next time. */
  enforceSoon(): void {
    this.#enforcing ??= this.#enforce().finally(() => {
      this.#enforcing = undefined
    })
  }

  async settled(): Promise<void> {
    await this.#enforcing
  }

  async #enforce(): Promise<void> {
    try {
      await this.#options.trim(await this.floor())
    } catch (error) {
      if (!isStorageError(error)) throw error
    }
  }
}
