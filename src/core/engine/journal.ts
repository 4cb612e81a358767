// The append-only log of one bucket, whatever lies beneath it: appends in groups, reads that join what is in memory and
// what is stored, and waits that a lost signal only makes slower.

import type { Clock } from '../base/clock.js'
import { isStorageError, StorageError } from '../base/errors.js'
import { loadPart } from '../base/load-part.js'
import { saidWrongly } from '../base/own-headers.js'
import { Latch, nextWake, POLL_MS } from '../base/latch.js'
import type { CompressionLevel, CompressionName } from '../codec/compression.js'
import type { BlobStore } from '../ports/blob-store.js'
import type { SignalBus } from '../ports/signal-bus.js'
import type {
  AppendOptions,
  AppendResult,
  CompactionResult,
  DedupeWindow,
  ProducerState,
  ReadOptions,
  RecordBatch,
  RetentionPolicy,
  StreamBounds,
  StreamRecord,
  StreamStats,
  SyncMode,
} from '../ports/stream-broker.js'
import type { AppendHistory } from './append-history.js'
import { BlockReader } from './block-reader.js'
import { GroupCommit } from './group-commit.js'
import type { EncodedFrames, Log, LogEnd } from './log.js'
import { Retention } from './retention.js'

const DEFAULT_READ_BYTES = 4 * 1024 * 1024

export interface JournalOptions {
  readonly log: Log
  readonly clock: Clock
  readonly sync: SyncMode
  readonly topic: string
  readonly signals?: SignalBus | undefined
  readonly checkFence: () => void | Promise<void>
  readonly retention?: RetentionPolicy | undefined
  readonly compaction?: 'key' | undefined
  /** How long a compaction keeps tombstones; default a day. */
  readonly tombstoneMs?: number | undefined
  readonly compression?: CompressionName | undefined
  readonly compressionLevel?: number | undefined
  /** What ids and producers said is kept in this blob. */
  readonly history: { readonly blobs: BlobStore; readonly key: string }
  readonly dedupe?: DedupeWindow | undefined
  /** Everything below was acknowledged by the group; 0 where there is no such group. */
  readonly committedOf: (group: string) => Promise<number>
  /** false where nothing may go on after a request: retention is then enforced by `compact()` alone. */
  readonly background: boolean
}

export interface JournalInside {
  readonly log: Log
  readonly clock: Clock
  readonly compress: Compress | undefined
  /** To be called when records were added. */
  readonly announce: () => void
}

type Compress = (frames: EncodedFrames, at: LogEnd) => Promise<EncodedFrames>

const DAY_MS = 24 * 3_600_000
const DEDUPE: DedupeWindow = { ms: DAY_MS, ids: 10_000 }

export class Journal {
  readonly #options: JournalOptions
  readonly #commits: GroupCommit
  readonly #latch = new Latch()
  readonly #blocks = new BlockReader()
  readonly #retention: Retention | undefined
  readonly #compress: Compress | undefined
  #enforcing: Promise<void> | undefined
  /** Of the log, when retention was enforced last. */
  #rolled = 0
  #closed = false

  constructor(options: JournalOptions) {
    this.#options = options
    const { log, clock, sync, checkFence, retention: policy, committedOf, compression = 'none', compressionLevel } = options
    const beforeRemoval = (): Promise<unknown> => this.#keepHistory()
    if (policy !== undefined) this.#retention = new Retention({ log, policy, clock, committedOf, beforeRemoval })
    const openHistory = (): Promise<AppendHistory> => this.#openHistory()
    this.#compress =
      compression === 'none'
        ? undefined
        : compressWith({ name: compression, ...(compressionLevel === undefined ? {} : { level: compressionLevel }) })
    const committed = (): void => this.#announce()
    this.#commits = new GroupCommit({ log, clock, sync, checkFence, committed, compress: this.#compress, openHistory })
  }

  append(batch: RecordBatch, options: AppendOptions = {}): Promise<AppendResult> {
    if (options.signal?.aborted) return Promise.reject(options.signal.reason)
    if (batch.records.length === 0) return Promise.reject(new StorageError('invalid', 'an append holds at least one record'))
    if (options.timestamps === 'keep' && !batch.records.every(({ timestamp = 0 }) => Number.isSafeInteger(timestamp) && timestamp >= 0)) {
      return Promise.reject(new StorageError('invalid', 'a timestamp is a whole number of milliseconds, 0 or more'))
    }
    const wrong = saidWrongly(batch.records, options.producer)
    return wrong === undefined ? this.#commits.append(batch, options) : Promise.reject(wrong)
  }

