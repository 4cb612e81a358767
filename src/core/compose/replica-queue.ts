// A queue and its copy, opened bucket by bucket. The copy's entry in the catalogue says what it descends from, so that it is
// never taken for a copy of something else, and copies of one queue know each other.

import { StorageError } from '../base/errors.js'
import { checkName } from '../base/key.js'
import { contextOf } from '../derived/resolve.js'
import type { Store, StoreContext } from '../derived/store-context.js'
import { streamsOf } from '../derived/streams-over-journals.js'
import { type FoundEntry, findQueue, type QueueEntry } from '../engine/catalogue.js'
import { findOrCreate, openQueue } from '../features/queue/open-queue.js'
import { checkFormat } from '../features/queue/stored-format.js'
import type { QueueOptions } from '../features/queue/types.js'
import type { Backend } from '../ports/backend.js'
import type { RecordStream } from '../ports/stream-broker.js'

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
  const { entry } = found
  const copy = await findCopy(target, to.queue, entry, options)
  if (copy.incarnation === entry.incarnation) {
    throw new StorageError('invalid', 'source and target are the same queue', { operation: 'replicate', facts: { queue: to.queue } })
  }
  checkDescent(entry, copy, to.queue)
  const sourceFormat = entry.frames === undefined ? {} : { format: entry.frames }
  const { segmentBytes, compression } = options
  const given = Object.fromEntries(Object.entries({ segmentBytes, compression }).filter(([, value]) => value !== undefined))
  const handle = await openQueue(to.store, to.queue, { create: false, ...given }) // has the options checked, and its streams shared
  const opened: RecordStream[] = []
  const close = () => closeAll([...opened, handle])
  try {
    for (const [context, { incarnation }, format] of [[source, entry, sourceFormat] as const, [target, copy, {}] as const]) {
      for (let bucket = 0; bucket < entry.buckets; bucket++) opened.push(await streamsOf(context).open(`${incarnation}/${bucket}`, format))
    }
  } catch (error) {
    await close()
    throw error
  }
  const isRelated = descentOf(copy) === descentOf(entry)
  const { incarnation, buckets } = entry
  return { incarnation, isRelated, sources: opened.slice(0, buckets), targets: opened.slice(buckets), close }
}

async function findSource({ backend }: StoreContext, queue: string): Promise<FoundEntry> {
  const found = await findQueue(backend.blobs, queue)
  if (found !== undefined) return found
  throw new StorageError('missing', 'there is no such queue', { operation: 'replicate', backend: backend.name, facts: { queue } })
}

async function findCopy(context: StoreContext, queue: string, source: QueueEntry, options: CopyFormat): Promise<QueueEntry> {
  const { backend } = context
  const holdsText = backend.files !== undefined && backend.streams === undefined
  const { format = holdsText ? source.frames : undefined } = options
  checkFormat(backend, format)
  const { buckets } = source
  const made = { buckets, origin: descentOf(source), ...(format === undefined ? {} : { format }) }
  return (await findOrCreate(context, queue, made)).entry
}

function checkDescent(source: QueueEntry, copy: QueueEntry, queue: string): void {
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

function descentOf({ origin, incarnation }: QueueEntry): string {
  return origin ?? incarnation
}

async function closeAll(all: readonly { close(): Promise<void> }[]): Promise<void> {
  const results = await Promise.allSettled(all.map((one) => one.close()))
  for (const result of results) if (result.status === 'rejected') throw result.reason
}
