// Files of the origin, for a dedicated worker that wants the speed of an appended file.

import { asyncDispose } from '../../core/base/async-dispose.js'
import { Closing } from '../../core/base/closing.js'
import { checkName } from '../../core/base/key.js'
import type { Backend, StorageHealth } from '../../core/ports/backend.js'
import type { AsyncDisposal } from '../../core/ports/options.js'
import { WebLocks } from '../web/locks.js'
import { evictionWarnings, originStorage } from '../web/persistence.js'
import { WebSignals } from '../web/signals.js'
import { OpfsBlobs } from './blobs.js'
import { OpfsFiles } from './files.js'
import { BACKEND } from './native-errors.js'
import { joinOwner, type Owner, removeStore, WAIT_FOR_ENDING_OWNER_MS } from './owner.js'
import { checkDedicatedWorker } from './sync-access.js'

export interface OpfsOptions {
  /** The store's name, one in the origin: 1-255 UTF-8 bytes. */
  readonly name: string
}

/**
 * A backend over the origin private file system: appendable files, blobs with conditional puts, locks and signals. Works in
 * a dedicated worker; elsewhere the first use is `unsupported` and says what to do. Nothing is opened before the first use.
 *
 * One worker owns a store, from its first change until `close()` or its end: a change elsewhere is `denied`. Others may read
 * blobs meanwhile; a file that the owner has open for appending is read there as the browser allows, else `denied`.
 * Durable means that the browser was asked to flush the file.
 */
export function opfs(options: OpfsOptions): Backend & AsyncDisposal {
  checkName('store name', options.name)
  return new OpfsBackend(options.name)
}

/** Deletes the store `name` and all that is in it, from any page or worker; `denied` while a worker owns it. */
export async function destroyOpfs(name: string): Promise<void> {
  checkName('store name', name)
  await removeStore(name)
}

class OpfsBackend implements Backend, AsyncDisposal {
  readonly name = BACKEND
  readonly blobs: OpfsBlobs
  readonly files: OpfsFiles
  readonly locks: WebLocks
  readonly signals: WebSignals
  readonly #closing = new Closing(BACKEND)
  readonly #storeName: string
  #owner: Owner | undefined
  #lastWrite: number | undefined

  constructor(name: string) {
    this.#storeName = name
    const owner = (): Owner => {
      this.#owner ??= joinOwner(name)
      return this.#owner
    }
    const check = (operation: string): void => this.#check(operation)
    const onWrite = (): void => {
      this.#lastWrite = Date.now()
    }
    this.blobs = new OpfsBlobs({ owner, check, onWrite })
    this.files = new OpfsFiles({ owner, check, onWrite })
    const scope = `varve-opfs/${name}/`
    this.signals = new WebSignals(scope)
    this.locks = new WebLocks({
      backend: BACKEND,
      prefix: scope,
      signals: this.signals,
      graceMs: WAIT_FOR_ENDING_OWNER_MS,
      checkOpen: check,
    })
  }

  async health(): Promise<StorageHealth> {
    this.#check('health')
    const origin = await originStorage()
    return {
      backend: BACKEND,
      location: `origin private file system, ${this.#storeName}`,
      chosen: 'opfs() was passed in',
      persisted: origin.persisted,
      ephemeral: false,
      durability: 'disk',
      quotaBytes: origin.quotaBytes,
      usedBytes: origin.usedBytes,
      wipeGuard: 'none: the browser evicts all storage of an origin together',
      lastDurableWrite: this.#lastWrite,
      warnings: evictionWarnings(origin),
    }
  }

  close(): Promise<void> {
    return this.#closing.close(this, () => this.#letGo())
  }

  [asyncDispose](): Promise<void> {
    return this.close()
  }

  async #letGo(): Promise<void> {
    await this.locks.close()
    this.signals.close()
    await this.#owner?.leave()
  }

  #check(operation: string): void {
    this.#closing.checkOpen(operation)
    checkDedicatedWorker(operation)
  }
}
