// Locks with a lease: who holds one renews it, and a process that died or stands still loses it when the lease ends, by the
// server's clock. `held()` asks the server.

import { hostname } from 'node:os'
import { toHex } from '../../core/base/bytes.js'
import { systemClock } from '../../core/base/clock.js'
import { StorageError } from '../../core/base/errors.js'
import { nextWake } from '../../core/base/latch.js'
import type { AcquireOptions, Lock, LockManager } from '../../core/ports/lock-manager.js'
import { type Connection, textOf } from './connection.js'
import { NAME } from './errors.js'
import type { Keys } from './keys.js'
import { ACQUIRE, OWNER, RELEASE, RENEW } from './lock-scripts.js'
import type { RedisSignals } from './signals.js'

const POLL_MS = 1_000

export interface RedisLocksOptions {
  readonly connection: Connection
  readonly keys: Keys
  readonly signals: RedisSignals
  readonly leaseMs: number
  readonly checkOpen: (operation: string) => void
}

export class RedisLocks implements LockManager {
  readonly #options: RedisLocksOptions
  readonly #held = new Set<RedisLock>()
  readonly #closing = new AbortController()

  constructor(options: RedisLocksOptions) {
    this.#options = options
  }

  async acquire(name: string, options: AcquireOptions = {}): Promise<Lock | undefined> {
    const { checkOpen, signals } = this.#options
    options.signal?.throwIfAborted()
    checkOpen('acquire')
    const id = toHex(crypto.getRandomValues(new Uint8Array(16)))
    const ended = AbortSignal.any([this.#closing.signal, ...(options.signal === undefined ? [] : [options.signal])])
    for (;;) {
      const lock = await this.#tryAcquire(name, id, options)
      if (lock !== undefined || options.wait !== true) return this.#keep(lock, ended)
      await nextWake(systemClock, (wake) => signals.listen(topicOf(name), wake), POLL_MS, ended)
      if (ended.aborted) {
        await release(this.#options, name, id)
        throw ended.reason
      }
    }
  }

  async owner(name: string): Promise<string | undefined> {
    const { connection, keys, checkOpen } = this.#options
    checkOpen('owner')
    const { holders, owners } = keys.lock(name)
    const owner = await connection.run(OWNER, [holders, owners], [], 'owner', name)
    return owner === null ? undefined : textOf(owner)
  }

  /** Frees what is held; calls that wait reject with `closed`. */
  async close(): Promise<void> {
    this.#closing.abort(new StorageError('closed', 'the backend was closed', { backend: NAME, operation: 'acquire' }))
    await Promise.allSettled([...this.#held].map((lock) => lock.release()))
  }

  async #tryAcquire(name: string, id: string, { mode = 'exclusive', wait }: AcquireOptions): Promise<RedisLock | undefined> {
    const { connection, keys, leaseMs } = this.#options
    const { holders, owners, waiters } = keys.lock(name)
    const args = [id, mode, leaseMs, `host=${hostname()} pid=${process.pid}`, wait === true ? 1 : 0, keys.channel(topicOf(name))]
    const askedAt = systemClock.now()
    const token = (await connection.run(ACQUIRE, [holders, owners, waiters, keys.lockTokens], args, 'acquire', name)) as number
    if (token === 0) return undefined
    const lock: RedisLock = new RedisLock({ ...this.#options, name, id, token, askedAt, onEnd: () => this.#held.delete(lock) })
    return lock
  }

  /** What was granted while the caller or the backend gave up is given back. */
  async #keep(lock: RedisLock | undefined, ended: AbortSignal): Promise<RedisLock | undefined> {
    if (lock === undefined) return undefined
    this.#held.add(lock)
    if (!ended.aborted) return lock
    await lock.release()
    throw ended.reason
  }
}

interface RedisLockOptions extends RedisLocksOptions {
  readonly name: string
  readonly id: string
  readonly token: number
  /** The lease began later than this. */
  readonly askedAt: number
  readonly onEnd: () => void
}

class RedisLock implements Lock {
  readonly token: number
  readonly #options: RedisLockOptions
  readonly #lost = new AbortController()
  readonly #contended = new AbortController()
  #state: 'held' | 'lost' | 'released' = 'held'
  #leaseEnds: number
  #cancelRenewal: () => void = () => {}
  #stopListening: (() => void) | undefined

  constructor(options: RedisLockOptions) {
    this.token = options.token
    this.#options = options
    this.#leaseEnds = options.askedAt + options.leaseMs
    this.#renewLater()
  }

  get lost(): AbortSignal {
    return this.#lost.signal
  }

  /** Looks for those who wait at the first use, then hears of new ones. */
  get contended(): AbortSignal {
    if (this.#stopListening === undefined && this.#state === 'held') {
      const look = (): void => void this.#ask(0).catch(() => {})
      this.#stopListening = this.#options.signals.listen(topicOf(this.#options.name), look)
      look()
    }
    return this.#contended.signal
  }

  async held(): Promise<boolean> {
    return this.#state === 'held' && (await this.#ask(0))
  }

  async release(): Promise<void> {
    if (this.#state !== 'held') return
    this.#end('released')
    await release(this.#options, this.#options.name, this.#options.id)
  }

  /** Whether it is held, said by the server; a lease above 0 begins anew. */
  async #ask(leaseMs: number): Promise<boolean> {
    const { connection, keys, name, id } = this.#options
    const { holders, owners, waiters } = keys.lock(name)
    const askedAt = systemClock.now()
    const [isHeld, waiting] = (await connection.run(RENEW, [holders, owners, waiters], [id, leaseMs], 'held', name)) as [number, number]
    if (isHeld !== 1) this.#lose()
    else if (leaseMs > 0) this.#leaseEnds = askedAt + leaseMs
    if (waiting > 0) this.#contended.abort()
    return isHeld === 1
  }

  #renewLater(): void {
    const { leaseMs } = this.#options
    this.#cancelRenewal = systemClock.after(leaseMs / 3, () => void this.#renew())
  }

  /** A server that does not answer takes the lock too, when the lease ends. */
  async #renew(): Promise<void> {
    await this.#ask(this.#options.leaseMs).catch(() => {
      if (systemClock.now() >= this.#leaseEnds) this.#lose()
    })
    if (this.#state === 'held') this.#renewLater()
  }

  #lose(): void {
    if (this.#state !== 'held') return
    this.#end('lost')
    this.#lost.abort(new StorageError('fenced', 'the lease of a lock ended', { backend: NAME, operation: 'lock', key: this.#options.name }))
  }

  #end(state: 'lost' | 'released'): void {
    this.#state = state
    this.#cancelRenewal()
    this.#stopListening?.()
    this.#options.onEnd()
  }
}

async function release({ connection, keys }: RedisLocksOptions, name: string, id: string): Promise<void> {
  const { holders, owners, waiters } = keys.lock(name)
  await connection.run(RELEASE, [holders, owners, waiters], [id, keys.channel(topicOf(name))], 'release', name)
}

function topicOf(name: string): string {
  return `lock/${name}`
}
