// While one commit is being written and synced, callers queue; the next commit takes all of them. No timer in `always`
// mode: the sync itself is the rhythm.

import type { Clock } from '../base/clock.js'
import { isStorageError, StorageError } from '../base/errors.js'
import type { AppendOptions, AppendResult, RecordBatch, SyncMode } from '../ports/stream-broker.js'
import { guessBatchBytes, type PendingAppend, type PlacedAppend, speaksOf } from './append-batch.js'
import type { AppendHistory } from './append-history.js'
import { type AppendJudge, type CommitPlan, judgeWithout, planCommit } from './append-plan.js'
import { giveBackMemory } from './frame-memory.js'
import type { EncodedFrames, Log, LogEnd } from './log.js'

const MAX_COMMIT_BYTES = 8 * 1024 * 1024
/** In the modes without a sync for each commit so much may wait at most, and is kept, should the sync fail that closes a segment. */
const MAX_UNSYNCED_BYTES = 16 * 1024 * 1024

export interface GroupCommitOptions {
  readonly log: Log
  readonly clock: Clock
  readonly sync: SyncMode
  /** Throws `fenced` when another owner took over; asked after the sync and before the acknowledgement. */
  readonly checkFence: () => void | Promise<void>
  /** Called when new records became visible. */
  readonly committed: () => void
  /** Makes frames smaller before they are stored. */
  readonly compress?: ((frames: EncodedFrames, at: LogEnd) => Promise<EncodedFrames>) | undefined
  /** Loads what ids and producers said, when the first append speaks of them. */
  readonly openHistory: () => Promise<AppendHistory>
}

/** What the last encoding of a commit came to. */
interface Encoding {
  readonly at: LogEnd
  readonly plan: CommitPlan
  /** Of the commit, ms. */
  readonly now: number
  /** undefined where nothing is to be stored. */
  frames: EncodedFrames | undefined
}

export class GroupCommit {
  readonly #options: GroupCommitOptions
  #waiting: PendingAppend[] = []
  #tasks: (() => Promise<void>)[] = []
  #running: Promise<void> | undefined
  #history: AppendHistory | undefined
  /** A sync failed between commits: what was acknowledged is to be written again. */
  #isTakenBack = false
  /** Acknowledged as written, not yet synced, in their order: kept to be written again should the sync fail. */
  readonly #unsynced = new Set<PlacedAppend>()
  #unsyncedRecords = 0
  #unsyncedBytes = 0
  /** Where the log ended after the last commit; an end below it means that a failed sync took records back. */
  #writtenNext = 0
  #cancelTimer: (() => void) | undefined
  #syncing: Promise<void> | undefined
  #syncError: unknown
  #closed = false

  constructor(options: GroupCommitOptions) {
    this.#options = options
  }

