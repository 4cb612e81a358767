// What features stand on: a store handle, or any backend as it is. Answers which ports there are, builds the
// missing ones from those, and refuses with `unsupported` and a way out where that cannot be.

import { asyncDispose } from '../base/async-dispose.js'
import { type Clock, systemClock } from '../base/clock.js'
import { addDependent, closeDependents } from '../base/dependents.js'
import { StorageError } from '../base/errors.js'
import type { Backend } from '../ports/backend.js'
import type { Lock } from '../ports/lock-manager.js'
import type { Closable } from '../ports/options.js'
import { retrying } from './retrying.js'
import type { Store, StoreContext, StoreMode } from './store-context.js'

export type { Store, StoreContext, StoreMode } from './store-context.js'

export interface ContextOptions {
  readonly mode?: StoreMode
  readonly clock?: Clock
}

const contextOfStore = new WeakMap<Store, StoreContext>()
const contextOfBackend = new WeakMap<Backend, Context>()

/** The context behind a store or a bare backend (which gets one on first use, in write mode, and another when that was closed). */
export function contextOf(source: Store | Backend): StoreContext {
  const ofStore = contextOfStore.get(source as Store)
  if (ofStore !== undefined) return ofStore
  const backend = source as Backend
  if (typeof backend !== 'object' || backend === null || backend.blobs === undefined) {
    throw new StorageError('invalid', 'expected a store from openStore() or a backend from an adapter', { facts: { got: typeof source } })
  }
  const current = contextOfBackend.get(backend)
  if (current !== undefined && !current.isEnding) return current
  const context = createContext(backend, {})
  contextOfBackend.set(backend, context)
  return context
}

/** Makes the handle that `openStore` gives out. */
export function storeOver(context: StoreContext, close: () => Promise<void>): Store {
  const store: Store = {
    name: context.backend.name,
    mode: context.mode,
    health: () => context.backend.health(),
    close,
    [asyncDispose]: close,
  }
  contextOfStore.set(store, context)
  return store
}

/** A context of its own, which ends with the backend at the latest. */
export function createContext(backend: Backend, options: ContextOptions): Context {
  const context = new Context(backend, options, () => forget())
  const forget = addDependent(backend, context)
  return context
}

class Context implements StoreContext {
  readonly backend: Backend
  readonly clock: Clock
  readonly mode: StoreMode
  #lock: Promise<Lock | undefined> | undefined
  #held: Lock | undefined
  /** Where there is no lock to take, with none. */
  #isOwner = false
  readonly #forget: () => void
  #ending = false
  #closed = false

  constructor(backend: Backend, options: ContextOptions, forget: () => void) {
    this.#forget = forget
    this.clock = options.clock ?? systemClock
    this.backend = retrying(backend, this.clock)
    this.mode = options.mode ?? 'write'
  }

  /** True from the begin of its closing on. */
  get isEnding(): boolean {
    return this.#ending
  }

  writable(operation: string): undefined | Promise<void> {
    this.checkOpen(operation)
    if (this.mode === 'read') {
      throw new StorageError('denied', 'the store was opened with mode: read', { backend: this.backend.name, operation })
    }
    if (!this.#isOwner) return this.#becomeOwner(operation)
    if (this.#held?.lost.aborted) throw this.#fenced(operation)
    return undefined
  }

  async #becomeOwner(operation: string): Promise<void> {
    this.#lock ??= this.#ownPlain(operation)
    this.#held = await this.#lock.catch((error) => {
      this.#lock = undefined
      throw error
    })
    if (this.#held?.lost.aborted) throw this.#fenced(operation)
    this.#isOwner = true
  }

  /** What cannot be written is not held: the next who asks is not to be told that it is in use. */
  async #ownPlain(operation: string): Promise<Lock | undefined> {
    const lock = await this.#own()
    try {
      await this.#checkPlain(operation)
      return lock
    } catch (error) {
      await lock?.release()
      throw error
    }
  }

  /** What would be written plainly into an encrypted store nobody could read there; its own keyring `encrypted` does not show. */
  async #checkPlain(operation: string): Promise<void> {
    const keyring = await this.backend.blobs.get('keyring', { range: { start: 0, end: 0 } })
    if (keyring === undefined) return
    throw new StorageError('denied', 'the store is encrypted: open it with encrypted(backend, secret)', {
      backend: this.backend.name,
      operation,
    })
  }

  checkFence(): void | Promise<void> {
    const held = this.#held?.held() ?? true
    if (held === true) return
    if (held === false) throw this.#fenced('append')
    return held.then((isHeld) => {
      if (!isHeld) throw this.#fenced('append')
    })
  }

  checkOpen(operation: string): void {
    if (this.#closed) throw new StorageError('closed', 'the store is closed', { backend: this.backend.name, operation })
  }

  onClose(dependent: Closable): () => void {
    return addDependent(this, dependent)
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#ending = true
    this.#forget()
    try {
      await closeDependents(this)
    } finally {
      this.#closed = true
      const lock = await this.#lock?.catch(() => undefined)
      await lock?.release()
    }
  }

  #fenced(operation: string): StorageError {
    return new StorageError('fenced', 'another owner took the store over', { backend: this.backend.name, operation })
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
