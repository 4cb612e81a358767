// Room for records on their way: what does not fit waits in the order it came, and goes on at once when others are done.

import type { WriterEntry } from './writer-entry.js'

export class WriterRoom {
  readonly #maxBytes: number
  readonly #admit: (entry: WriterEntry) => void
  #waiting: WriterEntry[] = []
  #bytes = 0

  /** `admit` is called when there is room: before `enter` returns, or later. */
  constructor(maxBytes: number, admit: (entry: WriterEntry) => void) {
    this.#maxBytes = maxBytes
    this.#admit = admit
  }

  get isFull(): boolean {
    return this.#waiting.length > 0
  }

  enter(entry: WriterEntry): void {
    this.#waiting.push(entry)
    this.#admitNext()
  }

  leave(entry: WriterEntry): void {
    this.#bytes -= entry.bytes
    this.#admitNext()
  }

  /** False when it had come in. */
  withdraw(entry: WriterEntry): boolean {
    const place = this.#waiting.indexOf(entry)
    if (place < 0) return false
    this.#waiting.splice(place, 1)
    this.#admitNext()
    return true
  }

  /** Those of a bucket that have not come in, which they never will. */
  turnAway(bucket: number): readonly WriterEntry[] {
    const refused = this.#waiting.filter((entry) => entry.bucket === bucket)
    this.#waiting = this.#waiting.filter((entry) => entry.bucket !== bucket)
    return refused
  }

  /** A record that is larger than the room comes in when nothing else is there. */
  #admitNext(): void {
    for (;;) {
      const next = this.#waiting[0]
      if (next === undefined || (this.#bytes > 0 && this.#bytes + next.bytes > this.#maxBytes)) return
      this.#waiting.shift()
      this.#bytes += next.bytes
      this.#admit(next)
      next.admitted()
    }
  }
}
