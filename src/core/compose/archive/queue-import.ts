// One queue out of an archive. All that is known of an import that was cut is what it stored: each bucket goes on where it
// ends, after what it holds was compared; a group that somebody has used since is left where it is.

import { StorageError } from '../../base/errors.js'
import { keyComponent } from '../../base/key.js'
import type { ArchivedRecords } from '../../codec/archive/records.js'
import { Cell } from '../../engine/cell.js'
import type { FoundEntry } from '../../engine/catalogue.js'
import { marksPrefix } from '../../engine/marks-prefix.js'
import type { GroupPort, RecordStream, StreamRecord } from '../../ports/stream-broker.js'
import { appendCopies } from '../append-copies.js'
import { isSameRecord } from '../replica-agreement.js'
import { closeAll, openBuckets } from '../replica-queue.js'
import type { ArchivedEntry, ArchivedGroup, ArchivedMarks, ArchivedQueue, BucketEnd } from './contents.js'
import type { QueueTargets } from './queue-targets.js'
import type { ArchiveGap, ImportedQueue } from './types.js'

interface Bucket {
  readonly stream: RecordStream
  /** Where it ends. */
  next: number
  /** What it does not hold any more below. */
  readonly first: number
}

export class QueueImport {
  readonly #targets: QueueTargets
  readonly #queue: ArchivedQueue
  readonly #found: FoundEntry | undefined
  readonly #streams: RecordStream[] = []
  readonly #buckets = new Map<number, Bucket>()
  readonly #gaps: ArchiveGap[] = []
  /** Of a group whose section was not the last. */
  #pending: ArchivedEntry[] = []
  #records = 0
  #present = 0
  /** Names: a group stands in every bucket. */
  readonly #groups = new Set<string>()
  readonly #approximateGroups = new Set<string>()

  private constructor(targets: QueueTargets, queue: ArchivedQueue, found: FoundEntry | undefined) {
    this.#targets = targets
    this.#queue = queue
    this.#found = found
  }