  append(batch: RecordBatch, options: AppendOptions): Promise<AppendResult> {
    if (this.#closed) return Promise.reject(new StorageError('closed', 'the log is closed', { operation: 'append' }))
    const error = this.#syncError
    if (error !== undefined) {
      this.#syncError = undefined
      return Promise.reject(error)
    }
    const { records } = batch
    return new Promise((resolve, reject) => {
      const append = { records, bytes: guessBatchBytes(records), options, speaks: speaksOf(records, options), resolve, reject }
      this.#waiting.push(options.signal === undefined ? append : this.#withdrawable(append, options.signal))
      this.#running ??= this.#run()
    })
  }

  /**
   * Runs a task with what ids and producers said, while no commit is under way and all that was committed is as durable as
   * a sync makes it.
   */
  between<Result>(task: (history: AppendHistory) => Promise<Result>): Promise<Result> {
    if (this.#closed) return Promise.reject(new StorageError('closed', 'the log is closed'))
    return new Promise((resolve, reject) => {
      this.#tasks.push(() => this.#atRest(task).then(resolve, reject))
      this.#running ??= this.#run()
    })
  }

  /** Resolves when all that was appended before is durable. */
  async flush(): Promise<void> {
    while (this.#running !== undefined) await this.#running
    await this.#sync().catch((error) => this.#syncAgain(error))
    const error = this.#syncError
    this.#syncError = undefined
    if (error !== undefined) throw error
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.flush()
    await this.#checkpoint()
  }

  /** What was acknowledged goes into a new segment, and that is synced. */
  async #syncAgain(error: unknown): Promise<void> {
    if (this.#unsynced.size === 0) throw error
    this.#running ??= this.#run()
    await this.#running
    if (this.#syncError === undefined) await this.#sync()
  }

  /** An append that nobody took yet can still be withdrawn. It stops listening when it ends: a signal may live long. */
  #withdrawable(append: PendingAppend, signal: AbortSignal): PendingAppend {
    const withdraw = (): void => {
      const index = this.#waiting.indexOf(listening)
      if (index === -1) return
      this.#waiting.splice(index, 1)
      append.reject(signal.reason)
    }
    const listening: PendingAppend = {
      ...append,
      resolve(result) {
        signal.removeEventListener('abort', withdraw)
        append.resolve(result)
      },
      reject(error) {
        signal.removeEventListener('abort', withdraw)
        append.reject(error)
      },
    }
    signal.addEventListener('abort', withdraw, { once: true })
    return listening
  }

  async #run(): Promise<void> {
    await Promise.resolve() // callers of the same turn share the first commit
    do {
      const appends = this.#take()
      this.#isTakenBack = false
      try {
        if (appends.length > 0 || this.#unsynced.size > 0) await this.#commit(appends)
      } catch (error) {
        for (const append of appends) append.reject(error)
      }
      if (this.#history?.isDue) await this.#checkpoint()
      for (const task of this.#tasks.splice(0)) await task()
    } while (this.#waiting.length > 0 || this.#tasks.length > 0 || this.#isTakenBack)
    this.#running = undefined
  }

  async #atRest<Result>(task: (history: AppendHistory) => Promise<Result>): Promise<Result> {
    if (this.#options.sync !== 'always') {
      await this.#sync().catch((error) => {
        this.#isTakenBack = this.#unsynced.size > 0
        throw error
      })
    }
    this.#history ??= await this.#options.openHistory()
    return task(this.#history)
  }

  /** Costs time only when it fails: what was said is read from the log again. */
  async #checkpoint(): Promise<void> {
    try {
      if (this.#history !== undefined) await this.#atRest((history) => history.checkpoint())
    } catch (error) {
      if (!isStorageError(error)) throw error
    }
  }

  #take(): PendingAppend[] {
    let bytes = 0
    let count = 0
    for (const append of this.#waiting) {
      bytes += append.bytes
      if (count > 0 && bytes > MAX_COMMIT_BYTES) break
      count++
    }
    return this.#waiting.splice(0, count)
  }

  async #commit(appends: readonly PendingAppend[]): Promise<void> {
    const { log } = this.#options
    const speaks = appends.some((append) => append.speaks)
    let encoding: Encoding | undefined
    const encode = (at: LogEnd, now: number, judge: AppendJudge | undefined): EncodedFrames | undefined | Promise<EncodedFrames> => {
      const lost = at.next < this.#writtenNext ? this.#lostFrom(at.next) : []
      const plan = planCommit(lost, appends, { at, judge })
      encoding = { at, plan, now, frames: undefined }
      return plan.placed.length === 0 ? undefined : this.#encode(encoding)
    }
    await log.commit((at) => {
      const now = Math.max(this.#options.clock.now(), at.timestamp)
      return speaks ? this.#judgeOf(at, now).then((judge) => encode(at, now, judge)) : encode(at, now, undefined)
    })
    if (encoding !== undefined) await this.#finish(encoding)
  }

  async #judgeOf(at: LogEnd, now: number): Promise<AppendJudge> {
    try {
      this.#history ??= await this.#options.openHistory()
      return await this.#history.judge(at, now)
    } catch (error) {
      if (!isStorageError(error)) throw error
      return judgeWithout(error)
    }
  }

  #encode(encoding: Encoding): EncodedFrames | Promise<EncodedFrames> {
    const { log, compress } = this.#options
    const { at, plan, now } = encoding
    const frames = log.format.encodeAppends(plan.placed, at, now)
    encoding.frames = frames
    if (compress === undefined) return frames
    return compress(frames, at).then((smaller) => {
      giveBackMemory(frames.bytes)
      encoding.frames = smaller
      return smaller
    })
  }

  /** Everybody learns what became of the append: also of an earlier one only once that is as durable as its answer says. */
  async #finish({ at, plan, now, frames }: Encoding): Promise<void> {
    const { placed, repeated, refused } = plan
    if (frames !== undefined) giveBackMemory(frames.bytes)
    const durability = await this.#settle(placed, frames)
    if (frames !== undefined) {
      this.#history?.stored(placed, { from: at.next, next: frames.next, now })
      this.#options.committed()
    }
    for (const { append, error } of refused) append.reject(error)
    for (const { append, result } of repeated) append.resolve({ ...result, durability })
    const timestamp = frames?.timestamp ?? 0
    for (const one of placed) one.append.resolve({ ...placesOf(one, timestamp), timestamp, durability })
  }

