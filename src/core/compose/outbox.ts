// Sending a queue's records to somewhere else, from wherever the network comes and goes. Any tab appends; one at a time sends,
// by a lock where the platform has locks. The group's position says what was sent, so a closed tab loses nothing.

import { asyncDispose } from '../base/async-dispose.js'
import { backoffMs } from '../base/backoff.js'
import { isStorageError, StorageError } from '../base/errors.js'
import { RETRY } from '../base/group-defaults.js'
import { Latch, listenAll, nextWake } from '../base/latch.js'
import { type LinkedSignal, linkedSignal } from '../base/linked-signal.js'
import type { StoreContext } from '../derived/store-context.js'
import type { Group } from '../features/queue/group-types.js'
import { rawOf } from '../features/queue/raw-queue.js'
import type { Queue } from '../features/queue/types.js'
import type { Lock } from '../ports/lock-manager.js'
import { type Connectivity, connectivityHere } from './connectivity.js'
import { OutboxSender } from './outbox-sender.js'
import type { Outbox, OutboxOptions, OutboxState, Send, SendReport } from './outbox-types.js'

const DEFAULT_GROUP = 'outbox'

/**
 * Sends what is in the queue and what comes into it, until it is closed. In order per key, several keys at once; a failed
 * sending is tried again with back-off and does not hold up other keys, and after `maxDeliveries` the record is a dead letter.
 * While the network is away nothing is counted; `online` wakes it. At least once: the receiver recognises a repetition by the id.
 *
 * Errors: `invalid` (no queue from `openQueue`, no function, a group of another ordering), `denied` (a store opened to read).
 */
export async function outbox<T>(queue: Queue<T, never>, send: Send<T>, options: OutboxOptions = {}): Promise<Outbox> {
  const parts = await openParts(queue, send, options)
  const handle = new OutboxHandle(parts)
  handle.start()
  return handle
}

/**
 * One pass: sends all that can be sent now, and resolves. For the `sync` event of a service worker, a scheduled Worker, a
 * command. Where another tab is sending already, this waits until that one ends.
 */
export async function sendOutbox<T>(queue: Queue<T, never>, send: Send<T>, options: OutboxOptions = {}): Promise<SendReport> {
  const { context, lockName, group, senderOf } = await openParts(queue, send, options)
  const lock = await context.backend.locks?.acquire(lockName, {
    wait: true,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  })
  const stop = linkedSignal(options.signal, lock?.lost)
  try {
    const { sent, dead } = await senderOf(() => {}).pass(stop.signal, 'empty')
    options.signal?.throwIfAborted()
    return { sent, dead, left: (await group.lag()).total }
  } finally {
    stop.end()
    await lock?.release()
  }
}

interface OutboxParts<T> {
  readonly context: StoreContext
  readonly lockName: string
  readonly group: Group<T>
  readonly connectivity: Connectivity
  readonly options: OutboxOptions
  readonly senderOf: (ended: (error?: unknown) => void) => OutboxSender<T>
}

async function openParts<T>(queue: Queue<T, never>, send: Send<T>, options: OutboxOptions): Promise<OutboxParts<T>> {
  if (typeof send !== 'function') {
    throw new StorageError('invalid', 'an outbox needs a function that sends', { operation: 'outbox', facts: { got: typeof send } })
  }
  const raw = rawOf(queue)
  const { context, incarnation, name } = raw
  const { group: groupName = DEFAULT_GROUP, ordering = 'key', maxDeliveries, backoff } = options
  const group = await queue.group(groupName, {
    ordering,
    deadLetters: options.deadLetters ?? `${name}-dead-letters`,
    ...(maxDeliveries === undefined ? {} : { maxDeliveries }),
    ...(backoff === undefined ? {} : { backoff }),
  })
  const connectivity = options.connectivity ?? connectivityHere()
  const { clock } = context
  const isOnline = (): boolean => connectivity.isOnline()
  const senderOf = (ended: (error?: unknown) => void): OutboxSender<T> =>
    new OutboxSender({ group, send, queue: raw, clock, options, isOnline, ended })
  return { context, lockName: `outbox/${incarnation}/${groupName}`, group, connectivity, options, senderOf }
}

