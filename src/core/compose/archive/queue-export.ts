// One queue on its way into an archive. First how far its groups and tasks have come, then where its buckets end, then the
// records up to there: what is acknowledged and appended meanwhile is not in the archive, and no position points behind it.

import { isStorageError, StorageError } from '../../base/errors.js'
import { unescapeName } from '../../base/key.js'
import { encodeRecords } from '../../codec/archive/records.js'
import type { SectionToWrite } from '../../codec/archive/write.js'
import { compressBytes, decompressBytes } from '../../codec/compression.js'
import type { StoreContext } from '../../derived/store-context.js'
import { findQueue, type QueueEntry } from '../../engine/catalogue.js'
import { Cell } from '../../engine/cell.js'
import { marksPrefix } from '../../engine/marks-prefix.js'
import type { RecordStream, StreamBounds, StreamRecord } from '../../ports/stream-broker.js'
import { findGroup } from '../replica-groups.js'
import { closeAll, openBuckets } from '../replica-queue.js'
import { type ArchivedEntry, type ArchivedGroup, type ArchivedQueue, type BucketEnd, entryOf, toJson } from './contents.js'
import type { ArchiveGap } from './types.js'

const READ_RECORDS = 2_000
const READ_BYTES = 1024 * 1024
/** Of what is pending, in a section. */
const ENTRIES = 10_000

/** A section that waits, small: many groups may have much that is pending. */
interface Kept {
  readonly type: 'group' | 'marks'
  readonly compression: number
  readonly bytes: Uint8Array
  readonly plainLength: number
  readonly groups: number
}

export class QueueExport {
  readonly #context: StoreContext
  readonly #name: string
  readonly #entry: QueueEntry
  readonly #streams: RecordStream[] = []
  readonly #kept: Kept[] = []
  readonly #groups = new Set<string>()
  #cut: readonly StreamBounds[] = []

  private constructor(context: StoreContext, name: string, entry: QueueEntry) {
    this.#context = context
    this.#name = name
    this.#entry = entry
  }