  static async open(targets: QueueTargets, queue: ArchivedQueue): Promise<QueueImport> {
    const found = await targets.place(queue)
    const one = new QueueImport(targets, queue, found)
    if (found === undefined) return one
    try {
      const guard = { key: found.key, version: found.version }
      await openBuckets(targets.context, found.entry, { guard }, one.#streams)
      return one
    } catch (error) {
      await one.close()
      throw error
    }
  }

  get state(): ImportedQueue {
    const { name, buckets } = this.#queue
    const counts = {
      records: this.#records,
      present: this.#present,
      groups: this.#groups.size,
      approximateGroups: this.#approximateGroups.size,
    }
    return { queue: name, buckets, ...counts, gaps: this.#gaps, ...(this.#found === undefined ? { skipped: true as const } : {}) }
  }

  async records({ bucket: number, records }: ArchivedRecords): Promise<void> {
    const bucket = await this.#bucket(number)
    if (bucket === undefined) return
    const start = records.findIndex(({ offset }) => offset >= bucket.next)
    const fresh = start < 0 ? [] : records.slice(start)
    const known = start < 0 ? records : records.slice(0, start)
    await this.#compare(number, bucket, known)
    this.#present += known.length
    if (fresh.length > 0) bucket.next = await appendCopies(bucket.stream, bucket.next, fresh)
    this.#records += fresh.length
  }

  async endBucket({ bucket: number, records, first, next, gaps, sealed }: BucketEnd): Promise<void> {
    this.#gaps.push(...gaps.map(({ from, to }) => ({ bucket: number, from, to })))
    const bucket = await this.#bucket(number)
    if (bucket === undefined) return
    const { stream } = bucket
    // All of it was trimmed: what is appended to the copy gets no offset that had another meaning.
    if (records === 0 && bucket.next < next) await this.#leaveGap(bucket, next)
    await stream.flush()
    const bounds = await stream.bounds()
    const begin = Math.min(records === 0 ? next : first, bounds.next)
    if (bounds.first < begin) await stream.trim(begin)
    if (sealed === true && bounds.sealed !== true) await stream.seal()
  }

  async group({ more, ...group }: ArchivedGroup): Promise<void> {
    const pending = [...this.#pending, ...group.pending]
    this.#pending = more === true ? pending : []
    const bucket = more === true ? undefined : await this.#bucket(group.bucket)
    if (bucket === undefined) return
    const { first, next } = await bucket.stream.bounds()
    const cursor = Math.min(group.cursor, next)
    const kept = pending.filter(([offset]) => offset >= first && offset < cursor)
    const committed = Math.min(kept[0]?.[0] ?? cursor, cursor)
    const port = await bucket.stream.group(group.name, { from: committed, ordering: group.ordering })
    this.#groups.add(group.name)
    const state = await port.state()
    // One that a consumer has taken from, or that an earlier import has put where it belongs.
    const isNew = state.pending === 0 && state.cursor <= Math.max(committed, first)
    if (!isNew || (kept.length === 0 && state.cursor >= cursor)) return
    await this.#putGroup(port, { name: group.name, cursor, committed, kept })
  }

  async marks({ task, state }: ArchivedMarks): Promise<void> {
    if (this.#found === undefined) return
    const { backend, clock } = this.#targets.context
    const key = `${marksPrefix(this.#found.entry.incarnation)}${keyComponent('t', task)}`
    await new Cell<object>({ blobs: backend.blobs, clock, key }).update((now) => (now === undefined ? (state as object) : undefined))
  }

  async close(): Promise<void> {
    await closeAll(this.#streams)
  }

  async #bucket(number: number): Promise<Bucket | undefined> {
    if (this.#found === undefined) return undefined
    const known = this.#buckets.get(number)
    if (known !== undefined) return known
    const stream = this.#streams[number]
    if (stream === undefined)
      throw new StorageError('corrupt', 'the archive holds records of a bucket that there is not', { facts: { number } })
    const { first, next } = await stream.bounds()
    const bucket = { stream, first, next }
    this.#buckets.set(number, bucket)
    return bucket
  }

  /** What retention took from the copy, or a compaction, says nothing. */
  async #compare(number: number, { stream, first }: Bucket, records: readonly StreamRecord[]): Promise<void> {
    for (let at = 0; at < records.length; ) {
      const { offset } = records[at] as StreamRecord
      const read = await stream.read({ from: Math.max(offset, first), limit: records.length - at })
      const there = new Map(read.map((record) => [record.offset, record]))
      const end = read.at(-1)?.offset ?? Number.POSITIVE_INFINITY
      for (; at < records.length && (records[at] as StreamRecord).offset <= end; at++) {
        const record = records[at] as StreamRecord
        const other = there.get(record.offset)
        if (other !== undefined && !isSameRecord(record, other)) throw this.#differs(number, record.offset)
      }
    }
  }

  /** A tombstone of nothing, trimmed at once: records cannot be left out behind the last one. */
  async #leaveGap(bucket: Bucket, next: number): Promise<void> {
    const filler: StreamRecord = { offset: next - 1, timestamp: 0, key: undefined, value: undefined, headers: [], codec: 0 }
    bucket.next = await appendCopies(bucket.stream, bucket.next, [filler])
  }

  async #putGroup(
    port: GroupPort,
    group: { name: string; cursor: number; committed: number; kept: readonly ArchivedEntry[] },
  ): Promise<void> {
    const { name, cursor, committed, kept } = group
    if (port.restore === undefined) {
      if ((await port.state()).committed < committed) await port.commit(committed)
      if (committed < cursor) this.#approximateGroups.add(name)
      return
    }
    const pending = kept.map(([offset, attempt, consumer, deadline, reason]) => {
      const entry = { offset, attempt, consumer, deadline }
      return reason === undefined ? entry : { ...entry, reason }
    })
    await port.restore({ cursor, pending })
  }

  #differs(bucket: number, offset: number): StorageError {
    const message =
      'the queue that is there holds another record than the archive: it was appended to before it was whole; delete it, or say replace'
    return new StorageError('conflict', message, { operation: 'importAll', facts: { queue: this.#queue.name, bucket, offset } })
  }
}
