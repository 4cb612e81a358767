// One pass of an outbox: sends what the group delivers until it is told to stop, the network fails, or nothing is left.

import type { Clock } from '../base/clock.js'
import { isStorageError, StorageError } from '../base/errors.js'
import { linkedSignal, within } from '../base/linked-signal.js'
import type { Delivery, FailureVerdict, Group } from '../features/queue/group-types.js'
import { type RawQueue, recordId } from '../features/queue/raw-queue.js'
import type { OutboxOptions, Send, SendContext } from './outbox-types.js'

const DEFAULT_TIMEOUT_MS = 30_000
const DEFAULT_CONCURRENCY = 4

export interface OutboxSenderOptions<T> {
  readonly group: Group<T>
  readonly send: Send<T>
  readonly queue: Pick<RawQueue, 'incarnation'>
  readonly clock: Clock
  readonly options: OutboxOptions
  readonly isOnline: () => boolean
  /** Called when a sending ended, well or not. */
  readonly ended: (error?: unknown) => void
}

/** `offline`: a sending met no network, or there is none. */
export type PassEnd = 'stopped' | 'offline' | 'empty'

export interface Pass {
  readonly end: PassEnd
  readonly sent: number
  readonly dead: number
}

export class OutboxSender<T> {
  readonly #options: OutboxSenderOptions<T>
  /** What took too long may be the record's fault: it is counted, and the others go on. */
  readonly #late = new WeakSet<object>()

  constructor(options: OutboxSenderOptions<T>) {
    this.#options = options
  }

  async pass(signal: AbortSignal, until: 'aborted' | 'empty'): Promise<Pass> {
    const { group, options, isOnline } = this.#options
    if (!isOnline()) return { end: 'offline', sent: 0, dead: 0 }
    const pause = linkedSignal(signal)
    let isOffline = false
    let sent = 0
    const onError = (error: unknown): FailureVerdict => {
      if (pause.signal.aborted) return 'release' // cut off by the end of the pass: no fault of the record
      if (!this.#meansOffline(error)) return isStorageError(error, 'invalid') ? 'dead' : 'retry'
      isOffline = true
      pause.abort()
      return 'release'
    }
    try {
      const { concurrency = DEFAULT_CONCURRENCY } = options
      const handler = async (delivery: Delivery<T>): Promise<void> => {
        await this.#send(delivery, pause.signal)
        sent++
      }
      const { dead } = await group.process(handler, { concurrency, until, signal: pause.signal, onError })
      return { end: isOffline ? 'offline' : signal.aborted ? 'stopped' : 'empty', sent, dead }
    } finally {
      pause.end()
    }
  }

  async #send(delivery: Delivery<T>, signal: AbortSignal): Promise<void> {
    const { send, queue, clock, options, ended } = this.#options
    const { timeoutMs: ms = DEFAULT_TIMEOUT_MS } = options
    const id = recordId(queue, delivery.bucket, delivery)
    const late = (): StorageError => {
      const error = new StorageError('unavailable', 'sending took too long', { operation: 'outbox', facts: { timeoutMs: ms } })
      this.#late.add(error)
      return error
    }
    try {
      await within(clock, { ms, late, signal }, async (sending) => {
        const context: SendContext = { id, attempt: delivery.deliveries, signal: sending }
        await send(delivery, context)
      })
      await delivery.ack() // before anybody hears of it
      ended()
    } catch (error) {
      ended(error)
      throw error
    }
  }

  #meansOffline(error: unknown): boolean {
    const { options, isOnline } = this.#options
    if (!isOnline()) return true
    if (typeof error === 'object' && error !== null && this.#late.has(error)) return false
    return (options.isOffline ?? looksOffline)(error)
  }
}

/** What `fetch` says where it reached nobody, in Chromium, Firefox, WebKit, Node and Workers; any other TypeError is a mistake in `send`. */
const UNREACHED = /^(Failed to fetch|NetworkError when attempting to fetch resource\.|Load failed|fetch failed|Network connection lost\.)$/

function looksOffline(error: unknown): boolean {
  return (error instanceof TypeError && UNREACHED.test(error.message)) || isStorageError(error, 'unavailable')
}
