// Mutual exclusion between processes, tabs or clients. Politeness: safety comes from `held()`, epochs and conditional puts.

import type { Cancellable } from './options.js'

export interface AcquireOptions extends Cancellable {
  readonly mode?: 'exclusive' | 'shared'
  /** Default false: undefined is returned at once when somebody else holds the lock. */
  readonly wait?: boolean
}

export interface LockManager {
  acquire(name: string, options?: AcquireOptions): Promise<Lock | undefined>
  /** Who holds it, in words for an error message (`host=… pid=…`); undefined when free or unknown. */
  owner(name: string): Promise<string | undefined>
}

export interface Lock {
  /** Rises with every holder: a later holder's token is greater. */
  readonly token: number
  /** Aborts when the lock is known to be lost. */
  readonly lost: AbortSignal
  /** Aborts when somebody waits for it. */
  readonly contended: AbortSignal
  /** Reads the shared medium, not memory: false as soon as a later holder exists. Asked after every sync and before every acknowledgement. */
  held(): boolean | Promise<boolean>
  release(): Promise<void>
}
