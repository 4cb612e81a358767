// One queue and its copy: all buckets at once, and what belongs to the queue as a whole: its groups, and its end.

import { type Clock, sleep } from '../base/clock.js'
import { isStorageError } from '../base/errors.js'
import { type LinkedSignal, linkedSignal } from '../base/linked-signal.js'
import { contextOf } from '../derived/resolve.js'
import { findQueue } from '../engine/catalogue.js'
import type { RecordStream } from '../ports/stream-broker.js'
import { ReplicaBucket } from './replica-bucket.js'
import { ReplicaGroups } from './replica-groups.js'
import { openReplica, type QueuePlace, type ReplicaQueue } from './replica-queue.js'
import type { QueueReplication, ReplicateOptions } from './replication-report.js'
import type { Slots } from './slots.js'

/** Between two looks at the groups of a live source, and at whether it is still there, ms. */
const LOOK_MS = 5_000

export interface QueueReplicatorOptions extends Omit<ReplicateOptions, 'queues'> {
  readonly from: QueuePlace
  readonly to: QueuePlace
  readonly slots: Slots
}

export class QueueReplicator {
  readonly #options: QueueReplicatorOptions
  readonly #clock: Clock
  readonly #stop: LinkedSignal
  #buckets: readonly ReplicaBucket[] = []
  #isDeleted = false

  constructor(options: QueueReplicatorOptions) {
    this.#options = options
    this.#clock = contextOf(options.from.store).clock
    this.#stop = linkedSignal(options.signal)
  }

  get state(): QueueReplication {
    const buckets = this.#buckets.map(({ state }) => state)
    const records = buckets.reduce((sum, bucket) => sum + bucket.records, 0)
    return { queue: this.#options.from.queue, records, buckets, ...(this.#isDeleted ? { deleted: true as const } : {}) }
  }

  /** Resolves when all is copied; where it is live when the queue was deleted. An abort rejects with its reason. */
  async run(): Promise<void> {
    const { from, to, signal } = this.#options
    signal?.throwIfAborted()
    try {
      const replica = await openReplica(from, to, this.#options)
      try {
        await this.#copy(replica)
      } catch (error) {
        // Whatever it was that failed: nothing is wrong where the queue was deleted meanwhile.
        if (await this.#isThere(replica.incarnation).catch(() => true)) throw error
        this.#isDeleted = true
      } finally {
        await replica.close()
      }
    } finally {
      this.#stop.end()
    }
  }

  async #copy(replica: ReplicaQueue): Promise<void> {
    const { live = false, groups = true } = this.#options
    this.#buckets = replica.sources.map((source, bucket) => this.#bucket(replica, source, bucket))
    const carrier = groups ? new ReplicaGroups(replica.sources, replica.targets) : undefined
    const tasks: Promise<void>[] = this.#buckets.map((bucket) => bucket.run())
    if (live) tasks.push(this.#watch(replica, carrier))
    await this.#all(tasks)
    if (!live) await carrier?.carry()
  }

  #bucket({ targets, isRelated }: ReplicaQueue, source: RecordStream, bucket: number): ReplicaBucket {
    const { from, slots, live = false, onProgress } = this.#options
    const queue = from.queue
    const one: ReplicaBucket = new ReplicaBucket({
      queue,
      bucket,
      source,
      target: targets[bucket] as RecordStream,
      isRelated,
      live,
      clock: this.#clock,
      signal: this.#stop.signal,
      slots,
      changed: (error) => onProgress?.({ queue, ...one.state, ...(error === undefined ? {} : { error }) }),
    })
    return one
  }

  /** One that fails stops the others. */
  async #all(tasks: readonly Promise<void>[]): Promise<void> {
    for (const task of tasks) task.catch((error) => this.#stop.abort(error))
    const results = await Promise.allSettled(tasks)
    if (results.some(({ status }) => status === 'rejected')) throw this.#stop.signal.reason
  }

  async #watch({ incarnation }: ReplicaQueue, carrier: ReplicaGroups | undefined): Promise<void> {
    for (;;) {
      await sleep(this.#clock, LOOK_MS, this.#stop.signal)
      try {
        if (!(await this.#isThere(incarnation))) return this.#stop.abort()
        await carrier?.carry()
      } catch (error) {
        if (!isStorageError(error, 'unavailable')) throw error // else at the next look
      }
    }
  }

  async #isThere(incarnation: string): Promise<boolean> {
    const { store, queue } = this.#options.from
    return (await findQueue(contextOf(store).backend.blobs, queue))?.entry.incarnation === incarnation
  }
}
