// Web Locks as a LockManager. The browser frees a lock when its tab or worker ends, so a lock can be held but never stale;
// nobody can take it away short of `steal`, which rejects the holder's request.

import { StorageError } from '../../core/base/errors.js'
import type { AcquireOptions, Lock, LockManager } from '../../core/ports/lock-manager.js'
import type { SignalBus } from '../../core/ports/signal-bus.js'
import { nextToken, passToken } from './tokens.js'

export interface WebLocksOptions {
  /** For errors: `indexeddb`. */
  readonly backend: string
  /** Stands before every name, so that stores do not share locks. */
  readonly prefix: string
  /** Carries the wish of a waiter to the holder. */
  readonly signals: SignalBus
  /**
   * A worker that ends frees its locks a moment later than its page is gone. Where a lock is held for long, so that a reloaded
   * page must not be refused because of its own past, a call that does not wait asks again for this long.
   */
  readonly graceMs?: number
  /** Throws `closed` when the backend is. */
  readonly checkOpen: (operation: string) => void
}

/** Full names that this page or worker holds: no past life of it does. */
const heldHere = new Set<string>()

/** A LockManager over `navigator.locks`, shared by all tabs and workers of the origin. */
export class WebLocks implements LockManager {
  readonly #options: WebLocksOptions
  readonly #held = new Set<WebLock>()
  readonly #closing = new AbortController()

  constructor(options: WebLocksOptions) {
    this.#options = options
  }

  async acquire(name: string, options: AcquireOptions = {}): Promise<Lock | undefined> {
    options.signal?.throwIfAborted()
    this.#options.checkOpen('acquire')
    const mode = options.mode ?? 'exclusive'
    const free = await this.#request(name, { mode, ifAvailable: true })
    if (free !== undefined) return free
    return options.wait === true ? this.#wait(name, mode, options.signal) : this.#waitForEndingOwner(name, mode)
  }

  async owner(name: string): Promise<string | undefined> {
    this.#options.checkOpen('owner')
    const fullName = this.#options.prefix + name
    if (heldHere.has(fullName)) return 'this tab or worker'
    const { held = [] } = await navigator.locks.query()
    const holder = held.find((info) => info.name === fullName)
    return holder === undefined ? undefined : `another tab or worker of this origin, client=${holder.clientId}`
  }

  /** Frees what is still held; calls that wait reject with `closed`. */
  async close(): Promise<void> {
    this.#closing.abort(new StorageError('closed', 'the backend was closed', { backend: this.#options.backend, operation: 'acquire' }))
    for (const lock of [...this.#held]) await lock.release()
  }

  async #wait(name: string, mode: LockMode, signal: AbortSignal | undefined): Promise<WebLock | undefined> {
    const ended = new AbortController()
    const stop = [this.#closing.signal, signal].map((source) => follow(source, ended))
    try {
      const waiting = this.#request(name, { mode, signal: ended.signal })
      this.#options.signals.send(contentionTopic(name))
      return await waiting
    } finally {
      for (const unfollow of stop) unfollow()
    }
  }

  async #waitForEndingOwner(name: string, mode: LockMode): Promise<WebLock | undefined> {
    const { graceMs } = this.#options
    if (graceMs === undefined || heldHere.has(this.#options.prefix + name)) return undefined
    const patience = AbortSignal.timeout(graceMs)
    try {
      return await this.#request(name, { mode, signal: patience })
    } catch (error) {
      if (patience.aborted) return undefined
      throw error
    }
  }

  #request(name: string, options: LockOptions): Promise<WebLock | undefined> {
    return new Promise((resolve, reject) => {
      let granted: WebLock | undefined
      const onGrant = (native: unknown): Promise<void> | undefined => {
        if (native === null) return void resolve(undefined)
        granted = new WebLock(name, this.#options, (lock) => this.#forget(lock))
        this.#held.add(granted)
        heldHere.add(this.#options.prefix + name)
        resolve(granted)
        return granted.released
      }
      // The promise of a request rejects when waiting for it was aborted, or when a lock that was held is stolen.
      const onEnd = (cause: unknown): void => {
        if (granted !== undefined) granted.lose()
        else reject(this.#refusal(name, options, cause))
      }
      navigator.locks.request(this.#options.prefix + name, options, onGrant).then(() => granted?.freed(), onEnd)
    })
  }

  #forget(lock: WebLock): void {
    this.#held.delete(lock)
    heldHere.delete(this.#options.prefix + lock.name)
  }

  #refusal(name: string, options: LockOptions, cause: unknown): unknown {
    if (options.signal?.aborted) return options.signal.reason
    return new StorageError('unavailable', 'the browser refused a lock', {
      backend: this.#options.backend,
      operation: 'lock',
      key: name,
      cause,
    })
  }
}

class WebLock implements Lock {
  readonly name: string
  readonly token: number
  readonly released: Promise<void>
  readonly #options: WebLocksOptions
  readonly #lost = new AbortController()
  readonly #contended = new AbortController()
  readonly #forget: (lock: WebLock) => void
  #state: 'held' | 'lost' | 'released' = 'held'
  #letGo: () => void = () => {}
  #onFreed: () => void = () => {}
  readonly #gone = new Promise<void>((resolve) => {
    this.#onFreed = resolve
  })
  #stopListening: (() => void) | undefined

  constructor(name: string, options: WebLocksOptions, forget: (lock: WebLock) => void) {
    this.name = name
    this.token = nextToken(options.prefix + name)
    this.released = new Promise((resolve) => {
      this.#letGo = resolve
    })
    this.#options = options
    this.#forget = forget
  }

  get lost(): AbortSignal {
    return this.#lost.signal
  }

  /** Looks for waiters at the first use, then hears of new ones. */
  get contended(): AbortSignal {
    if (this.#stopListening === undefined && this.#state === 'held') {
      this.#stopListening = this.#options.signals.listen(contentionTopic(this.name), () => this.#contended.abort())
      void this.#lookForWaiters()
    }
    return this.#contended.signal
  }

  /** The browser is the medium: it takes the lock from a living context only by telling it, see `lose`. */
  held(): boolean {
    return this.#state === 'held'
  }

  lose(): void {
    if (this.#state !== 'held') return
    this.#end('lost')
    this.#lost.abort()
  }

  async release(): Promise<void> {
    if (this.#state !== 'held') return
    this.#end('released')
    passToken(this.token)
    this.#letGo()
    await this.#gone
  }

  /** The browser has taken it back. */
  freed(): void {
    this.#onFreed()
  }

  #end(state: 'lost' | 'released'): void {
    this.#state = state
    this.#stopListening?.()
    this.#forget(this)
  }

  async #lookForWaiters(): Promise<void> {
    const fullName = this.#options.prefix + this.name
    const state = await navigator.locks.query().catch(() => undefined)
    if (state?.pending?.some((info) => info.name === fullName) && this.#state === 'held') this.#contended.abort()
  }
}

function contentionTopic(name: string): string {
  return `lock/${name}`
}

/** Aborts `target` when the source does; returns how to stop that. */
function follow(source: AbortSignal | undefined, target: AbortController): () => void {
  const onAbort = (): void => target.abort(source?.reason)
  if (source?.aborted) onAbort()
  source?.addEventListener('abort', onAbort, { once: true })
  return () => source?.removeEventListener('abort', onAbort)
}
