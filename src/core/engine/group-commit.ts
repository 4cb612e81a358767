// While one commit is being written and synced, callers queue; the next commit takes all of them. No timer in `always`
// mode: the sync itself is the rhythm.

import type { Clock } from '../base/clock.js'
import { StorageError } from '../base/errors.js'
import type { AppendOptions, AppendResult, RecordBatch, SyncMode } from '../ports/stream-broker.js'
import { guessBatchBytes, type PendingAppend, type PlacedAppend } from './append-batch.js'
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
}

export class GroupCommit {
  readonly #options: GroupCommitOptions
  #waiting: PendingAppend[] = []
  #running: Promise<void> | undefined
  /** Acknowledged as written, not yet synced, with their first offsets: kept to be written again should the sync fail. */
  readonly #unsynced = new Map<PendingAppend, number>()
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
      const append = { records, bytes: guessBatchBytes(records), options, resolve, reject }
      this.#waiting.push(options.signal === undefined ? append : this.#withdrawable(append, options.signal))
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
      try {
        await this.#commit(appends)
      } catch (error) {
        if (appends.length === 0) this.#syncError = error
        for (const append of appends) append.reject(error)
      }
    } while (this.#waiting.length > 0)
    this.#running = undefined
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
    const { log, clock, compress } = this.#options
    let placed: readonly PlacedAppend[] = []
    let refused: readonly Refusal[] = []
    let stored: EncodedFrames | undefined
    await log.commit((at) => {
      const lost = at.next < this.#writtenNext ? this.#lostFrom(at.next) : []
      const plan = checkConditions([...lost, ...appends], at, log.leavesGaps)
      placed = plan.placed
      refused = plan.refused
      stored = undefined
      if (placed.length === 0) return undefined
      const timestamp = Math.max(clock.now(), at.timestamp)
      const frames = log.format.encodeAppends(placed, at, timestamp)
      if (compress === undefined) {
        stored = frames
        return frames
      }
      return compress(frames, at).then((smaller) => {
        giveBackMemory(frames.bytes)
        stored = smaller
        return smaller
      })
    })
    if (stored !== undefined) giveBackMemory(stored.bytes)
    const durability = await this.#settle(placed, stored)
    if (stored !== undefined) this.#options.committed()
    for (const { append, error } of refused) append.reject(error)
    const timestamp = stored?.timestamp ?? 0
    for (const { append, first } of placed) append.resolve({ first, next: first + append.records.length, timestamp, durability })
  }

  /** In the order of their offsets. What the log still has, a segment that was closed meanwhile has synced. */
  #lostFrom(next: number): PendingAppend[] {
    const lost = [...this.#unsynced].filter(([, first]) => first >= next)
    return lost.sort(([, a], [, b]) => a - b).map(([append]) => append)
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
    for (const { append, first } of placed) {
      this.#unsynced.set(append, first)
      this.#unsyncedRecords += append.records.length
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
    const covered = [...this.#unsynced.keys()]
    this.#syncing = this.#options.log.sync().finally(() => {
      this.#syncing = undefined
    })
    await this.#syncing
    if (covered.length > 0 && (await this.#options.log.end()).next < this.#writtenNext) {
      throw new StorageError('unavailable', 'appends that were acknowledged are not written again yet', { operation: 'flush' })
    }
    for (const append of covered) this.#unsynced.delete(append)
  }
}

interface Refusal {
  readonly append: PendingAppend
  readonly error: StorageError
}

/** In the order they were queued, each against the end that the ones before it leave. */
function checkConditions(
  appends: readonly PendingAppend[],
  at: LogEnd,
  leavesGaps: boolean,
): { placed: PlacedAppend[]; refused: Refusal[] } {
  const placed: PlacedAppend[] = []
  const refused: Refusal[] = []
  let next = at.next
  for (const append of appends) {
    const error = refusalOf(append.options, next, { durable: at.durable, leavesGaps })
    if (error !== undefined) {
      refused.push({ append, error })
      continue
    }
    const first = append.options.at ?? next
    placed.push({ append, first })
    next = first + append.records.length
  }
  return { placed, refused }
}

/** What a frame's header can say of how far behind it the log is durable, with room for what shares its commit. */
const MAX_GAP = 2 ** 31

interface GapRules {
  readonly durable: number
  readonly leavesGaps: boolean
}

function refusalOf({ when, at }: AppendOptions, next: number, { durable, leavesGaps }: GapRules): StorageError | undefined {
  if (when !== undefined && when.next !== next) {
    return refusal('conflict', 'the log does not end where the append expected', { expected: when.next, next })
  }
  if (at === undefined) return undefined
  if (at < next) return refusal('conflict', 'the log has gone past the offset that the append wants', { at, next })
  if (at > next && !leavesGaps) {
    return refusal('unsupported', 'a log of chunks has no gaps; copy into a store of files', { at, next, missing: 'files' })
  }
  if (Number.isSafeInteger(at) && at - durable <= MAX_GAP) return undefined
  return refusal('invalid', 'an append leaves a gap of at most 2^31 offsets', { at, next })
}

function refusal(code: 'conflict' | 'invalid' | 'unsupported', message: string, facts: Record<string, unknown>): StorageError {
  return new StorageError(code, message, { operation: 'append', facts })
}
