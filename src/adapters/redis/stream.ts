// A bucket as a native Redis stream. What all handles of a process share (the writer, wake-ups, retention under way) is one
// `StreamCore`; a handle has its own options.

import { fromHex } from '../../core/base/bytes.js'
import { type Clock, systemClock } from '../../core/base/clock.js'
import { isStorageError, StorageError } from '../../core/base/errors.js'
import { POLL_MS, Wakes } from '../../core/base/latch.js'
import { saidWrongly } from '../../core/base/own-headers.js'
import type { Cancellable } from '../../core/ports/options.js'
import type {
  AppendOptions,
  AppendResult,
  CompactionResult,
  GroupPort,
  GroupPortOptions,
  ProducerState,
  ReadOptions,
  RecordBatch,
  RecordStream,
  StreamBounds,
  StreamOptions,
  StreamRecord,
  StreamStats,
} from '../../core/ports/stream-broker.js'
import { appendRequest, appendResult } from './append-request.js'
import { removeReplaced } from './compaction.js'
import { textOf } from './connection.js'
import { bytesOf, type Entry, entriesOf, idOf, recordOf } from './entry.js'
import { NAME } from './errors.js'
import { RedisGroups } from './groups.js'
import { type Limits, NO_LIMITS, Retention } from './retention.js'
import type { StreamCore } from './stream-core.js'
import { LOCATE, PRODUCER, SEAL, STATS, TRIM } from './stream-scripts.js'

const DEFAULT_READ_BYTES = 4 * 1024 * 1024
const MAX_PAGE = 1_000
const DEFAULT_WINDOW = { ms: 86_400_000, ids: 10_000 }
const DAY_MS = 24 * 3_600_000
/** Retention by bytes counts in pieces: a fraction of a segment, where somebody chose its size. */
const MAX_MARK_BYTES = 1024 * 1024
/** Of a trim: no other client waits longer than for so many. */
const TRIM_PAGE = 1_000

/** What the server says of where a stream begins and ends. */
interface Located {
  readonly first: number
  readonly next: number
  readonly floor: number
  readonly at: number
  readonly ended: string
}

export class RedisStream implements RecordStream {
  readonly #core: StreamCore
  readonly #options: StreamOptions
  readonly #clock: Clock
  readonly #markBytes: number
  readonly #retention: Retention | undefined
  readonly #groups: RedisGroups
  readonly #release: () => void
  /** Appends under way. */
  readonly #appends = new Set<Promise<unknown>>()
  /** Of the last page that was read. */
  #entryBytes = 4_096
  #closed: Promise<void> | undefined

  constructor(core: StreamCore, options: StreamOptions, release: () => void) {
    const { clock = systemClock, segmentBytes = Number.POSITIVE_INFINITY, retention } = options
    this.#core = core
    this.#options = options
    this.#release = release
    this.#clock = clock
    this.#groups = new RedisGroups(core, this, clock)
    this.#markBytes = Math.max(256, Math.min(MAX_MARK_BYTES, segmentBytes / 4))
    if (retention === undefined) return
    this.#retention = new Retention({
      policy: retention,
      floorBy: async (limits) => (await this.#locate({ limits })).floor,
      next: async () => (await this.#locate({})).next,
      committedOf: (group) => this.#groups.committed(group),
      trim: (before) => this.#trim(before),
    })
  }

  append(batch: RecordBatch, options: AppendOptions = {}): Promise<AppendResult> {
    const error = this.#refusalOf(batch, options)
    if (error !== undefined) return Promise.reject(error)
    const append = this.#append(batch, options)
    this.#appends.add(append)
    const forget = (): void => void this.#appends.delete(append)
    append.then(forget, forget)
    return append
  }

