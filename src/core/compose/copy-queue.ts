// A queue made again somewhere else, record for record: in another store, on another backend, or in another format.

import { StorageError } from '../base/errors.js'
import { contextOf } from '../derived/resolve.js'
import type { Store } from '../derived/store-context.js'
import { streamsOf } from '../derived/streams-over-journals.js'
import { findQueue } from '../engine/catalogue.js'
import { openQueue } from '../features/queue/open-queue.js'
import type { QueueOptions } from '../features/queue/types.js'
import type { Backend } from '../ports/backend.js'
import type { Cancellable } from '../ports/options.js'
import type { AppendResult, RecordStream, StreamRecord } from '../ports/stream-broker.js'

export interface CopyProgress {
  readonly bucket: number
  /** Copied so far, in all. */
  readonly records: number
}

export interface CopyQueueOptions extends Cancellable, Pick<QueueOptions<unknown>, 'format' | 'segmentBytes' | 'compression'> {
  /** Its name at the target; default the same. */
  readonly as?: string
  readonly progress?: (progress: CopyProgress) => void
}

export interface CopyReport {
  readonly records: number
  /** A bucket each: the oldest offset that was there, and the next behind the last record. */
  readonly buckets: readonly { readonly first: number; readonly next: number }[]
}

/** A queue, and the store or backend that it lies in. */
export interface QueuePlace {
  readonly store: Store | Backend
  readonly queue: string
}

const READ_RECORDS = 2_000

/**
 * Copies all that is in the queue when the copy comes to a bucket into a new one: every record with its offset, timestamp,
 * key, value, codec, headers and schema version; what was trimmed or compacted away stays a gap. Groups are not copied, nor
 * is a gap behind the last record. When it resolves the copy is as durable as its backend can make it; after an error the
 * target holds a part, to be deleted.
 *
 * Errors: `missing` (the source), `conflict` (there are records at the target), `invalid`, `unsupported` (gaps, where the
 * target is no store of files), `corrupt` (the source is damaged).
 */
export async function copyQueue(from: QueuePlace, to: Store | Backend, options: CopyQueueOptions = {}): Promise<CopyReport> {
  const { as = from.queue, format, segmentBytes, compression } = options
  const source = await openQueue(from.store, from.queue, { create: false })
  try {
    const chosen = { format, segmentBytes, compression }
    const given = Object.fromEntries(Object.entries(chosen).filter(([, value]) => value !== undefined))
    // Flushed once at the end: until then the copy is of no use.
    const target = await openQueue(to, as, { buckets: source.buckets, sync: 'never', ...given })
    try {
      return await copyBuckets(await streamsIn(from.store, from.queue), await streamsIn(to, as), options)
    } finally {
      await target.close()
    }
  } finally {
    await source.close()
  }
}

/** Of a queue that is open: they share its writers. */
async function streamsIn(store: Store | Backend, queue: string): Promise<RecordStream[]> {
  const context = contextOf(store)
  const found = await findQueue(context.backend.blobs, queue)
  if (found === undefined) throw new StorageError('missing', 'the queue was deleted', { operation: 'copyQueue', facts: { queue } })
  const { incarnation, buckets, frames } = found.entry
  const options = frames === undefined ? {} : { format: frames }
  const names = Array.from({ length: buckets }, (_, bucket) => `${incarnation}/${bucket}`)
  return Promise.all(names.map((name) => streamsOf(context).open(name, options)))
}

async function copyBuckets(from: RecordStream[], to: RecordStream[], options: CopyQueueOptions): Promise<CopyReport> {
  const buckets: { first: number; next: number }[] = []
  let records = 0
  try {
    for (const stream of to) await checkEmpty(stream)
    for (const [bucket, source] of from.entries()) {
      const target = to[bucket] as RecordStream
      const copied = await copyStream(source, target, options, (count) => {
        records += count
        options.progress?.({ bucket, records })
      })
      buckets.push(copied)
      await target.flush()
    }
  } finally {
    for (const stream of [...from, ...to]) await stream.close()
  }
  return { records, buckets }
}

async function checkEmpty(stream: RecordStream): Promise<void> {
  const { next } = await stream.bounds()
  if (next > 0) throw new StorageError('conflict', 'a queue is copied into a new one only', { operation: 'copyQueue', facts: { next } })
}

async function copyStream(
  source: RecordStream,
  target: RecordStream,
  { signal }: Cancellable,
  copied: (records: number) => void,
): Promise<{ first: number; next: number }> {
  const { first, next } = await source.bounds()
  let at = first
  let end = 0
  while (at < next) {
    signal?.throwIfAborted()
    const records = (await source.read({ from: at, limit: Math.min(READ_RECORDS, next - at) })).filter(({ offset }) => offset < next)
    const last = records[records.length - 1]
    if (last === undefined) break
    await appendRuns(target, records)
    copied(records.length)
    at = last.offset + 1
    end = at
  }
  if (first > 0 && end > first) await target.trim(first)
  return { first, next: end }
}

/** Each run is one append; all are on their way at once, in their order. */
async function appendRuns(target: RecordStream, records: readonly StreamRecord[]): Promise<void> {
  const appends: Promise<AppendResult>[] = []
  for (let start = 0; start < records.length; ) {
    let end = start + 1
    while (end < records.length && continues(records[end - 1] as StreamRecord, records[end] as StreamRecord)) end++
    const at = (records[start] as StreamRecord).offset
    appends.push(target.append({ records: records.slice(start, end) }, { at, timestamps: 'keep' }))
    start = end
  }
  const results = await Promise.allSettled(appends)
  for (const result of results) if (result.status === 'rejected') throw result.reason
}

/** A frame has one time for all that look for one. */
function continues(before: StreamRecord, record: StreamRecord): boolean {
  return record.offset === before.offset + 1 && record.timestamp === before.timestamp
}
