// What features stand on: a store handle, or any backend as it is. Answers which ports there are, builds the
// missing ones from those, and refuses with `unsupported` and a way out where that cannot be.

import { type Clock, systemClock } from '../base/clock.js'
import { addDependent, closeDependents } from '../base/dependents.js'
import { StorageError } from '../base/errors.js'
import type { Backend, StorageHealth } from '../ports/backend.js'
import type { Lock } from '../ports/lock-manager.js'
import type { Closable } from '../ports/options.js'
import type { StreamBroker } from '../ports/stream-broker.js'
import { streamsOverJournals } from './streams-over-journals.js'

export type StoreMode = 'write' | 'read'

/** An opened place for data. Every `openX` takes one, or a bare Backend. */
export interface Store extends Closable {
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
  /** `unsupported` where records cannot be kept in order here. */
  streams(): StreamBroker
  /**
   * Must resolve before any write: `denied` in read mode, `denied` with the owner where the backend has one owner and
   * another process or tab is it, `closed` after close.
   */
  writable(operation: string): Promise<void>
  /** Throws `closed` after close. */
  checkOpen(operation: string): void
  /** Closes it with the store; returns how to forget it. */
  onClose(dependent: Closable): () => void
  close(): Promise<void>
}

export interface ContextOptions {
  readonly mode?: StoreMode
  readonly clock?: Clock
}

const contextOfStore = new WeakMap<Store, StoreContext>()
const contextOfBackend = new WeakMap<Backend, StoreContext>()

/** The context behind a store or a bare backend (which gets one on first use, in write mode). */
export function contextOf(source: Store | Backend): StoreContext {
  const ofStore = contextOfStore.get(source as Store)
  if (ofStore !== undefined) return ofStore
  const backend = source as Backend
  if (typeof backend !== 'object' || backend === null || backend.blobs === undefined) {
    throw new StorageError('invalid', 'expected a store from openStore() or a backend from an adapter', { facts: { got: typeof source } })
  }
  let context = contextOfBackend.get(backend)
  if (context === undefined) {
    context = createContext(backend, {})
    contextOfBackend.set(backend, context)
    addDependent(backend, context)
  }
  return context
}

/** Makes the handle that `openStore` gives out. */
export function storeOver(context: StoreContext, close: () => Promise<void>): Store {
  const store: Store = {
    name: context.backend.name,
    mode: context.mode,
    health: () => context.backend.health(),
    close,
  }
  contextOfStore.set(store, context)
  return store
}

export function createContext(backend: Backend, options: ContextOptions): StoreContext {
  return new Context(backend, options)
}

class Context implements StoreContext {
  readonly backend: Backend
  readonly clock: Clock
  readonly mode: StoreMode
  #streams: StreamBroker | undefined
  #lock: Promise<Lock | undefined> | undefined
  #closed = false

  constructor(backend: Backend, options: ContextOptions) {
    this.backend = backend
    this.clock = options.clock ?? systemClock
    this.mode = options.mode ?? 'write'
  }

  streams(): StreamBroker {
    this.#streams ??= this.backend.streams ?? streamsOverJournals(this)
    return this.#streams
  }

  async writable(operation: string): Promise<void> {
    this.checkOpen(operation)
    if (this.mode === 'read') {
      throw new StorageError('denied', 'the store was opened with mode: read', { backend: this.backend.name, operation })
    }
    this.#lock ??= this.#own()
    const lock = await this.#lock.catch((error) => {
      this.#lock = undefined
      throw error
    })
    if (lock?.lost.aborted) {
      throw new StorageError('fenced', 'another owner took the store over', { backend: this.backend.name, operation })
    }
  }

  checkOpen(operation: string): void {
    if (this.#closed) throw new StorageError('closed', 'the store is closed', { backend: this.backend.name, operation })
  }

  onClose(dependent: Closable): () => void {
    return addDependent(this, dependent)
  }

  async close(): Promise<void> {
    if (this.#closed) return
    try {
      await closeDependents(this)
    } finally {
      this.#closed = true
      const lock = await this.#lock?.catch(() => undefined)
      await lock?.release()
    }
  }

  /** Files have one owner; stores of chunks have none. */
  async #own(): Promise<Lock | undefined> {
    const { locks, files, name } = this.backend
    if (files === undefined || locks === undefined) return undefined
    const lock = await locks.acquire('store')
    if (lock !== undefined) return lock
    const owner = await locks.owner('store')
    throw new StorageError('denied', 'the store is in use; open it with mode: read to look beside its owner', {
      backend: name,
      operation: 'openStore',
      facts: { owner },
    })
  }
}
