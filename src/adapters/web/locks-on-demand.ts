// Locks whose code is loaded with the first call: most pages on a store that everybody may write never take one.

import { loadPart } from '../../core/base/load-part.js'
import type { AcquireOptions, Lock, LockManager } from '../../core/ports/lock-manager.js'
import type { WebLocks, WebLocksOptions } from './locks.js'

/** True where the Web Locks of this page or worker can be used: in secure contexts. */
export function hasWebLocks(): boolean {
  return globalThis.navigator?.locks !== undefined
}

export class WebLocksOnDemand implements LockManager {
  readonly #options: WebLocksOptions
  #locks: Promise<WebLocks> | undefined

  constructor(options: WebLocksOptions) {
    this.#options = options
  }

  async acquire(name: string, options?: AcquireOptions): Promise<Lock | undefined> {
    return await (await this.#load('acquire')).acquire(name, options)
  }

  async owner(name: string): Promise<string | undefined> {
    return await (await this.#load('owner')).owner(name)
  }

  /** As `WebLocks.close`. */
  async close(): Promise<void> {
    const locks = await this.#locks?.catch(() => undefined)
    await locks?.close()
  }

  #load(operation: string): Promise<WebLocks> {
    this.#options.checkOpen(operation)
    this.#locks ??= this.#import().catch((error) => {
      this.#locks = undefined
      throw error
    })
    return this.#locks
  }

  async #import(): Promise<WebLocks> {
    const { WebLocks } = await loadPart('locks', () => import('./locks.js'))
    return new WebLocks(this.#options)
  }
}
