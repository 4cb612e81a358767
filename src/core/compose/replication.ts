// All queues of one call of `replicate`: those that are asked for, or all that there are. The first that fails stops the others.

import { type Clock, sleep } from '../base/clock.js'
import { isStorageError } from '../base/errors.js'
import { type LinkedSignal, linkedSignal } from '../base/linked-signal.js'
import { contextOf } from '../derived/resolve.js'
import type { Store } from '../derived/store-context.js'
import { listQueues } from '../engine/catalogue.js'
import type { BlobStore } from '../ports/blob-store.js'
import type { Backend } from '../ports/backend.js'
import { QueueReplicator } from './queue-replicator.js'
import type { QueuePlace } from './replica-queue.js'
import type { QueueReplication, ReplicateOptions, ReplicationReport } from './replication-report.js'
import { Slots } from './slots.js'

/** So many buckets copy at once: what is in memory is bounded by it. */
const SLOTS = 4
/** Where all queues are wanted, new ones are looked for so often, ms. */
const LOOK_MS = 5_000

export class Replication {
  readonly #source: Store | Backend
  readonly #target: Store | Backend
  readonly #options: ReplicateOptions
  readonly #blobs: BlobStore
  readonly #clock: Clock
  readonly #slots = new Slots(SLOTS)
  readonly #replicators: QueueReplicator[] = []
  readonly #running = new Map<string, Promise<void>>()
  readonly #stop: LinkedSignal
  #failure: { readonly error: unknown } | undefined

  constructor(source: Store | Backend, target: Store | Backend, options: ReplicateOptions) {
    this.#source = source
    this.#target = target
    this.#options = options
    const { backend, clock } = contextOf(source)
    this.#blobs = backend.blobs
    this.#clock = clock
    this.#stop = linkedSignal(options.signal)
  }

  async run(): Promise<ReplicationReport> {
    const { signal, live = false } = this.#options
    signal?.throwIfAborted()
    try {
      await this.#runQueues()
    } catch (error) {
      this.#fail(error)
    } finally {
      await Promise.all(this.#running.values())
      this.#stop.end()
    }
    if (this.#failure !== undefined) throw this.#failure.error
    if (!live) signal?.throwIfAborted()
    return this.#report()
  }

  async #runQueues(): Promise<void> {
    const { queues, live = false } = this.#options
    for (const name of queues ?? (await listQueues(this.#blobs))) this.#start(name)
    while (live && queues === undefined) {
      await sleep(this.#clock, LOOK_MS, this.#stop.signal)
      for (const name of await this.#namesNow()) this.#start(name)
    }
  }

  async #namesNow(): Promise<readonly string[]> {
    try {
      return await listQueues(this.#blobs)
    } catch (error) {
      if (isStorageError(error, 'unavailable')) return [] // at the next look
      throw error
    }
  }

  #start(queue: string): void {
    if (this.#running.has(queue)) return
    const replicator = new QueueReplicator({
      ...this.#options,
      from: { store: this.#source, queue },
      to: { store: this.#target, queue },
      signal: this.#stop.signal,
      slots: this.#slots,
    })
    this.#replicators.push(replicator)
    const run = replicator
      .run()
      .catch((error) => this.#fail(error))
      .finally(() => this.#running.delete(queue))
    this.#running.set(queue, run)
  }

  /** What comes after an abort is its consequence. */
  #fail(error: unknown): void {
    if (this.#stop.signal.aborted) return
    this.#failure = { error }
    this.#stop.abort(error)
  }

  #report(): ReplicationReport {
    const queues = this.#replicators.map(({ state }) => state)
    return { records: queues.reduce((sum, queue) => sum + queue.records, 0), queues }
  }
}

/** One queue, under any name, to where it ends now. */
export async function copyOnce(
  from: QueuePlace,
  to: QueuePlace,
  options: Omit<ReplicateOptions, 'queues' | 'live'>,
): Promise<QueueReplication> {
  const replicator = new QueueReplicator({ ...options, live: false, from, to, slots: new Slots(SLOTS) })
  await replicator.run()
  return replicator.state
}
