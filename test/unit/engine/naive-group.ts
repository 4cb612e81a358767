// A group as simply as it can be said: a list, looked through from the beginning for everything. What the state machine must do.

import type { Candidate, Grant, Handle, SettleInput } from '../../../dist/core/engine/group-state.js'

interface Entry {
  offset: number
  key: number | undefined
  attempt: number
  consumer: string
  deadline: number
  grantedMs: number
  isOut: boolean
  reason: string | undefined
  /** Was seen to be past its deadline. */
  isFree: boolean
}

export interface Lease {
  readonly consumer: string
  readonly now: number
  readonly visibilityMs: number
  readonly limit: number
}

export class NaiveGroup {
  cursor = 0
  epoch = 0
  dropped = 0
  entries: Entry[] = []
  now = 0

  get floor(): number {
    return Math.min(this.cursor, ...this.entries.map(({ offset }) => offset))
  }

  receive(lease: Lease & { readonly maxPending: number; readonly first: number; readonly log: readonly Candidate[] }): Grant[] {
    this.#drop(lease.first)
    this.tick(lease.now)
    const free = this.entries.filter((entry) => entry.isFree && this.#isHead(entry)).slice(0, lease.limit)
    const grants = free.map((entry) => this.#grant(entry, lease))
    for (const { offset, key, due } of lease.log) {
      if (offset < this.cursor) continue
      if (grants.length >= lease.limit || this.entries.length >= lease.maxPending) break
      const nobody = { attempt: 0, consumer: '', deadline: due, grantedMs: 0, isOut: false, reason: undefined, isFree: false }
      const entry = { offset, key, ...nobody }
      this.entries.push(entry)
      this.cursor = offset + 1
      if (due <= lease.now && this.#isHead(entry)) grants.push(this.#grant(entry, lease))
    }
    return grants
  }

  settle(inputs: readonly SettleInput[]): { settled: number; ignored: number } {
    let settled = 0
    for (const input of inputs) {
      const entry = this.#entry(input.offset)
      if (entry === undefined || (input.action !== 'ack' && (entry.attempt !== input.attempt || entry.attempt === 0))) continue
      if (input.action === 'extend' && !entry.isOut) continue
      settled++
      if (input.action === 'ack') this.#remove(({ offset }) => offset === input.offset)
      else {
        if (input.action === 'nack') entry.reason = input.reason
        const { deadline, grantedMs } = input
        Object.assign(entry, { deadline, grantedMs, isOut: input.action === 'extend', isFree: false })
      }
    }
    return { settled, ignored: inputs.length - settled }
  }

  release(handles: readonly Handle[]): void {
    for (const { offset, attempt } of handles) {
      const entry = this.#entry(offset)
      if (entry?.attempt !== attempt || !entry.isOut) continue
      Object.assign(entry, { attempt: attempt - 1, deadline: 0, grantedMs: 0, isOut: false, isFree: false })
    }
  }

  claim(lease: Lease & { readonly minIdleMs: number }): Grant[] {
    this.tick(lease.now)
    const since = ({ deadline, grantedMs }: Entry): number => deadline - grantedMs
    const out = this.entries.filter((entry) => entry.isOut && since(entry) <= lease.now - lease.minIdleMs)
    const longest = out.sort((a, b) => since(a) - since(b) || a.offset - b.offset).slice(0, lease.limit)
    return longest.sort((a, b) => a.offset - b.offset).map((entry) => this.#grant(entry, lease))
  }

  forget(offsets: readonly number[]): void {
    this.#remove(({ offset }) => offsets.includes(offset))
  }

  commit(next: number): void {
    this.#remove(({ offset }) => offset < next)
    this.cursor = Math.max(this.cursor, next)
  }

  seek(next: number): void {
    this.entries = []
    this.cursor = next
  }

  rewind(limit: number, epoch: number): void {
    this.#remove(({ offset }) => offset >= limit)
    for (const entry of this.entries) entry.isFree = false
    this.cursor = Math.min(this.cursor, limit)
    this.epoch = epoch
  }

  /** What a process that begins anew does not know. */
  crash(): void {
    for (const entry of this.entries) entry.isFree = false
    this.now = Number.POSITIVE_INFINITY
  }

  tick(now: number): void {
    for (const entry of this.entries) {
      if (now < this.now && !entry.isFree && entry.grantedMs > 0) entry.deadline = Math.min(entry.deadline, now + entry.grantedMs)
    }
    this.now = now
    for (const entry of this.entries) if (entry.deadline <= now && this.#isHead(entry)) entry.isFree = true
  }

  #isHead(entry: Entry): boolean {
    return entry.key === undefined || this.entries.find(({ key }) => key === entry.key) === entry
  }

  #grant(entry: Entry, { consumer, now, visibilityMs }: Lease): Grant {
    const attempt = entry.attempt + 1
    Object.assign(entry, { attempt, consumer, deadline: now + visibilityMs, grantedMs: visibilityMs, isOut: true, isFree: false })
    return { offset: entry.offset, attempt, deadline: entry.deadline, reason: entry.reason }
  }

  #entry(offset: number): Entry | undefined {
    return this.entries.find((entry) => entry.offset === offset)
  }

  #drop(first: number): void {
    const before = this.entries.length
    this.#remove(({ offset }) => offset < first)
    this.dropped += before - this.entries.length + Math.max(0, first - this.cursor)
    this.cursor = Math.max(this.cursor, first)
  }

  #remove(isGone: (entry: Entry) => boolean): void {
    this.entries = this.entries.filter((entry) => !isGone(entry))
  }
}
