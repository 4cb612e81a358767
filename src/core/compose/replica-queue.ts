// A queue and its copy, opened bucket by bucket. The copy's entry in the catalogue says what it descends from, so that it is
// never taken for a copy of something else, and copies of one queue know each other.

import { StorageError } from '../base/errors.js'
import { checkName } from '../base/key.js'
import { checkCompression } from '../codec/compression.js'
import { contextOf } from '../derived/resolve.js'
import type { Store, StoreContext } from '../derived/store-context.js'
import { streamsOf } from '../derived/streams-over-journals.js'
import { createQueue, disciplineOf, type FoundEntry, findQueue, type QueueEntry } from '../engine/catalogue.js'
import { checkFormat, checkStoredFormat } from '../features/queue/stored-format.js'
import type { QueueOptions } from '../features/queue/types.js'
import type { Backend } from '../ports/backend.js'
import type { RecordStream, StreamOptions } from '../ports/stream-broker.js'

/** A queue, and the store or backend that it lies in. */
export interface QueuePlace {
  readonly store: Store | Backend
  readonly queue: string
}

/** How the copy lies where it is new; `format` by default as the source, where the target can. */
export type CopyFormat = Pick<QueueOptions<unknown>, 'format' | 'segmentBytes' | 'compression'>

export interface ReplicaQueue {
  /** Names this source for ever: a queue that was deleted and made again is another one. */
  readonly incarnation: string
  readonly isRelated: boolean
  /** One a bucket, as the targets. */
  readonly sources: readonly RecordStream[]
  readonly targets: readonly RecordStream[]
  close(): Promise<void>
}

/**
 * Makes the target where there is none. Errors: `missing` (the source), `conflict` (the target is no copy of it, or has other
 * buckets), `invalid`, `unsupported`, `denied`.
 */
export async function openReplica(from: QueuePlace, to: QueuePlace, options: CopyFormat): Promise<ReplicaQueue> {
  const [source, target] = [contextOf(from.store), contextOf(to.store)]
  checkName('queue name', from.queue)
  checkName('queue name', to.queue)
  await target.writable('replicate')
  const found = await findSource(source, from.queue)
  const copy = await findCopy(target, to.queue, found.entry, options)
  checkDescent(found.entry, copy.entry, to.queue)
  checkStoredFormat(copy, to.queue, options)
  const opened: RecordStream[] = []
  const close = () => closeAll(opened)
  try {
    const sources = await openBuckets(source, found.entry, {}, opened)
    const guard = { key: copy.key, version: copy.version }
    const { segmentBytes, compression } = options
    const { name, level } = compression === undefined ? {} : checkCompression(compression)
    const given = {
      ...(segmentBytes === undefined ? {} : { segmentBytes }),
      ...(name === undefined ? {} : { compression: name }),
      ...(level === undefined ? {} : { compressionLevel: level }),
    }
    const targets = await openBuckets(target, copy.entry, { guard, ...given }, opened)
    const isRelated = descentOf(copy.entry) === descentOf(found.entry)
    return { incarnation: found.entry.incarnation, isRelated, sources, targets, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** One a bucket; all that were opened are in `opened`, also when it fails. */
export async function openBuckets(
  context: StoreContext,
  { incarnation, buckets, frames }: QueueEntry,
  options: StreamOptions,
  opened: RecordStream[],
): Promise<RecordStream[]> {
  const format = frames === undefined ? {} : { format: frames }
  const streams: RecordStream[] = []
  for (let bucket = 0; bucket < buckets; bucket++) {
    const stream = await streamsOf(context).open(`${incarnation}/${bucket}`, { ...options, ...format })
    opened.push(stream)
    streams.push(stream)
  }
  return streams
}

async function findSource({ backend }: StoreContext, queue: string): Promise<FoundEntry> {
  const found = await findQueue(backend.blobs, queue)
  if (found !== undefined) return found
  throw new StorageError('missing', 'there is no such queue', { operation: 'replicate', backend: backend.name, facts: { queue } })
}

async function findCopy(context: StoreContext, queue: string, source: QueueEntry, options: CopyFormat): Promise<FoundEntry> {
  const { backend, clock } = context
  const holdsText = backend.files !== undefined && backend.streams === undefined
  const { format = holdsText ? source.frames : undefined, compression } = options
  checkFormat(backend, format)
  if (compression !== undefined) checkCompression(compression)
  const found = await findQueue(backend.blobs, queue)
  if (found !== undefined) return found
  const { buckets } = source
  const frames = format === 'ndjson' ? { frames: format } : {}
  const entry = { buckets, discipline: disciplineOf(backend), createdAt: clock.now(), origin: descentOf(source), ...frames }
  return createQueue(backend.blobs, queue, entry)
}

function checkDescent(source: QueueEntry, copy: QueueEntry, queue: string): void {
  if (copy.incarnation === source.incarnation) {
    throw new StorageError('invalid', 'source and target are the same queue', { operation: 'replicate', facts: { queue } })
  }
  if (copy.buckets !== source.buckets) {
    throw new StorageError('conflict', 'the queue at the target has another number of buckets, so it is no copy of this one', {
      operation: 'replicate',
      facts: { queue, source: source.buckets, target: copy.buckets },
    })
  }
  if (copy.origin === undefined || descentOf(copy) === descentOf(source)) return
  const message =
    'the queue at the target is a copy of another one, perhaps of one that was deleted and made again; delete it there, or replicate to another store or name'
  throw new StorageError('conflict', message, { operation: 'replicate', facts: { queue, target: copy.origin, source: descentOf(source) } })
}

/** What a queue and all its copies descend from. */
export function descentOf({ origin, incarnation }: Pick<QueueEntry, 'origin' | 'incarnation'>): string {
  return origin ?? incarnation
}

/** What fails is told when all were tried. */
export async function closeAll(all: readonly { close(): Promise<void> }[]): Promise<void> {
  const results = await Promise.allSettled(all.map((one) => one.close()))
  for (const result of results) if (result.status === 'rejected') throw result.reason
}
