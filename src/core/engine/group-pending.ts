// The records that a group has passed and nobody has acknowledged: by offset, by the time at which they are free again, and
// of each key in line. Only the first of a key is ever free. Every change is O(log n).

import type { EntryFields } from './group-delta.js'
import { type HeapItem, IndexedHeap } from './group-heap.js'

/** One of them. Whoever changes it says `moved`. */
export class PendingEntry implements EntryFields, HeapItem {
  readonly offset: number
  readonly key: number | undefined
  attempt: number
  consumer: string
  deadline: number
  grantedMs: number
  isOut: boolean
  reason: string | undefined
  /** Its place among the timed or the free. */
  at = -1
  isFree = false
  /** Its place by the time that somebody has had it. */
  idle: IdleItem | undefined = undefined
  /** The next of its key. */
  behind: PendingEntry | undefined = undefined
  isGone = false
  /** Somebody notes what changed. */
  isTouched = false

  constructor({ offset, key, attempt, consumer, deadline, grantedMs, isOut, reason }: EntryFields) {
    this.offset = offset
    this.key = key
    this.attempt = attempt
    this.consumer = consumer
    this.deadline = deadline
    this.grantedMs = grantedMs
    this.isOut = isOut
    this.reason = reason
  }
}

interface IdleItem extends HeapItem {
  readonly entry: PendingEntry
}

/** The first of a key and the last; those between may be gone. */
interface KeyLine {
  head: PendingEntry
  tail: PendingEntry
}

const KEPT_GONE = 64

export class PendingIndex {
  /** Ascending by offset; those that are gone stay until they are more than the others. */
  #order: PendingEntry[] = []
  #begin = 0
  #size = 0
  /** First of their keys, until their deadline. */
  readonly #timed = new IndexedHeap<PendingEntry>((a, b) => a.deadline < b.deadline)
  /** Past their deadline. */
  readonly #free = new IndexedHeap<PendingEntry>((a, b) => a.offset < b.offset)
  /** Those that somebody has, by the time since when; kept once somebody asks for it. */
  #idle: IndexedHeap<IdleItem> | undefined
  readonly #lines = new Map<number, KeyLine>()

  get size(): number {
    return this.#size
  }

  /** How many are known to be free. */
  get free(): number {
    return this.#free.size
  }

  get firstFree(): PendingEntry | undefined {
    return this.#free.first
  }

  /** The first to become free. */
  get firstTimed(): PendingEntry | undefined {
    return this.#timed.first
  }

  /** With the lowest offset. */
  get first(): PendingEntry | undefined {
    while (this.#order[this.#begin]?.isGone) this.#begin++
    return this.#order[this.#begin]
  }

  get(offset: number): PendingEntry | undefined {
    const entry = this.#order[this.#placeOf(offset)]
    return entry?.offset === offset && !entry.isGone ? entry : undefined
  }

  /** Ascending from this offset on. */
  *from(offset: number): Generator<PendingEntry> {
    for (let at = this.#placeOf(offset); at < this.#order.length; at++) {
      const entry = this.#order[at] as PendingEntry
      if (!entry.isGone) yield entry
    }
  }

  hasKey(key: number): boolean {
    return this.#lines.has(key)
  }

  /** Behind all that are there. */
  add(entry: PendingEntry): void {
    this.#order.push(entry)
    this.#size++
    if (entry.key !== undefined) this.#queue(entry, entry.key)
    this.moved(entry)
  }

  /** Its deadline changed, or whether somebody has it. */
  moved(entry: PendingEntry): void {
    if (this.#idle !== undefined) this.#noteIdle(this.#idle, entry)
    if (entry.key !== undefined && this.#lines.get(entry.key)?.head !== entry) return
    if (entry.isFree) this.#unplace(entry)
    this.#timed.put(entry)
  }

  remove(entry: PendingEntry): void {
    entry.isGone = true
    this.#size--
    this.#unplace(entry)
    if (entry.idle !== undefined) this.#idle?.remove(entry.idle)
    if (entry.key !== undefined) this.#leave(entry, entry.key)
    if (this.#order.length > 2 * this.#size + KEPT_GONE) this.#forgetGone()
  }

  /** Those whose deadline is past are free, also should the clock be put back. */
  expire(now: number): void {
    for (let entry = this.#timed.first; entry !== undefined && entry.deadline <= now; entry = this.#timed.first) {
      this.#timed.remove(entry)
      entry.isFree = true
      this.#free.put(entry)
    }
  }

  /** Those whose deadline lies further ahead than it was set: the clock was put back. */
  tooFarAhead(now: number): PendingEntry[] {
    return [...this.from(0)].filter(({ deadline, grantedMs, isFree }) => !isFree && grantedMs > 0 && deadline > now + grantedMs)
  }

  /** Which one somebody has had for longest. */
  get longestOut(): PendingEntry | undefined {
    if (this.#idle === undefined) {
      this.#idle = new IndexedHeap<IdleItem>((a, b) => isOutLonger(a.entry, b.entry))
      for (const entry of this.from(0)) this.#noteIdle(this.#idle, entry)
    }
    return this.#idle.first?.entry
  }

  #noteIdle(idle: IndexedHeap<IdleItem>, entry: PendingEntry): void {
    if (entry.isOut) {
      entry.idle ??= { entry, at: -1 }
      idle.put(entry.idle)
    } else if (entry.idle !== undefined) {
      idle.remove(entry.idle)
      entry.idle = undefined
    }
  }

  #unplace(entry: PendingEntry): void {
    if (entry.at >= 0) (entry.isFree ? this.#free : this.#timed).remove(entry)
    entry.isFree = false
  }

  #placeOf(offset: number): number {
    let low = this.#begin
    let high = this.#order.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#order[middle] as PendingEntry).offset >= offset) high = middle
      else low = middle + 1
    }
    return low
  }

  #queue(entry: PendingEntry, key: number): void {
    const line = this.#lines.get(key)
    if (line === undefined) {
      this.#lines.set(key, { head: entry, tail: entry })
      return
    }
    line.tail.behind = entry
    line.tail = entry
  }

  #leave(entry: PendingEntry, key: number): void {
    const line = this.#lines.get(key)
    if (line?.head !== entry) return // passed by when its turn comes
    let next = entry.behind
    while (next?.isGone) next = next.behind
    if (next === undefined) {
      this.#lines.delete(key)
      return
    }
    line.head = next
    this.moved(next)
  }

  #forgetGone(): void {
    this.#order = this.#order.filter((entry) => !entry.isGone)
    this.#begin = 0
  }
}

function isOutLonger(a: PendingEntry, b: PendingEntry): boolean {
  const since = a.deadline - a.grantedMs - (b.deadline - b.grantedMs)
  return since < 0 || (since === 0 && a.offset < b.offset)
}
