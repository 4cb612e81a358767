// Whether the next receive of a group may be the native command alone: for a moment after a script has looked and found
// that nothing waits to be delivered again. Shared by the handles of a group in this process. What other processes give back
// is seen a second later at most, and what they take within that second may go past `maxPending`.

const LOOK_AGAIN_MS = 1_000

export class GroupPace {
  #until = 0
  #room = 0
  #visibilityMs = 0
  /** Of the server's time, ahead of the monotonic one here. */
  #aheadMs = 0

  /** A script looked: it is `now` there, nothing is due for so long, and so many more may be pending. */
  asked(found: { readonly now: number; readonly untilDueMs: number; readonly room: number; readonly visibilityMs: number }): void {
    const here = performance.now()
    this.#aheadMs = found.now - here
    this.#until = here + Math.min(LOOK_AGAIN_MS, found.untilDueMs)
    this.#room = found.room
    this.#visibilityMs = found.visibilityMs
  }

  isFast(limit: number, visibilityMs: number): boolean {
    return limit <= this.#room && visibilityMs === this.#visibilityMs && performance.now() < this.#until
  }

  /** The server's time, or a little before. */
  get now(): number {
    return Math.floor(performance.now() + this.#aheadMs)
  }

  took(count: number): void {
    this.#room -= count
  }

  slowUntilAsked(): void {
    this.#until = 0
  }
}
