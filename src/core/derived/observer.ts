// What is told of the requests to a backend: what was asked, how long it took, how it ended. Never a value or a secret.

import type { Outcome } from '../base/outcome.js'

/** A call of a port, and of what the port opened: `file` of `files`, `stream` of `streams`, `group` of a stream. */
export type StorageOperation =
  | `blobs.${'get' | 'put' | 'delete' | 'list' | 'batch'}`
  | `files.${'open' | 'delete' | 'list'}`
  | `file.${'append' | 'sync' | 'read'}`
  | `locks.${'acquire' | 'owner'}`
  | `streams.${'open' | 'delete' | 'examine' | 'repair'}`
  | `stream.${'append' | 'producer' | 'read' | 'bounds' | 'stats' | 'flush' | 'trim' | 'compact' | 'seal' | 'group' | 'groups' | 'deleteGroup'}`
  | `group.${'receive' | 'settle' | 'release' | 'claim' | 'pending' | 'commit' | 'seek' | 'state' | 'restore'}`

/**
 * One request, when it is done. Made again after a failure it is another one. Of errors, `conflict` and `missing` are answers
 * more often than faults.
 */
export interface StorageRequest extends Outcome {
  /** The backend's name. */
  readonly backend: string
  readonly operation: StorageOperation
  /** How long the backend took; of a listing, without what its reader did in between. */
  readonly durationMs: number
  /** Bytes of data that came, where some did. */
  readonly readBytes?: number
  /** Bytes of data that were stored, where some were. */
  readonly writtenBytes?: number
  /** It was allowed to wait for something to happen, so that its duration says nothing of the backend. */
  readonly waited?: true
  /** Keys of blobs (of a listing: the prefix), paths, names of locks, streams and groups. Only where they were asked for. */
  readonly keys?: readonly string[]
}

/** A request is about to be made again, because the backend was `unavailable`. */
export interface StorageRetry {
  readonly backend: string
  readonly operation: StorageOperation
  /** 1 for the first time that it is made again. */
  readonly attempt: number
}

/** What it throws, or rejects with, is dropped: observing never makes storage fail. */
export interface StorageObserver {
  request(request: StorageRequest): void
  retry?(retry: StorageRetry): void
}
