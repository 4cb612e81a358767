// The public shapes of consumer groups.

import type { Cancellable, Handle } from '../../ports/options.js'
import type { GroupOrdering, SettleResult } from '../../ports/stream-broker.js'
import type { Position, StoredRecord } from './record-types.js'

/** A queue from `openQueue`, whatever its values are. */
export interface AnyQueue extends Handle {
  readonly name: string
  readonly buckets: number
}

export interface Delivery<T> extends StoredRecord<T> {
  /** 1 for the first. */
  readonly deliveries: number
  /** Why it was given back last. */
  readonly reason?: string
  /** Resolves when the group's state is stored. Any delivery of a record can acknowledge it, also one that expired. */
  ack(): Promise<SettleResult>
  /**
   * Gives it back: delivered again after `delayMs` (by default the group's back-off). `reason` goes with the next delivery.
   * With `deadLetters`, the last delivery's makes the record a dead letter.
   */
  nack(options?: NackOptions): Promise<SettleResult>
  /** Hides it from others for `ms` from now; ignored once it was given back. */
  extend(ms: number): Promise<SettleResult>
}

export interface NackOptions {
  readonly delayMs?: number
  /** Cut to 1 000 characters. */
  readonly reason?: string
}

export interface GroupOptions {
  /** Where a new group begins; default `earliest`. Ignored when the group exists. */
  readonly from?: Position
  /** How long a delivery is hidden from others; default 30 000. */
  readonly visibilityMs?: number
  /**
   * Fixed when the group is created; another one than stored is `invalid`. `key`: while a record of a key is unacknowledged
   * or waits for its retry, later ones of that key wait, and all other keys go on. Default what is stored, or `none`.
   */
  readonly ordering?: GroupOrdering
  /** So many of a bucket may be unacknowledged before no new ones are delivered; default 10 000. */
  readonly maxPending?: number
  /** How long a record rests that was given back: up to `firstMs`, twice as long each time, at most `maxMs`. Default 1 000 and 300 000. */
  readonly backoff?: { readonly firstMs?: number; readonly maxMs?: number }
  /**
   * A queue, or the name of one in the same store (made when it is needed first): a record that was delivered `maxDeliveries`
   * times, and never acknowledged, goes there. Without, it is delivered for ever. Kept by the handle, not with the group.
   */
  readonly deadLetters?: string | AnyQueue
  /** Default 10; only with `deadLetters`. */
  readonly maxDeliveries?: number
  /** false: `missing` when there is no such group; `new`: `conflict` when there is. Default: created when it is missing. */
  readonly create?: boolean | 'new'
}

export interface ReceiveRecordsOptions extends Cancellable {
  readonly consumer?: string
  /** Default 1. */
  readonly limit?: number
  /** 0-60 000, default 0. */
  readonly waitMs?: number
}

export interface ConsumeOptions extends Cancellable {
  readonly consumer?: string
  /** How many deliveries are fetched ahead; default 1. */
  readonly prefetch?: number
  /** `empty` ends when nothing is left to deliver; default `aborted`. */
  readonly until?: 'aborted' | 'empty'
}

export interface ProcessOptions extends Cancellable {
  readonly consumer?: string
  /** Handlers at once; default 1. */
  readonly concurrency?: number
  readonly until?: 'aborted' | 'empty'
  /** What becomes of a record whose handler threw; default `retry`. */
  readonly onError?: (error: unknown, record: StoredRecord<unknown>) => FailureVerdict
}

/**
 * `retry`: given back with back-off. `release`: given back at once, and the delivery not counted. `dead`: a dead letter at once;
 * without `deadLetters` as `retry`.
 */
export type FailureVerdict = 'retry' | 'release' | 'dead'

/** What `process` did. */
export interface ProcessResult {
  /** Handlers that returned, with their acknowledgements stored; also where the record was done already. */
  readonly acked: number
  /** Handlers that threw. */
  readonly failed: number
  /** Records that became dead letters meanwhile. */
  readonly dead: number
}

export interface GroupLag {
  readonly total: number
  readonly buckets: readonly number[]
}

export interface ClaimOptions {
  /** Deliveries that nobody settled or extended for so long. 0 takes all. */
  readonly minIdleMs: number
  readonly consumer?: string
  /** Default 100, at most 10 000. */
  readonly limit?: number
}

export interface PendingOptions {
  /** Default all. */
  readonly bucket?: number
  /** The last one that was seen: goes on behind it. */
  readonly after?: { readonly bucket: number; readonly offset: number }
  /** Default 100, at most 10 000. */
  readonly limit?: number
}

/** A record between its delivery and its acknowledgement. */
export interface PendingRecord {
  readonly bucket: number
  readonly offset: number
  /** Who had it last. */
  readonly consumer: string
  /** Since it was delivered, extended or given back. */
  readonly idleMs: number
  /** 0 for one that waits for another of its key, or was given back unseen. */
  readonly deliveries: number
  /** Why it was given back last. */
  readonly reason?: string
}

/**
 * At least once: every record is delivered until one delivery is acknowledged, or to `maxDeliveries` where there are dead
 * letters. All handles, tabs and processes that open a group share it.
 */
export interface Group<T> {
  readonly name: string
  /** Takes turns between the buckets; waits for all of them at once. */
  receive(options?: ReceiveRecordsOptions): Promise<readonly Delivery<T>[]>
  /** Acks when the handler returns, nacks with back-off when it throws, extends visibility while it runs; on abort resolves when work in flight is done and its acks are stored. */
  process(handler: (delivery: Delivery<T>) => unknown, options?: ProcessOptions): Promise<ProcessResult>
  /** One at a time; leaving the loop gives unseen deliveries back, uncounted. Each delivery is acked by its taker. */
  consume(options?: ConsumeOptions): AsyncIterableIterator<Delivery<T>>
  /** What is not pending any more is counted as `ignored`, and no error. */
  ack(deliveries: readonly Delivery<T>[]): Promise<SettleResult>
  nack(deliveries: readonly Delivery<T>[], options?: NackOptions): Promise<SettleResult>
  extend(deliveries: readonly Delivery<T>[], ms: number): Promise<SettleResult>
  /** Takes over what other consumers hold for long: each becomes a delivery more. */
  claim(options: ClaimOptions): Promise<readonly Delivery<T>[]>
  /** What is delivered and not acknowledged, by bucket and offset. */
  pending(options?: PendingOptions): Promise<readonly PendingRecord[]>
  /** Acknowledges everything below `next`; `invalid` past the high-water mark, with the maximum. Never goes back: that is `seek`. */
  commit(bucket: number, next: number): Promise<void>
  /** Next offset to be acknowledged, a bucket each; 0 (or where the group began) when nothing was committed. */
  committed(): Promise<readonly number[]>
  /** Begins again there, forward or back; what was pending is forgotten. */
  seek(bucket: number, position: Position): Promise<void>
  /** Records not yet acknowledged: high-water mark less committed. */
  lag(): Promise<GroupLag>
}
