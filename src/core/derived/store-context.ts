// What an opened store is to its user, and to the features that stand on it.

import type { Clock } from '../base/clock.js'
import type { Backend, StorageHealth } from '../ports/backend.js'
import type { Closable, Handle } from '../ports/options.js'

export type StoreMode = 'write' | 'read'

/** An opened place for data. Every `openX` takes one, or a bare Backend. */
export interface Store extends Handle {
  /** The backend's name. */
  readonly name: string
  readonly mode: StoreMode
  health(): Promise<StorageHealth>
  /** Flushes and closes what was opened on it; the backend itself is closed with the last handle. */
  close(): Promise<void>
}

/** The inside of a store, for features. */
export interface StoreContext {
  readonly backend: Backend
  readonly clock: Clock
  readonly mode: StoreMode
  /**
   * Must resolve before any write: `denied` in read mode, `denied` with the owner where the backend has one owner and
   * another process or tab is it, `closed` after close. Throws at once, and nothing is to be waited for, when the store
   * is known to be writable.
   */
  writable(operation: string): undefined | Promise<void>
  /** Throws `fenced` when another owner took over since; cheap, asked before every acknowledgement of an owned log. */
  checkFence(): void | Promise<void>
  /** Throws `closed` after close. */
  checkOpen(operation: string): void
  /** Closes it with the store; returns how to forget it. */
  onClose(dependent: Closable): () => void
  close(): Promise<void>
}