  /** What an append needs that somebody else stores, in one commit with other things. */
  get inside(): JournalInside {
    this.#checkOpen('transaction')
    const { log, clock } = this.#options
    return { log, clock, compress: this.#compress, announce: () => this.#announce() }
  }

  producer(id: string): Promise<ProducerState | undefined> {
    return this.#commits.between((history) => history.producer(id))
  }

  /** `next` is the high-water mark as readers see it: in `always` mode only what is durable. */
  async bounds(): Promise<StreamBounds> {
    this.#checkOpen('bounds')
    const { log } = this.#options
    const end = await log.end(true)
    const { durable, epoch, isSealed } = end
    return { first: await this.#first(), next: this.#visible(end), durable, epoch, ...(isSealed ? { sealed: true } : {}) }
  }

  async stats(): Promise<StreamStats> {
    return { ...(await this.bounds()), ...(await this.#options.log.stats()) }
  }

  async read(options: ReadOptions): Promise<readonly StreamRecord[]> {
    this.#checkOpen('read')
    const { clock } = this.#options
    const deadline = clock.now() + (options.waitMs ?? 0)
    for (;;) {
      options.signal?.throwIfAborted()
      const records = await this.#readNow(options)
      if (records.length > 0 || clock.now() >= deadline) return records
      await nextWake(clock, (wake) => this.listen(wake), Math.min(POLL_MS, deadline - clock.now()), options.signal)
      this.#checkOpen('read')
    }
  }

  /** Where a position of an earlier epoch must go back to: `next` itself unless a recovery dropped what it had passed. */
  async rewindTo(next: number, epoch: number): Promise<number> {
    const { log } = this.#options
    if (next > (await log.end()).next) await log.end(true)
    return log.rewindTo(next, epoch)
  }

  listen(wake: () => void): () => void {
    const { signals, topic } = this.#options
    const stopLocal = this.#latch.listen(wake)
    const stopRemote = signals?.listen(topic, wake)
    return () => {
      stopLocal()
      stopRemote?.()
    }
  }

  async trim(before: number): Promise<void> {
    const { next } = await this.bounds()
    if (!Number.isInteger(before) || before < 0 || before > next) {
      throw new StorageError('invalid', 'trim takes an offset inside the log', { operation: 'trim', facts: { before, maximum: next } })
    }
    await this.#keepHistory()
    await this.#options.log.trim(before)
    this.#blocks.forget()
  }

  /** What retention and compaction no longer keep goes from the medium. */
  async compact(): Promise<CompactionResult> {
    this.#checkOpen('compact')
    const { log, clock, compaction, tombstoneMs = DAY_MS } = this.#options
    await this.flush()
    await this.#enforcing
    const { compactLog } = await loadPart('compaction', () => import('./compaction.js'))
    await log.roll()
    const floor = Math.max(await log.first(), (await this.#retention?.floor()) ?? 0)
    const ceiling = await this.#keepHistory()
    try {
      return await compactLog(log, { floor, ceiling, byKey: compaction === 'key', tombstonesBefore: clock.now() - tombstoneMs })
    } finally {
      this.#blocks.forget()
    }
  }

  async seal(): Promise<void> {
    this.#checkOpen('seal')
    await this.flush()
    await this.#options.log.seal()
    this.#announce()
  }

  async flush(): Promise<void> {
    await this.#commits.flush()
    await this.#options.log.flush?.()
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    try {
      await this.#commits.flush()
    } finally {
      await this.#enforcing
      await this.#blocks.close()
      await this.#closeCommits()
    }
  }

  async #closeCommits(): Promise<void> {
    try {
      await this.#commits.close()
    } finally {
      await this.#options.log.close()
      this.#latch.wake()
    }
  }

  #announce(): void {
    this.#latch.wake()
    this.#options.signals?.send(this.#options.topic)
    const { log, background } = this.#options
    if (this.#retention === undefined || !background || log.rolled === this.#rolled) return
    this.#rolled = log.rolled
    this.#enforcing ??= this.#enforce(this.#retention)
  }

  /** Awaited on close. A failure costs space until a segment is full again. */
  async #enforce(retention: Retention): Promise<void> {
    try {
      await retention.enforce()
    } catch (error) {
      if (!isStorageError(error)) throw error
    } finally {
      this.#blocks.forget()
      this.#enforcing = undefined
    }
  }

  async #openHistory(): Promise<AppendHistory> {
    const { log, clock, history, dedupe = DEDUPE } = this.#options
    const { AppendHistory } = await loadPart('ids and producers', () => import('./append-history.js'))
    return new AppendHistory({ log, clock, ...history, window: dedupe })
  }

  /** Records below the offset that it resolves to may go: what they said of ids and producers is kept. */
  #keepHistory(): Promise<number> {
    return this.#commits.between((history) => history.keep())
  }

  async #first(): Promise<number> {
    return this.#retention === undefined ? this.#options.log.first() : this.#retention.first()
  }

  /** Where a sync makes no commit better, readers need not wait for one. */
  #visible(end: LogEnd): number {
    const { log, sync } = this.#options
    return sync === 'always' && log.durability.written !== log.durability.synced ? end.durable : end.next
  }

  async #readNow({ from, limit, maxBytes = DEFAULT_READ_BYTES }: ReadOptions): Promise<StreamRecord[]> {
    const { log } = this.#options
    const start = Math.max(typeof from === 'number' ? from : await log.offsetAt(from.time), await this.#first())
    let visible = this.#visible(await log.end())
    if (start >= visible) visible = this.#visible(await log.end(true))
    const records: StreamRecord[] = []
    let bytes = 0
    let next = start
    while (next < visible && records.length < limit && bytes < maxBytes) {
      const read = await this.#blocks.read(log, { from: next, end: visible, limit: limit - records.length, maxBytes: maxBytes - bytes })
      if (read.length === 0) break
      for (const record of read) {
        records.push(record)
        bytes += record.value?.length ?? 0
      }
      next = (read[read.length - 1] as StreamRecord).offset + 1
    }
    return records
  }

  #checkOpen(operation: string): void {
    if (this.#closed) throw new StorageError('closed', 'the log is closed', { operation })
  }
}

function compressWith(chosen: CompressionLevel): Compress {
  return async (frames, at) => {
    const { compressFrames } = await loadPart('compression', () => import('./compress-frames.js'))
    return compressFrames(frames, at, chosen)
  }
}

/** Of the blob beside a log that keeps what ids and producers said. */
export function historyKey(path: string): string {
  return `${path}/appended`
}