  /** With its groups and tasks read. undefined where there is no such queue. */
  static async open(context: StoreContext, name: string): Promise<QueueExport | undefined> {
    const found = await findQueue(context.backend.blobs, name)
    if (found === undefined) return undefined
    const one = new QueueExport(context, name, found.entry)
    try {
      await openBuckets(context, found.entry, {}, one.#streams)
      for (const [bucket, stream] of one.#streams.entries()) {
        for (const group of await stream.groups()) await one.#keepGroup(bucket, group)
      }
      await one.#keepMarks()
      return one
    } catch (error) {
      await one.close()
      throw error
    }
  }

  get queue(): ArchivedQueue {
    const { incarnation, origin, buckets, createdAt, frames } = this.#entry
    return { name: this.#name, incarnation, ...(origin && { origin }), buckets, createdAt, ...(frames && { frames }) }
  }

  /** Where the archive ends. What a writer here has accepted is in it. */
  async fixCut(): Promise<void> {
    if (this.#context.mode === 'write') for (const stream of this.#streams) await stream.flush()
    const cut: StreamBounds[] = []
    for (const stream of this.#streams) cut.push(await stream.bounds())
    this.#cut = cut
  }

  async *sections(signal: AbortSignal | undefined): AsyncGenerator<SectionToWrite> {
    yield { type: 'queue', body: toJson(this.queue), counts: { queues: 1 } }
    for (const bucket of this.#streams.keys()) yield* this.#bucket(bucket, signal)
    for (const { type, compression, bytes, plainLength, groups } of this.#kept) {
      yield { type, body: await decompressBytes(compression, bytes, plainLength), counts: { groups } }
    }
  }

  async close(): Promise<void> {
    await closeAll(this.#streams)
  }

  async *#bucket(bucket: number, signal: AbortSignal | undefined): AsyncGenerator<SectionToWrite> {
    const stream = this.#streams[bucket] as RecordStream
    const cut = this.#cut[bucket] as StreamBounds
    const gaps: ArchiveGap[] = []
    let count = 0
    for (let at = cut.first; at < cut.next; ) {
      signal?.throwIfAborted()
      const read = await this.#read(stream, at)
      const records = read.filter(({ offset }) => offset < cut.next)
      const first = records[0]?.offset ?? cut.next
      if (first > at) await this.#noteGap(gaps, { bucket, from: at, to: first })
      if (records.length === 0) break
      count += records.length
      at = (records.at(-1) as StreamRecord).offset + 1
      yield { type: 'records', body: encodeRecords({ bucket, records }), counts: { records: records.length } }
    }
    const sealed = cut.sealed === true ? { sealed: true as const } : {}
    const end: BucketEnd = { bucket, records: count, first: cut.first, next: cut.next, gaps, ...sealed }
    yield { type: 'bucketEnd', body: toJson(end), counts: { gaps: gaps.length } }
  }

  async #read(stream: RecordStream, from: number): Promise<readonly StreamRecord[]> {
    try {
      return await stream.read({ from, limit: READ_RECORDS, maxBytes: READ_BYTES })
    } catch (error) {
      const now = await findQueue(this.#context.backend.blobs, this.#name)
      if (now?.entry.incarnation === this.#entry.incarnation || !isStorageError(error)) throw error
      const message = 'the queue was deleted while it was exported'
      throw new StorageError('conflict', message, { operation: 'exportAll', facts: { queue: this.#name }, cause: error })
    }
  }

  /** What a trim or retention took meanwhile; what a compaction took is no loss. */
  async #noteGap(gaps: ArchiveGap[], { bucket, from, to }: ArchiveGap): Promise<void> {
    const { first } = await (this.#streams[bucket] as RecordStream).bounds()
    const end = Math.min(first, to)
    if (end > from) gaps.push({ bucket, from, to: end })
  }

  async #keepGroup(bucket: number, name: string): Promise<void> {
    const found = await findGroup(this.#streams[bucket] as RecordStream, name)
    if (found === undefined) return
    const { group, ordering, bounds } = found
    const { committed, cursor } = bounds
    const fields = { bucket, name, ordering, committed, cursor }
    let entries: ArchivedEntry[] = []
    for (let after = -1; ; ) {
      const page = await group.pending({ after, limit: ENTRIES })
      const last = page.at(-1)
      // Delivered since the state was read: not delivered yet, as far as the archive knows.
      const known = page.filter(({ offset }) => offset < cursor).map(entryOf)
      if (entries.length > 0 && known.length > 0) {
        await this.#keep('group', { ...fields, pending: entries, more: true } satisfies ArchivedGroup, 0)
        entries = []
      }
      entries = [...entries, ...known]
      if (last === undefined || page.length < ENTRIES) break
      after = last.offset
    }
    await this.#keep('group', { ...fields, pending: entries } satisfies ArchivedGroup, this.#isNew(name) ? 1 : 0)
  }

  /** It stands in every bucket. */
  #isNew(group: string): boolean {
    return this.#groups.size < this.#groups.add(group).size
  }

  async #keepMarks(): Promise<void> {
    const { backend, clock } = this.#context
    const prefix = `${marksPrefix(this.#entry.incarnation)}t`
    for await (const { key } of backend.blobs.list({ prefix })) {
      const { value } = await new Cell<object>({ blobs: backend.blobs, clock, key }).read()
      if (value !== undefined) await this.#keep('marks', { task: unescapeName(key.slice(prefix.length)), state: value }, 0)
    }
  }

  async #keep(type: Kept['type'], value: object, groups: number): Promise<void> {
    const plain = toJson(value)
    const { compression, bytes } = await compressBytes('gzip', plain)
    this.#kept.push({ type, compression, bytes, plainLength: plain.length, groups })
  }
}