  async read(options: ReadOptions): Promise<readonly StreamRecord[]> {
    const { waitMs = 0, signal } = options
    const end = this.#clock.now() + waitMs
    const wakes = waitMs > 0 ? new Wakes((wake) => this.listen(wake)) : undefined
    try {
      for (;;) {
        signal?.throwIfAborted()
        this.#checkOpen('read')
        const records = await this.#readNow(options)
        const now = this.#clock.now()
        if (records.length > 0 || now >= end) return records
        await wakes?.next(this.#clock, Math.min(POLL_MS, end - now), signal)
      }
    } finally {
      wakes?.stop()
    }
  }

  async bounds(options: Cancellable = {}): Promise<StreamBounds> {
    options.signal?.throwIfAborted()
    this.#checkOpen('bounds')
    const { next, floor, ended } = await this.#locate({ limits: this.#retention?.limits })
    const first = this.#retention?.raise(floor) ?? floor
    return { first, next, durable: next, epoch: 0, ...(ended === 'sealed' ? { sealed: true } : {}) }
  }

  async stats(): Promise<StreamStats> {
    const { connection, keys } = this.#core
    const [, bytes, segments] = (await connection.run(STATS, [keys.stream, keys.meta], [], 'stats')) as [number, number, number]
    return { ...(await this.bounds()), bytes, segments }
  }

  async producer(id: string): Promise<ProducerState | undefined> {
    this.#checkOpen('producer')
    const { connection, keys } = this.#core
    const known = (await connection.run(PRODUCER, [keys.producers], [id], 'producer')) as [number, number] | null
    return known === null ? undefined : { epoch: known[0], sequence: known[1] }
  }

  /** The server acknowledged all that was acknowledged here. */
  async flush(): Promise<void> {
    this.#checkOpen('flush')
    await Promise.allSettled(this.#appends)
  }

  listen(wake: () => void): () => void {
    return this.#core.signals.listen(this.#core.name, wake)
  }

  async trim(before: number): Promise<void> {
    this.#checkOpen('trim')
    await this.#trim(before)
  }

  async compact(): Promise<CompactionResult> {
    await this.flush()
    const { compaction, tombstoneMs = DAY_MS } = this.#options
    const before = await this.#held()
    const floor = await this.#retention?.floor()
    if (floor !== undefined) await this.#trim(floor)
    if (compaction === 'key') await removeReplaced(this.#core, this.#clock.now() - tombstoneMs)
    const after = await this.#held()
    return { beforeRecords: before.records, afterRecords: after.records, beforeBytes: before.bytes, afterBytes: after.bytes }
  }

  async seal(): Promise<void> {
    await this.flush()
    const { connection, keys, channel, signals, name } = this.#core
    await connection.run(SEAL, [keys.meta], [channel], 'seal')
    signals.wakeHere(name)
  }

  group(name: string, options: GroupPortOptions = {}): Promise<GroupPort> {
    this.#checkOpen('group')
    return this.#groups.open(name, options)
  }

  groups(): Promise<readonly string[]> {
    this.#checkOpen('groups')
    return this.#groups.names()
  }

  deleteGroup(name: string): Promise<void> {
    this.#checkOpen('deleteGroup')
    return this.#groups.delete(name)
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #close(): Promise<void> {
    await Promise.allSettled(this.#appends)
    await this.#retention?.settled()
    await this.#groups.close().finally(() => this.#release())
  }

  async #append({ records }: RecordBatch, options: AppendOptions): Promise<AppendResult> {
    const { guard, dedupe = DEFAULT_WINDOW, compression = 'none', compressionLevel } = this.#options
    const request = appendRequest(records, options, {
      now: this.#clock === systemClock ? undefined : this.#clock.now(),
      window: dedupe,
      guardVersion: guard === undefined ? new Uint8Array(0) : fromHex(guard.version),
      markBytes: this.#markBytes,
      compression,
      compressionLevel,
    })
    const answer = await this.#core.writer.append(request, guard === undefined ? this.#core.keys.stream : this.#core.blobKey(guard.key))
    const result = appendResult(answer, options)
    this.#core.signals.wakeHere(this.#core.name)
    this.#core.onStored()
    if (answer[4] === 1) this.#retention?.enforceSoon()
    return result
  }

  async #readNow({ from, limit, maxBytes = DEFAULT_READ_BYTES }: ReadOptions): Promise<StreamRecord[]> {
    const { connection, keys } = this.#core
    let start = await this.#startOf(from)
    const records: StreamRecord[] = []
    for (let bytes = 0; records.length < limit && bytes < maxBytes; ) {
      const page = Math.min(limit - records.length, MAX_PAGE, Math.max(1, Math.ceil((maxBytes - bytes) / this.#entryBytes)))
      const entries = entriesOf(await connection.command(['XRANGE', keys.stream, idOf(start), '+', 'COUNT', page], 'read'))
      let pageBytes = 0
      for (const entry of entries) {
        if (bytes + pageBytes >= maxBytes) break
        const record = this.#decode(entry, records.length > 0)
        if (record === undefined) return records
        pageBytes += bytesOf(entry)
        records.push(record)
      }
      bytes += pageBytes
      if (entries.length > 0) this.#entryBytes = Math.max(64, pageBytes / entries.length)
      if (entries.length < page) break
      start = (records[records.length - 1] as StreamRecord).offset + 1
    }
    return records
  }

  /** undefined for a foreign entry behind records, which come first. */
  #decode(entry: Entry, isBehindRecords: boolean): StreamRecord | undefined {
    try {
      return recordOf(entry)
    } catch (error) {
      if (!isBehindRecords || !isStorageError(error, 'corrupt')) throw error
      return undefined
    }
  }

  /** What is below the first offset is not there any more: where nothing is hidden, nobody need ask where that is. */
  async #startOf(from: ReadOptions['from']): Promise<number> {
    if (typeof from === 'number' && this.#retention === undefined) return from
    const time = typeof from === 'number' ? undefined : from.time
    const { floor, at } = await this.#locate({ time, limits: this.#retention?.limits })
    return Math.max(this.#retention?.raise(floor) ?? floor, typeof from === 'number' ? from : at)
  }

  async #locate({
    time,
    limits = NO_LIMITS,
  }: {
    readonly time?: number | undefined
    readonly limits?: Limits | undefined
  }): Promise<Located> {
    const { connection, keys } = this.#core
    const now = this.#clock === systemClock ? undefined : this.#clock.now()
    const args = [now, time, limits.ageMs, limits.records, limits.bytes].map((value) => String(value ?? ''))
    const found = await connection.run(LOCATE, [keys.stream, keys.meta, keys.marks], args, 'read')
    const [first, next, floor, at, ended] = found as [number, number, number, number, Uint8Array]
    return { first, next, floor: Math.min(next, floor), at, ended: textOf(ended) }
  }

  async #held(): Promise<{ readonly records: number; readonly bytes: number }> {
    const { connection, keys } = this.#core
    const [records, bytes] = (await connection.run(STATS, [keys.stream, keys.meta], [], 'compact')) as [number, number, number]
    return { records, bytes }
  }

  /** In pieces; what is left when this process dies goes with the next trim, and is not read meanwhile where somebody asks for bounds. */
  async #trim(before: number): Promise<void> {
    const { connection, keys } = this.#core
    if (Number.isSafeInteger(before) && before >= 0) {
      for (let removed = TRIM_PAGE; removed === TRIM_PAGE; ) {
        removed = (await connection.run(TRIM, [keys.stream, keys.meta, keys.marks], [before, TRIM_PAGE], 'trim')) as number
        if (removed < 0) break
        if (removed < TRIM_PAGE) return
      }
    }
    const { next } = await this.#locate({})
    throw new StorageError('invalid', 'trim takes an offset inside the log', {
      backend: NAME,
      operation: 'trim',
      facts: { before, maximum: next },
    })
  }

  #refusalOf({ records }: RecordBatch, { signal, producer, timestamps }: AppendOptions): unknown {
    if (signal?.aborted) return signal.reason
    try {
      this.#checkOpen('append')
    } catch (error) {
      return error
    }
    if (records.length === 0)
      return new StorageError('invalid', 'an append holds at least one record', { backend: NAME, operation: 'append' })
    if (timestamps === 'keep' && !records.every(({ timestamp = 0 }) => Number.isSafeInteger(timestamp) && timestamp >= 0)) {
      return new StorageError('invalid', 'a timestamp is a whole number of milliseconds, 0 or more', { backend: NAME, operation: 'append' })
    }
    return saidWrongly(records, producer)
  }

  #checkOpen(operation: string): void {
    this.#core.checkOpen(operation)
    if (this.#closed !== undefined) throw new StorageError('closed', 'the stream is closed', { backend: NAME, operation })
  }
}
