// What saving takes: a state or a stream of bytes, once, many times over, or by the clock.

import type { StorageErrorCode } from '../../base/errors.js'
import type { Json } from '../../codec/codec.js'
import type { ByteSource } from '../../engine/content/cut-stream.js'
import type { Cancellable, Handle } from '../../ports/options.js'
import type { BranchRef, SnapshotInfo } from './types.js'

/** How far a long call has come. */
export interface SnapshotProgress {
  /** What is being done at the moment, in a word: `cut`, `store`, `check`, `publish`, `load`, `copy`, … */
  readonly phase: string
  /** Bytes of content that are done. Never falls within a phase. */
  readonly doneBytes: number
  /** Absent where it is not known before the end. */
  readonly totalBytes?: number
  /** Snapshots that are done, where the call is about many. */
  readonly done?: number
}

export type ProgressListener = (progress: SnapshotProgress) => void

export type { ByteSource }

/** All about a snapshot to be but its content. */
export interface SaveDetails extends BranchRef, Cancellable {
  /** Default: the head of the branch. */
  readonly parent?: string
  readonly tags?: readonly string[]
  readonly description?: string
  /** Anything JSON keeps: the offsets that the state covers, for example. */
  readonly metadata?: Json
  /** Reads all back from the store and compares it before the snapshot is published; `corrupt` where it differs. Default false. */
  readonly verify?: boolean
  readonly onProgress?: ProgressListener
}

export interface SaveState<State> extends SaveDetails {
  /** Taken as it is at the time of the call. */
  readonly state: State
  readonly stream?: undefined
}

/** A content of any size, never wholly in memory; it loads as a Uint8Array, or as a stream again. */
export interface SaveStream extends SaveDetails {
  /** Read once. A save that would have to read it again (a collection began in the middle) is a `conflict`: try again with a new stream. */
  readonly stream: ByteSource
  readonly state?: undefined
}

export type SaveOptions<State> = SaveState<State> | SaveStream

/** One of the states of `saveMany`. */
export type SaveItem<State> = Omit<SaveState<State>, 'verify' | 'onProgress' | 'signal' | 'stream'>

export interface SaveManyOptions extends Cancellable {
  /** As for `save`. Default false. */
  readonly verify?: boolean
  readonly onProgress?: ProgressListener
}

/** What `saveMany` rejects with when some sessions were saved and others not: the error, and the infos of what is saved. */
export interface PartialSave {
  readonly code: StorageErrorCode
  /** In input order; undefined where the state was not saved. */
  readonly saved: readonly (SnapshotInfo | undefined)[]
}

export interface AutoOptions extends BranchRef {
  /** A save is due so often (ms); one that takes longer delays the next. */
  readonly everyMs: number
  /** No snapshot where the state encodes to what the newest of the branch holds. Default true. */
  readonly onlyWhenChanged?: boolean
  readonly tags?: readonly string[]
  /** Gets what a save failed with; the next is tried when it is due. Default: the failure is thrown to the host as for an event. */
  readonly onError?: (error: unknown) => void
}

/** Saves by the clock until it is stopped. `close()` is `stop()`. */
export interface AutoSave extends Handle {
  /** At once, also where nothing is due; undefined where nothing changed. Rejects where it fails. */
  saveNow(): Promise<SnapshotInfo | undefined>
  /** No save begins after this; resolves when one in flight is done. */
  stop(): Promise<void>
}
