// Everything in one object of this process: for tests, for caches, and for whoever accepts that it is gone afterwards.

import { asyncDispose } from '../../core/base/async-dispose.js'
import { Closing } from '../../core/base/closing.js'
import { closedWhileWaiting, LocalLockTable, localLocks } from '../../core/derived/local-locks.js'
import { localSignals } from '../../core/derived/local-signals.js'
import type { Backend, StorageHealth } from '../../core/ports/backend.js'
import type { LockManager } from '../../core/ports/lock-manager.js'
import type { AsyncDisposal } from '../../core/ports/options.js'
import type { SignalBus } from '../../core/ports/signal-bus.js'
import { MemoryBlobs } from './blobs.js'

export interface MemoryOptions {
  /** Puts that would hold more than this many bytes fail with `quota`. Default: no limit. */
  readonly quotaBytes?: number
  /** Largest single blob. Default 1 GiB. */
  readonly maxBlobBytes?: number
}

/**
 * A backend whose data lives in the returned object and dies with it. Blobs with conditional puts and batches, locks
 * and signals between the users of this object. `health().ephemeral` is true.
 */
export function memory(options: MemoryOptions = {}): Backend & AsyncDisposal {
  return new MemoryBackend(options)
}

const NAME = 'memory'
const GIB = 2 ** 30

class MemoryBackend implements Backend, AsyncDisposal {
  readonly name = NAME
  readonly blobs: MemoryBlobs
  readonly locks: LockManager
  readonly signals: SignalBus = localSignals()
  readonly #closing = new Closing(NAME)
  readonly #table = new LocalLockTable()
  readonly #quotaBytes: number | undefined

  constructor(options: MemoryOptions) {
    const { checkOpen } = this.#closing
    const quotaBytes = options.quotaBytes ?? Number.POSITIVE_INFINITY
    this.#quotaBytes = options.quotaBytes
    this.blobs = new MemoryBlobs({ backend: NAME, maxBlobBytes: options.maxBlobBytes ?? GIB, quotaBytes, checkOpen })
    this.locks = localLocks(this.#table, this, checkOpen)
  }

  async health(): Promise<StorageHealth> {
    this.#closing.checkOpen('health')
    return {
      backend: NAME,
      location: 'this process',
      chosen: 'memory() was passed in',
      ephemeral: true,
      durability: 'memory',
      quotaBytes: this.#quotaBytes,
      usedBytes: this.blobs.usedBytes,
      wipeGuard: 'none',
      warnings: ['everything is lost when the process or page ends'],
    }
  }

  close(): Promise<void> {
    return this.#closing.close(this, () => this.#table.release(this, closedWhileWaiting(NAME)))
  }

  [asyncDispose](): Promise<void> {
    return this.close()
  }
}
