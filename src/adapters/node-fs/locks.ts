// Named locks of this process, on top of the one lock that keeps other processes out of the directory.

import { sleep, systemClock } from '../../core/base/clock.js'
import type { LocalLock } from '../../core/derived/local-locks.js'
import type { AcquireOptions, Lock, LockManager } from '../../core/ports/lock-manager.js'
import { describe, type DirectoryLock } from './directory-lock.js'
import { asStorageError } from './errors.js'
import { ownIdentity } from './identity.js'
import type { Place } from './place.js'

const RETRY_MS = 100
/** Room for the holders of one process between two numbers of the directory. */
const HOLDERS = 2 ** 26

export class NodeLocks implements LockManager {
  readonly #place: Place

  constructor(place: Place) {
    this.#place = place
  }

  async acquire(name: string, options: AcquireOptions = {}): Promise<Lock | undefined> {
    options.signal?.throwIfAborted()
    this.#place.checkOpen('acquire')
    const directoryLock = await this.#takeDirectory(options)
    if (directoryLock === undefined) return undefined
    const local = await this.#place.made().locks.acquire(this.#place, name, options)
    return local === undefined ? undefined : new NodeLock(local, directoryLock)
  }

  async owner(name: string): Promise<string | undefined> {
    this.#place.checkOpen('owner')
    const directory = this.#place.existing()
    if (directory === undefined) return undefined
    if (directory.isOwned) return directory.locks.isHeld(name) ? describe(ownIdentity()) : undefined
    return directory.owner()
  }

  async #takeDirectory(options: AcquireOptions): Promise<DirectoryLock | undefined> {
    for (;;) {
      this.#place.checkOpen('acquire')
      const taken = this.#tryDirectory()
      if (taken !== undefined || options.wait !== true) return taken
      await sleep(systemClock, RETRY_MS, options.signal)
    }
  }

  #tryDirectory(): DirectoryLock | undefined {
    try {
      const taken = this.#place.made().take('acquire')
      return 'held' in taken ? taken : undefined
    } catch (error) {
      throw asStorageError(error, { operation: 'acquire', path: this.#place.path })
    }
  }
}

class NodeLock implements Lock {
  readonly token: number
  readonly #local: LocalLock
  readonly #directory: DirectoryLock

  constructor(local: LocalLock, directory: DirectoryLock) {
    this.token = directory.n * HOLDERS + local.token
    this.#local = local
    this.#directory = directory
  }

  get lost(): AbortSignal {
    return this.#local.lost
  }

  get contended(): AbortSignal {
    return this.#local.contended
  }

  held(): boolean {
    return this.#local.held() && this.#directory.held()
  }

  release(): Promise<void> {
    return this.#local.release()
  }
}
