// Locks between the users of one process: what the memory backend has, and what backends that keep other
// processes out by one lock for the whole store put on top of it.

import { StorageError } from '../base/errors.js'
import type { AcquireOptions, Lock, LockManager } from '../ports/lock-manager.js'

interface Waiter {
  readonly mode: 'exclusive' | 'shared'
  readonly grant: (lock: LocalLock) => void
  readonly user: object
  readonly refuse: (reason: unknown) => void
}

interface Named {
  readonly holders: Set<LocalLock>
  readonly waiters: Waiter[]
}

/** One table is one room: locks of one name exclude each other in it, first come first served. */
export class LocalLockTable {
  readonly #names = new Map<string, Named>()
  #token: number

  /** Tokens begin above `lastToken`. */
  constructor(lastToken = 0) {
    this.#token = lastToken
  }

  get lastToken(): number {
    return this.#token
  }

  /** `user` is who asks: `release(user)` lets go of all that it holds or waits for. */
  acquire(user: object, name: string, options: AcquireOptions = {}): Promise<LocalLock | undefined> {
    if (options.signal?.aborted) return Promise.reject(options.signal.reason)
    const mode = options.mode ?? 'exclusive'
    const named = this.#names.get(name) ?? { holders: new Set(), waiters: [] }
    this.#names.set(name, named)
    if (named.waiters.length === 0 && isFree(named, mode)) return Promise.resolve(this.#grant(name, named, mode, user))
    if (options.wait !== true) return Promise.resolve(undefined)
    return this.#wait(name, named, { mode, user, signal: options.signal })
  }

  isHeld(name: string): boolean {
    return (this.#names.get(name)?.holders.size ?? 0) > 0
  }

  /** Takes the lock from its holders, who learn it through `held()`, and through `lost` when there is a reason. */
  steal(name: string, reason: unknown): void {
    const named = this.#names.get(name)
    for (const holder of [...(named?.holders ?? [])]) holder.lose(reason)
  }

  /** Everything of this user: held locks are released, waiting calls reject with `reason`. */
  release(user: object, reason: unknown): void {
    for (const named of [...this.#names.values()]) {
      for (const waiter of named.waiters.filter((one) => one.user === user)) waiter.refuse(reason)
      for (const holder of [...named.holders]) if (holder.user === user) holder.end()
    }
  }

  /** Takes every lock from every holder. */
  loseAll(reason: unknown): void {
    for (const name of [...this.#names.keys()]) this.steal(name, reason)
  }

  #grant(name: string, named: Named, mode: 'exclusive' | 'shared', user: object): LocalLock {
    const lock: LocalLock = new LocalLock(++this.#token, mode, user, () => this.#drop(name, named, lock))
    named.holders.add(lock)
    return lock
  }

  #wait(
    name: string,
    named: Named,
    ask: { mode: 'exclusive' | 'shared'; user: object; signal: AbortSignal | undefined },
  ): Promise<LocalLock> {
    return new Promise((resolve, reject) => {
      const onAbort = (): void => waiter.refuse(ask.signal?.reason)
      const waiter: Waiter = {
        mode: ask.mode,
        user: ask.user,
        grant: (lock) => {
          ask.signal?.removeEventListener('abort', onAbort)
          resolve(lock)
        },
        refuse: (reason) => {
          ask.signal?.removeEventListener('abort', onAbort)
          named.waiters.splice(named.waiters.indexOf(waiter), 1)
          this.#promote(name, named)
          reject(reason)
        },
      }
      named.waiters.push(waiter)
      ask.signal?.addEventListener('abort', onAbort, { once: true })
      for (const holder of named.holders) holder.contend()
    })
  }

  #drop(name: string, named: Named, lock: LocalLock): void {
    if (named.holders.delete(lock)) this.#promote(name, named)
  }

  #promote(name: string, named: Named): void {
    for (let next = named.waiters[0]; next !== undefined && isFree(named, next.mode); next = named.waiters[0]) {
      named.waiters.shift()
      const lock = this.#grant(name, named, next.mode, next.user)
      if (named.waiters.length > 0) lock.contend()
      next.grant(lock)
    }
    if (named.holders.size === 0 && named.waiters.length === 0 && this.#names.get(name) === named) this.#names.delete(name)
  }
}

function isFree(named: Named, mode: 'exclusive' | 'shared'): boolean {
  if (named.holders.size === 0) return true
  return mode === 'shared' && [...named.holders].every((holder) => holder.mode === 'shared')
}

export class LocalLock implements Lock {
  readonly token: number
  readonly mode: 'exclusive' | 'shared'
  readonly user: object
  readonly #lost = new AbortController()
  readonly #contended = new AbortController()
  readonly #drop: () => void
  #held = true

  constructor(token: number, mode: 'exclusive' | 'shared', user: object, drop: () => void) {
    this.token = token
    this.mode = mode
    this.user = user
    this.#drop = () => {
      this.#held = false
      drop()
    }
  }

  get lost(): AbortSignal {
    return this.#lost.signal
  }

  get contended(): AbortSignal {
    return this.#contended.signal
  }

  held(): boolean {
    return this.#held
  }

  async release(): Promise<void> {
    this.end()
  }

  end(): void {
    if (this.#held) this.#drop()
  }

  lose(reason: unknown): void {
    if (!this.#held) return
    this.#drop()
    if (reason !== undefined) this.#lost.abort(reason)
  }

  contend(): void {
    this.#contended.abort()
  }
}

/** The port over a table, for one backend object. `checkOpen` throws `closed`. */
export function localLocks(table: LocalLockTable, user: object, checkOpen: (operation: string) => void): LockManager {
  return {
    async acquire(name, options) {
      checkOpen('acquire')
      return table.acquire(user, name, options)
    },
    async owner(name) {
      checkOpen('owner')
      return table.isHeld(name) ? 'this process' : undefined
    },
  }
}

/** Why a waiting call ends when its backend is closed. */
export function closedWhileWaiting(backend: string): StorageError {
  return new StorageError('closed', 'the backend was closed', { backend, operation: 'acquire' })
}
