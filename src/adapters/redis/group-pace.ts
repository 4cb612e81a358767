// Whether the next receive of a group may be the native command alone: for a moment after a script has looked and found
// that nothing waits to be delivered again. Shared by the handles of a group in this process. What other processes give back
// is seen a second later at most, and what they take within that second may go past `maxPending`.

import { systemClock } from '../../core/base/clock.js'

const LOOK_AGAIN_MS = 1_000

export class GroupPace {
  #until = 0
  #room = 0

  /** A script looked: nothing is due for so long, and so many more may be pending. */
  asked({ untilDueMs, room }: { readonly untilDueMs: number; readonly room: number }): void {
    this.#until = systemClock.now() + Math.min(LOOK_AGAIN_MS, untilDueMs)
    this.#room = room
  }

  isFast(limit: number): boolean {
    return limit <= this.#room && systemClock.now() < this.#until
  }

  took(count: number): void {
    this.#room -= count
  }

  slowUntilAsked(): void {
    this.#until = 0
  }
}
