// The default store of a browser: every tab and worker of the origin may write at once.

import { asyncDispose } from '../../core/base/async-dispose.js'
import { Closing } from '../../core/base/closing.js'
import { isStorageError } from '../../core/base/errors.js'
import { checkName } from '../../core/base/key.js'
import type { Backend, StorageHealth } from '../../core/ports/backend.js'
import type { AsyncDisposal, WriteDurability } from '../../core/ports/options.js'
import { hasWebLocks, WebLocksOnDemand } from '../web/locks-on-demand.js'
import { evictionWarnings, originStorage } from '../web/persistence.js'
import { WebSignals } from '../web/signals.js'
import { IndexedDbBlobs } from './blobs.js'
import { Connection } from './connection.js'
import { BACKEND } from './native-errors.js'
import { databaseName } from './schema.js'
import { type CanaryPlace, plantCanary } from './wipe-canary.js'

export interface IndexedDbOptions {
  /** The store's name, one in the origin: 1-255 UTF-8 bytes. */
  readonly name: string
  /**
   * Of a write that does not say. `relaxed` (the default, as in the browsers): a resolved write survives the browser's
   * end, not surely a power failure. `strict`: the browser asked the disk too, about ten times slower.
   */
  readonly durability?: WriteDurability
  /** How long an open waits for another tab that holds or deletes the database, in ms. Default 5000; then `unavailable`. */
  readonly blockedMs?: number
  /** A sentence for `health()`: why this backend. */
  readonly chosen?: string
}

export const DEFAULT_BLOCKED_MS = 5000

/**
 * A backend over one IndexedDB database, `varve-<name>`. Blobs with conditional puts and atomic batches, locks (in secure
 * contexts) and signals between tabs and workers. Nothing is opened before the first use. A database that vanished, under
 * the running page or since the last visit, is `corrupt` and never an empty store.
 *
 * Throws `invalid` for a bad name; later `quota`, `unavailable` (another tab blocks), `denied` (the browser forbids storage).
 */
export function indexedDb(options: IndexedDbOptions): Backend & AsyncDisposal {
  checkName('store name', options.name)
  return new IndexedDbBackend(options)
}

class IndexedDbBackend implements Backend, AsyncDisposal {
  readonly name = BACKEND
  readonly blobs: IndexedDbBlobs
  readonly locks: WebLocksOnDemand | undefined
  readonly signals: WebSignals
  readonly #options: IndexedDbOptions
  readonly #closing = new Closing(BACKEND)
  readonly #connection: Connection
  #canary: Promise<CanaryPlace> | undefined
  #lastWrite: number | undefined

  constructor(options: IndexedDbOptions) {
    const { checkOpen } = this.#closing
    this.#options = options
    this.#connection = new Connection({ name: options.name, blockedMs: options.blockedMs ?? DEFAULT_BLOCKED_MS, checkOpen })
    this.blobs = new IndexedDbBlobs({
      connection: this.#connection,
      durability: options.durability ?? 'relaxed',
      onCommit: () => this.#committed(),
    })
    const scope = `varve-indexeddb/${options.name}/`
    this.signals = new WebSignals(scope)
    this.locks = hasWebLocks() ? new WebLocksOnDemand({ backend: BACKEND, prefix: scope, signals: this.signals, checkOpen }) : undefined
  }

  async health(): Promise<StorageHealth> {
    const loss = await this.#connection.use('health', undefined, async () => undefined).catch((error: unknown) => error)
    if (isStorageError(loss, 'closed')) throw loss
    const [origin, canary] = await Promise.all([originStorage(), this.#canary])
    return {
      backend: BACKEND,
      location: databaseName(this.#options.name),
      chosen: this.#options.chosen ?? 'indexedDb() was passed in',
      persisted: origin.persisted,
      ephemeral: false,
      durability: 'disk',
      quotaBytes: origin.quotaBytes,
      usedBytes: origin.usedBytes,
      wipeGuard: guardText(canary),
      lastDurableWrite: this.#lastWrite,
      warnings: [...(loss === undefined ? [] : [messageOf(loss)]), ...evictionWarnings(origin)],
    }
  }

  close(): Promise<void> {
    return this.#closing.close(this, () => this.#letGo())
  }

  [asyncDispose](): Promise<void> {
    return this.close()
  }

  async #letGo(): Promise<void> {
    await this.#connection.close()
    await this.locks?.close()
    this.signals.close()
  }

  /** The first write of a session waits for the canary, so that nothing is ever acknowledged unguarded. */
  #committed(): Promise<void> | undefined {
    this.#lastWrite = Date.now()
    const id = this.#connection.storeId
    if (this.#canary !== undefined || id === undefined) return this.#canary?.then(() => {})
    this.#canary = plantCanary(this.#options.name, id)
    return this.#canary.then(() => {})
  }
}

function guardText(canary: CanaryPlace | undefined): string {
  if (canary === undefined) return "none yet: the store's id is put into a second local store with the first write"
  if (canary === 'none') return 'none: this context has no second local store'
  return `the store's id is kept in ${canary === 'opfs' ? 'OPFS' : 'localStorage'}: a wiped database is reported, an evicted origin is not`
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