  /** In the order of their offsets. What the log still has, a segment that was closed meanwhile has synced. */
  #lostFrom(next: number): PlacedAppend[] {
    return [...this.#unsynced].filter(({ first }) => first >= next).sort((a, b) => a.first - b.first)
  }

  /** Syncs as the mode says, and asks the fence last. */
  async #settle(placed: readonly PlacedAppend[], stored: EncodedFrames | undefined): Promise<AppendResult['durability']> {
    const { log, sync, checkFence } = this.#options
    if (sync === 'always') {
      await log.sync()
      await checkFence()
      return log.durability.synced
    }
    await checkFence()
    if (stored !== undefined && log.durability.written === 'os') {
      this.#keepUntilSynced(placed, stored)
      this.#scheduleSync(sync === 'never' ? {} : sync)
    }
    return log.durability.written
  }

  #keepUntilSynced(placed: readonly PlacedAppend[], stored: EncodedFrames): void {
    this.#writtenNext = stored.next
    for (const one of placed) {
      this.#unsynced.add(one)
      this.#unsyncedRecords += one.records.length
    }
    this.#unsyncedBytes += stored.bytes.length
  }

  #scheduleSync(mode: { readonly everyMs?: number; readonly everyRecords?: number }): void {
    const isDue = this.#unsyncedRecords >= (mode.everyRecords ?? Number.POSITIVE_INFINITY) || this.#unsyncedBytes >= MAX_UNSYNCED_BYTES
    if (isDue) this.#syncInBackground()
    else if (mode.everyMs !== undefined) this.#cancelTimer ??= this.#options.clock.after(mode.everyMs, () => this.#syncInBackground())
  }

  /** Awaited by flush and close; its error fails the next append or flush, and what was acknowledged is written again. */
  #syncInBackground(): void {
    this.#sync().catch((error) => {
      this.#syncError = error
      if (this.#unsynced.size > 0) this.#running ??= this.#run()
    })
  }

  async #sync(): Promise<void> {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    while (this.#syncing !== undefined) await this.#syncing.catch(() => {})
    this.#unsyncedRecords = 0
    this.#unsyncedBytes = 0
    const covered = [...this.#unsynced]
    this.#syncing = this.#options.log.sync().finally(() => {
      this.#syncing = undefined
    })
    await this.#syncing
    if (covered.length > 0 && (await this.#options.log.end()).next < this.#writtenNext) {
      throw new StorageError('unavailable', 'appends that were acknowledged are not written again yet', { operation: 'flush' })
    }
    for (const one of covered) this.#unsynced.delete(one)
  }
}

/** Where each record is, where some had been stored before. */
function placesOf(
  { first, records, known }: PlacedAppend,
  timestamp: number,
): Pick<AppendResult, 'first' | 'next' | 'offsets' | 'timestamps'> {
  const ends = { first, next: first + records.length }
  if (known === undefined) return ends
  let at = first
  const places = known.map((one) => one ?? { offset: at++, timestamp })
  return { ...ends, offsets: places.map(({ offset }) => offset), timestamps: places.map((one) => one.timestamp) }
}
