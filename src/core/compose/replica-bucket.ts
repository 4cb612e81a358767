// One bucket and its copy. All that is known of how far the copy has come is the copy itself: every session begins by looking
// where it ends and whether it holds what the source holds, so that a crash or a lost answer is nothing special.

import { backOff } from '../base/backoff.js'
import type { Clock } from '../base/clock.js'
import { isStorageError, StorageError } from '../base/errors.js'
import { POLL_MS, Wakes } from '../base/latch.js'
import type { RecordStream, StreamBounds, StreamRecord } from '../ports/stream-broker.js'
import { appendCopies, withoutLastRun } from './append-copies.js'
import { compareEnds, fingerprintOf } from './replica-agreement.js'
import type { BucketReplication, SkippedOffsets } from './replication-report.js'
import type { Slots } from './slots.js'

const READ_RECORDS = 2_000
const READ_BYTES = 4 * 1024 * 1024
const RETRY = { firstMs: 50, maxMs: 30_000 }
/** In a row and without a record stored in between; a live replication goes on trying where the trouble is a passing one. */
const MAX_RETRIES = 8

export interface ReplicaBucketOptions {
  readonly queue: string
  readonly bucket: number
  readonly source: RecordStream
  readonly target: RecordStream
  /** False where nothing says that one was made from the other: their records must then. */
  readonly isRelated: boolean
  readonly live: boolean
  readonly clock: Clock
  readonly signal: AbortSignal | undefined
  /** Bounds what is in memory, over all buckets. */
  readonly slots: Slots
  /** Called when anything of the state changed; with the error after which it is tried again. */
  readonly changed: (error?: StorageError) => void
}

export class ReplicaBucket {
  readonly #options: ReplicaBucketOptions
  /** All that the source has below is in the target. */
  #position = 0
  /** The record that was copied last, where the target still has it. */
  #last: { readonly offset: number; readonly fingerprint: string } | undefined
  /** Where the target ends: below the position where the source ends in a gap. */
  #targetNext = 0
  /** Where a replication that is not live ends. */
  #until: number | undefined
  #known: StreamBounds | undefined
  /** Of the source when it was compared with the target. */
  #epoch = 0
  /** Where the source began when there was no copy: what lies below was never to be copied. */
  #floor = 0
  /** Something was stored since the target was last flushed. */
  #isUnsettled = true
  #records = 0
  #isSealed = false
  readonly #skipped: SkippedOffsets[] = []

  constructor(options: ReplicaBucketOptions) {
    this.#options = options
  }

