// The public shapes of an outbox.

import type { GroupOrdering } from '../ports/stream-broker.js'
import type { Queue } from '../features/queue/types.js'
import type { StoredRecord } from '../features/queue/record-types.js'
import type { Cancellable, Handle } from '../ports/options.js'
import type { Connectivity } from './connectivity.js'

/** What goes with a record that is sent. */
export interface SendContext {
  /** The same whenever this record is sent, and no other record's: by it the receiver tells a repetition. */
  readonly id: string
  /** 1 for the first; what failed for want of a network is not counted. */
  readonly attempt: number
  /** Aborts when the time for one sending is over, and when the outbox closes. */
  readonly signal: AbortSignal
}

/**
 * Delivers a record, and resolves when the receiver has it. Throws where it has not: what `isOffline` recognises waits for
 * the network, a `StorageError` with the code `invalid` gives the record up at once, anything else is tried again later.
 */
export type Send<T> = (record: StoredRecord<T>, context: SendContext) => unknown

export interface OutboxOptions extends Cancellable {
  /** Whose position says what was sent; default `outbox`. */
  readonly group?: string
  /** Default `key`: records of one key are sent one after the other, in their order. Fixed with the group. */
  readonly ordering?: GroupOrdering
  /** Sendings at once; default 4. */
  readonly concurrency?: number
  /** One sending has so long, ms; default 30 000. */
  readonly timeoutMs?: number
  /** Between two tries, of one record and after the network failed; default 1 000 to 300 000. */
  readonly backoff?: { readonly firstMs?: number; readonly maxMs?: number }
  /** Where a record goes that the receiver never took: a queue, or the name of one in the same store; default `<queue>-dead-letters`. */
  readonly deadLetters?: string | Queue<unknown>
  /** Default 10. */
  readonly maxDeliveries?: number
  /** Whether a failed sending says that there is no network; by default what `fetch` throws then, and `unavailable`. */
  readonly isOffline?: (error: unknown) => boolean
  /** Registered for background sync when the network fails; the service worker's `sync` event then calls `sendOutbox`. */
  readonly syncTag?: string
  /** By default what the platform tells. */
  readonly connectivity?: Connectivity
}

/** `standby`: another tab or process is the sender. `offline`: waits for the network. `failed`: see `error`; nothing is sent any more. */
export type OutboxStatus = 'standby' | 'sending' | 'offline' | 'failed' | 'closed'

export interface OutboxState {
  readonly status: OutboxStatus
  /** By this handle. */
  readonly sent: number
  /** Given up, by this handle. */
  readonly dead: number
  /** Why a sending, or the outbox itself, failed last. */
  readonly error?: unknown
}

export interface SendReport {
  readonly sent: number
  readonly dead: number
  /** Records that still wait, for the network, their retry, or another of their key. */
  readonly left: number
}

export interface Outbox extends Handle {
  readonly state: OutboxState
  /** Calls back when the state changes; returns how to stop. */
  watch(listener: (state: OutboxState) => void): () => void
  /** Records not sent yet. */
  waiting(): Promise<number>
  /** Tries again now, whatever it waits for. */
  retry(): void
  /** Ends when what is being sent has ended, at most after `timeoutMs`. Throws what made the outbox fail. */
  close(): Promise<void>
}