class OutboxHandle<T> implements Outbox {
  readonly #parts: OutboxParts<T>
  readonly #sender: OutboxSender<T>
  readonly #stop: LinkedSignal
  readonly #forget: () => void
  readonly #retry = new Latch()
  readonly #listeners = new Set<(state: OutboxState) => void>()
  #state: OutboxState = { status: 'standby', sent: 0, dead: 0 }
  #running: Promise<void> = Promise.resolve()
  /** Tries since something was sent, for the back-off. */
  #failures = 0

  constructor(parts: OutboxParts<T>) {
    this.#parts = parts
    this.#stop = linkedSignal(parts.options.signal)
    this.#sender = parts.senderOf((error) => this.#ended(error))
    this.#forget = parts.context.onClose(this)
  }

  start(): void {
    this.#running = this.#run()
  }

  get state(): OutboxState {
    return this.#state
  }

  watch(listener: (state: OutboxState) => void): () => void {
    this.#listeners.add(listener)
    return () => {
      this.#listeners.delete(listener)
    }
  }

  async waiting(): Promise<number> {
    return (await this.#parts.group.lag()).total
  }

  retry(): void {
    this.#failures = 0
    this.#retry.wake()
  }

  async close(): Promise<void> {
    this.#forget()
    this.#stop.abort(new StorageError('closed', 'the outbox is closed', { operation: 'outbox' }))
    await this.#running
    this.#stop.end()
    if (this.#state.status === 'failed') throw this.#state.error
    this.#tell({ status: 'closed' })
  }

  [asyncDispose](): Promise<void> {
    return this.close()
  }

  /** What passes by itself is waited out, also in the storage; anything else ends the outbox, and `close` throws it. */
  async #run(): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      try {
        await this.#asSender((lost) => this.#sendOn(lost))
      } catch (error) {
        if (signal.aborted) return
        if (!passes(error)) return this.#tell({ status: 'failed', error })
        this.#tell({ error })
        this.#failures++
        await this.#pause()
      }
    }
  }

  /** One at a time, where the platform has locks; elsewhere the group alone keeps two senders apart. */
  async #asSender(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const { context, lockName } = this.#parts
    const { signal } = this.#stop
    let lock: Lock | undefined
    try {
      lock = await context.backend.locks?.acquire(lockName, { wait: true, signal })
    } catch (error) {
      if (signal.aborted) return
      throw error
    }
    const linked = linkedSignal(signal, lock?.lost)
    try {
      await work(linked.signal)
    } finally {
      linked.end()
      await lock?.release()
      if (!signal.aborted) this.#tell({ status: 'standby' })
    }
  }

  async #sendOn(signal: AbortSignal): Promise<void> {
    const { syncTag } = this.#parts.options
    while (!signal.aborted) {
      this.#tell({ status: 'sending' })
      const { end, dead } = await this.#sender.pass(signal, 'aborted')
      this.#tell({ dead: this.#state.dead + dead })
      if (end !== 'offline') continue
      this.#tell({ status: 'offline' })
      if (syncTag !== undefined) await this.#parts.connectivity.requestSync(syncTag)
      this.#failures++
      await this.#pause()
    }
  }

  /** Until the network may be back, somebody says so, or the time has come to try. */
  async #pause(): Promise<void> {
    const { connectivity, context, options } = this.#parts
    const { signal } = this.#stop
    const listen = (wake: () => void): (() => void) => listenAll([connectivity, this.#retry], wake)
    const ms = backoffMs(context.clock, this.#failures - 1, { ...RETRY, ...options.backoff })
    await nextWake(context.clock, listen, ms, signal)
  }

  #ended(error?: unknown): void {
    if (error === undefined) {
      this.#failures = 0
      this.#tell({ sent: this.#state.sent + 1 })
    } else if (!this.#stop.signal.aborted) this.#tell({ error })
  }

  #tell(change: Partial<OutboxState>): void {
    this.#state = { ...this.#state, ...change }
    for (const listener of this.#listeners) tell(listener, this.#state)
  }
}

/** What may be over when it is tried again: also a store that is full. */
function passes(error: unknown): boolean {
  return isStorageError(error) && (error.retryable || error.code === 'quota')
}

/** A listener that throws is heard of, and stops nothing. */
function tell(listener: (state: OutboxState) => void, state: OutboxState): void {
  try {
    listener(state)
  } catch (error) {
    queueMicrotask(() => {
      throw error
    })
  }
}