  get state(): BucketReplication {
    const { bucket } = this.#options
    const lag = Math.max(0, (this.#known?.next ?? 0) - this.#position)
    const sealed = this.#isSealed ? { sealed: true as const } : {}
    return { bucket, records: this.#records, next: this.#position, lag, skipped: [...this.#skipped], ...sealed }
  }

  /** Resolves when all is copied; where it is live when the source is sealed, or rejects when the signal aborts. */
  async run(): Promise<void> {
    const wakes = new Wakes((wake) => this.#options.source.listen(wake))
    try {
      let retries = 0
      for (;;) {
        const before = this.#records
        const failure = await this.#session(wakes)
        if (failure === undefined) return
        retries = this.#records > before ? 0 : retries + 1
        await this.#rest(failure, retries)
      }
    } finally {
      wakes.stop()
    }
  }

  /** undefined when there is nothing left to do; else what it may get past by beginning again. */
  async #session(wakes: Wakes): Promise<StorageError | undefined> {
    const { clock, signal } = this.#options
    let isCopying = false
    try {
      await this.#begin()
      isCopying = true
      while (!(await this.#copyAll())) await wakes.next(clock, POLL_MS, signal)
      return undefined
    } catch (error) {
      signal?.throwIfAborted()
      // A target that is not where it was left tells in the next session what it holds instead.
      const isMoved = isCopying && (isStorageError(error, 'conflict') || isStorageError(error, 'closed'))
      if (isMoved || isStorageError(error, 'unavailable')) return error
      throw error
    }
  }

  async #rest(failure: StorageError, retries: number): Promise<void> {
    const { live, clock, signal, changed } = this.#options
    const isPassing = live && failure.code === 'unavailable'
    if (retries > MAX_RETRIES && !isPassing) throw failure
    await this.#lookAtSource().catch(() => {}) // for the lag that is reported
    changed(failure)
    await backOff(clock, retries, RETRY, signal)
  }

  /** Where the target ends, and whether it holds what the source holds. */
  async #begin(): Promise<void> {
    const { source, target, isRelated, live, changed } = this.#options
    const from = await this.#lookAtSource()
    const to = await target.bounds()
    if (!live) this.#until ??= from.next
    const end = Math.min(from.next, to.next)
    const agreement = await compareEnds(source, target, Math.max(from.first, to.first), end)
    if (typeof agreement === 'object') throw this.#diverged(agreement.differsFrom, from, to)
    if (to.next > from.next) throw this.#diverged(from.next, from, to)
    if (to.next > 0 && agreement === 'unknown' && !isRelated) throw this.#unrelated(from, to)
    if (to.sealed && (await this.#hasMore(from, to))) throw this.#sealedEarly(from, to)
    if (to.next === 0 && this.#floor === 0) this.#floor = from.first
    this.#epoch = from.epoch
    this.#position = to.next
    this.#targetNext = to.next
    this.#remember(to.next > to.first ? (await target.read({ from: to.next - 1, limit: 1 }))[0] : undefined)
    this.#isSealed = to.sealed === true
    changed()
  }

  async #lookAtSource(): Promise<StreamBounds> {
    this.#known = await this.#options.source.bounds()
    return this.#known
  }

  async #hasMore(from: StreamBounds, to: StreamBounds): Promise<boolean> {
    const [record] = await this.#options.source.read({ from: to.next, limit: 1 })
    return record !== undefined || from.sealed !== true
  }

  /** True when nothing is left to be copied, now or ever; false when there is something to wait for. */
  async #copyAll(): Promise<boolean> {
    const { source, target, slots, live, signal } = this.#options
    for (;;) {
      signal?.throwIfAborted()
      const bounds = await this.#lookAtSource()
      // The source was recovered, or only opened again, or lost its end: what was copied of it must still be there.
      if (bounds.epoch !== this.#epoch || bounds.next < this.#position) await this.#begin()
      const end = Math.min(bounds.next, this.#until ?? bounds.next)
      if (this.#position < end) {
        const isSameSource = await slots.run(() => this.#copyNext(source, end))
        if (!isSameSource) await this.#begin()
        continue
      }
      await this.#settle(target, bounds)
      return !live || this.#isSealed
    }
  }

  /** False when the source does not hold any more what was copied last. */
  async #copyNext(source: RecordStream, end: number): Promise<boolean> {
    const { target, changed } = this.#options
    const read = await this.#readNext(source)
    if (read === undefined) return false
    const below = read.filter(({ offset }) => offset < end)
    const isAll = below.length < read.length || (read[read.length - 1]?.offset ?? end) >= end - 1
    const records = isAll ? below : withoutLastRun(below)
    const first = records[0]
    await this.#noteSkipped(first?.offset ?? end)
    if (first === undefined) {
      this.#position = end // the source ends in a gap
    } else {
      this.#targetNext = await appendCopies(target, this.#targetNext, records)
      const last = records[records.length - 1] as StreamRecord
      this.#remember(last)
      this.#position = last.offset + 1
      this.#records += records.length
      this.#isUnsettled = true
    }
    changed()
    return true
  }

  /**
   * What follows the last copied record, read together with that: another server may have taken over the source that
   * lacks what was copied, and have stored other records there since. undefined when it did.
   */
  async #readNext(source: RecordStream): Promise<readonly StreamRecord[] | undefined> {
    const { signal } = this.#options
    const limits = { limit: READ_RECORDS, maxBytes: READ_BYTES, ...(signal === undefined ? {} : { signal }) }
    if (this.#last !== undefined) {
      const read = await source.read({ ...limits, from: this.#last.offset, limit: READ_RECORDS + 1 })
      const copied = read.filter(({ offset }) => offset < this.#position)
      if (!copied.every((record) => this.#isLast(record))) return undefined
      if (copied.length < read.length) return read.slice(copied.length)
    }
    return source.read({ ...limits, from: this.#position })
  }

  #isLast(record: StreamRecord): boolean {
    return record.offset === this.#last?.offset && fingerprintOf(record) === this.#last.fingerprint
  }

  #remember(record: StreamRecord | undefined): void {
    this.#last = record && { offset: record.offset, fingerprint: fingerprintOf(record) }
  }

  /** What retention or a trim took before it was copied; what a compaction took is no loss. */
  async #noteSkipped(to: number): Promise<void> {
    if (to === this.#position) return
    const { first } = await this.#lookAtSource()
    const lost = { from: Math.max(this.#position, this.#floor), to: Math.min(first, to) }
    if (lost.to > lost.from) this.#skipped.push(lost)
  }

  /** All that there is was copied. */
  async #settle(target: RecordStream, bounds: StreamBounds): Promise<void> {
    if (this.#isUnsettled) await this.#flush(target)
    if (bounds.sealed !== true || this.#position < bounds.next || this.#isSealed) return
    await target.seal()
    this.#isSealed = true
    this.#options.changed()
  }

  /** A copy begins where its first record is. */
  async #flush(target: RecordStream): Promise<void> {
    await target.flush()
    const { first } = await target.bounds()
    const [oldest] = await target.read({ from: first, limit: 1 })
    if (oldest !== undefined && oldest.offset > first) await target.trim(oldest.offset)
    this.#isUnsettled = false
  }

  #diverged(differsFrom: number, from: StreamBounds, to: StreamBounds): StorageError {
    const message =
      'source and target hold different records: somebody appended to the target, or a recovery of the source lost what the target ' +
      'still has; nothing was changed. Read from the target what only it has, append to the source what is wanted of it, delete the ' +
      'queue at the target and replicate again'
    return this.#conflict(message, { differsFrom, ...ends(from, to) })
  }

  #unrelated(from: StreamBounds, to: StreamBounds): StorageError {
    const message =
      'nothing shows that the queue at the target is a copy of this one; delete it there, or replicate to another store or name'
    return this.#conflict(message, ends(from, to))
  }

  #sealedEarly(from: StreamBounds, to: StreamBounds): StorageError {
    const message = 'the target was sealed before its source was; delete the queue at the target and replicate again'
    return this.#conflict(message, ends(from, to))
  }

  #conflict(message: string, facts: Record<string, unknown>): StorageError {
    const { queue, bucket } = this.#options
    return new StorageError('conflict', message, { operation: 'replicate', facts: { queue, bucket, ...facts } })
  }
}

function ends(from: StreamBounds, to: StreamBounds): Record<string, unknown> {
  return { sourceFirst: from.first, sourceNext: from.next, targetNext: to.next }
}
