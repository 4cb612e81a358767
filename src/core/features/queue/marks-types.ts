// The public shapes of marks: which records of a queue a task has consumed, and how its batches are chosen.

import type { Cancellable } from '../../ports/options.js'
import type { Position, StoredRecord } from './record-types.js'

export interface RecordPlace {
  readonly bucket: number
  readonly offset: number
}

/** What a sampler knows of a record that its task has not consumed yet. */
export interface ReadyRecord extends RecordPlace {
  /** Milliseconds since 1970. */
  readonly timestamp: number
  readonly key?: string
}

/** Which rank of a replica takes: all its ranks are to get the same batches in the same order, other replicas get others. */
export interface RankShare {
  readonly rank: number
  readonly worldSize: number
  readonly replica: string
}

/** Decides which of the ready records are the next batch. */
export interface Sampler {
  /**
   * Some of `ready`, in the order that the batch shall have; none where it would rather wait for more. `ready` holds the
   * oldest unconsumed records of one bucket after the other, beginning at another bucket each time. It may run several
   * times for one batch.
   */
  choose(ready: readonly ReadyRecord[], limit: number): readonly ReadyRecord[]
  /** So many ready records it wants to see, where there are as many; default the limit of the batch. At most 10 000. */
  readonly window?: number
  readonly share?: RankShare
}

/** A batch before its values are read. Plain data: it can be sent to whoever is to work on it, and stored. */
export interface MarkedBatch {
  readonly task: string
  /** In the order of the sampler. */
  readonly places: readonly RecordPlace[]
  /** Of a sampler that shares batches: which of its replica's, from 0. */
  readonly index?: number
}

export interface MarksOptions {
  /** Default `sequentialSampler()`. */
  readonly sampler?: Sampler
}

export interface TakeOptions extends Cancellable {
  /** Largest number of records; default 1, at most 10 000. */
  readonly limit?: number
  /** No batch before so many are ready; default 1. */
  readonly atLeast?: number
  /** 0-60 000, default 0: how long to wait for a batch. */
  readonly waitMs?: number
}

/** Records that a task has not consumed yet. */
export interface MarksLag {
  readonly total: number
  /** One a bucket: offsets between the first that is held and the high-water mark, those that compaction left out included. */
  readonly buckets: readonly number[]
}

/**
 * What one task has consumed of a queue, stored beside it: shared by all processes, tabs and Workers that have the task's
 * name, and kept over restarts. Tasks know nothing of each other, nor of groups.
 *
 * A batch comes in two phases: `take` chooses records and marks them consumed, so that nobody else of the task gets them;
 * `read` brings their values, when and where they are needed. A batch whose worker died is not handed out again by itself:
 * `giveBack` does that (a group redelivers).
 */
export interface Marks<T> {
  readonly task: string
  /** The next batch, once its marks are stored; undefined when there was none in time. `denied` in read mode. */
  take(options?: TakeOptions): Promise<MarkedBatch | undefined>
  /** The records of a batch in its order; those that are gone since are left out. `invalid` for a batch of another task. */
  read(batch: MarkedBatch, options?: Cancellable): Promise<readonly StoredRecord<T>[]>
  /** Its records are not consumed any more: they are ready for everybody of the task. */
  giveBack(batch: MarkedBatch): Promise<void>
  /** All before `to` counts as consumed, nothing from there on. Default `earliest`: the task begins anew. */
  reset(to?: Position): Promise<void>
  lag(): Promise<MarksLag>
}
