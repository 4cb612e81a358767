// Makes any backend fail on purpose: the n-th operation fails, loses its answer, waits, or reads wrong bytes.

import { Closing } from '../core/base/closing.js'
import { StorageError, type StorageErrorCode } from '../core/base/errors.js'
import type { Backend } from '../core/ports/backend.js'
import type { BlobStore, StoredBlob } from '../core/ports/blob-store.js'
import type { AppendFile, FileStore } from '../core/ports/file-store.js'
import type { LockManager } from '../core/ports/lock-manager.js'
import { SimulatedFile } from './fault-backend.js'

export type FaultyOperation =
  | 'blobs.get'
  | 'blobs.put'
  | 'blobs.delete'
  | 'blobs.list'
  | 'blobs.batch'
  | 'files.open'
  | 'files.delete'
  | 'files.list'
  | 'file.append'
  | 'file.sync'
  | 'file.read'
  | 'locks.acquire'

export interface FaultRule {
  /** Which operations count; default all. */
  readonly on?: FaultyOperation | readonly FaultyOperation[]
  /** Only those whose key, path or lock name holds this text. */
  readonly key?: string
  /** The n-th of them, from 1; with `always` that one and all later ones. */
  readonly n: number
  readonly always?: boolean
  /**
   * `fail`: nothing is done, the error is thrown. `lose`: it is done, and `unavailable` is thrown. `delay`: it is done
   * once `until` resolves. `flip`: a read has one bit changed. `short`: a read gives fewer bytes; an append stores
   * only the first `bytes` and then fails.
   */
  readonly effect: 'fail' | 'lose' | 'delay' | 'flip' | 'short'
  /** Code of the error; default `unavailable`, for `short` on an append `quota`. */
  readonly code?: StorageErrorCode
  /** Makes the error itself, as an adapter would; then `code` has no meaning. */
  readonly error?: (operation: FaultyOperation, key: string) => unknown
  readonly until?: PromiseLike<unknown>
  /** Which bit of what was read is flipped, modulo its length; default 0. */
  readonly bit?: number
  /** How many bytes a `short` leaves; default half of them. */
  readonly bytes?: number
}

export interface FaultyBackend extends Backend {
  /** Operations so far, in order. */
  readonly operations: readonly { readonly operation: FaultyOperation; readonly key: string }[]
  /** How often a rule struck. */
  readonly struck: number
  /** Another backend under the same rules, which go on counting: what a restarted program opens. */
  over(backend: Backend): FaultyBackend
  /** No rule strikes any more. */
  heal(): void
}

/** `backend` with the rules on top; of several that match the first one strikes. Closing it closes `backend`. */
export function faulty(backend: Backend, rules: readonly FaultRule[]): FaultyBackend {
  return wrap(backend, new Faults(backend.name, rules))
}

function wrap(backend: Backend, faults: Faults): FaultyBackend {
  const closing = new Closing(backend.name)
  const wrapped: FaultyBackend = {
    name: backend.name,
    blobs: faultyBlobs(backend.blobs, faults),
    files: backend.files === undefined ? undefined : faultyFiles(backend.files, faults),
    locks: backend.locks === undefined ? undefined : faultyLocks(backend.locks, faults),
    signals: backend.signals,
    streams: backend.streams,
    sql: backend.sql,
    requestScoped: backend.requestScoped,
    health: () => backend.health(),
    close: () => closing.close(wrapped, () => backend.close()),
    get operations() {
      return faults.operations
    },
    get struck() {
      return faults.struck
    },
    over: (another) => wrap(another, faults),
    heal() {
      faults.isHealed = true
    },
  }
  return wrapped
}

class Faults {
  readonly operations: { operation: FaultyOperation; key: string }[] = []
  struck = 0
  isHealed = false
  readonly #backend: string
  readonly #rules: readonly { readonly rule: FaultRule; seen: number }[]

  constructor(backend: string, rules: readonly FaultRule[]) {
    this.#backend = backend
    this.#rules = rules.map((rule) => ({ rule, seen: 0 }))
  }

  /** Counts the operation and says which rule strikes it. */
  meet(operation: FaultyOperation, key: string): FaultRule | undefined {
    this.operations.push({ operation, key })
    if (this.isHealed) return undefined
    let striking: FaultRule | undefined
    for (const counted of this.#rules) {
      if (!matches(counted.rule, operation, key)) continue
      counted.seen++
      if (counted.seen === counted.rule.n || (counted.rule.always && counted.seen > counted.rule.n)) striking ??= counted.rule
    }
    if (striking !== undefined) this.struck++
    return striking
  }

  error(rule: FaultRule, operation: FaultyOperation, key: string, code?: StorageErrorCode): unknown {
    if (rule.error !== undefined) return rule.error(operation, key)
    const facts = { fault: rule.effect, operation }
    return new StorageError(code ?? rule.code ?? 'unavailable', 'a fault on purpose', { backend: this.#backend, operation, key, facts })
  }

  async run<T>(operation: FaultyOperation, key: string, task: () => Promise<T>): Promise<T> {
    return this.strike(this.meet(operation, key), operation, key, task)
  }

  async strike<T>(rule: FaultRule | undefined, operation: FaultyOperation, key: string, task: () => Promise<T>): Promise<T> {
    if (rule?.effect === 'fail') throw this.error(rule, operation, key)
    if (rule?.effect === 'delay') await rule.until
    const result = await task()
    if (rule?.effect === 'lose') throw this.error(rule, operation, key, 'unavailable')
    return result
  }
}

function matches(rule: FaultRule, operation: FaultyOperation, key: string): boolean {
  if (rule.key !== undefined && !key.includes(rule.key)) return false
  return rule.on === undefined || rule.on === operation || (typeof rule.on !== 'string' && rule.on.includes(operation))
}

/** What a read gives under `flip` and `short`. */
function spoil(bytes: Uint8Array, rule: FaultRule | undefined): Uint8Array {
  if (rule?.effect === 'short') return bytes.slice(0, Math.min(bytes.length, rule.bytes ?? bytes.length >> 1))
  if (rule?.effect !== 'flip' || bytes.length === 0) return bytes
  const flipped = bytes.slice()
  const bit = (rule.bit ?? 0) % (8 * bytes.length)
  flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7))
  return flipped
}

function faultyBlobs(blobs: BlobStore, faults: Faults): BlobStore {
  const wrapped: BlobStore = {
    traits: blobs.traits,
    async get(key, options) {
      const rule = faults.meet('blobs.get', key)
      const blob = await faults.strike(rule, 'blobs.get', key, () => blobs.get(key, options))
      return blob === undefined ? undefined : ({ ...blob, data: spoil(blob.data, rule) } satisfies StoredBlob)
    },
    put: (key, bytes, options) => faults.run('blobs.put', key, () => blobs.put(key, bytes, options)),
    delete: (keys, options) => faults.run('blobs.delete', keys.join(' '), () => blobs.delete(keys, options)),
    async *list(options) {
      const rule = faults.meet('blobs.list', options?.prefix ?? '')
      await faults.strike(rule, 'blobs.list', options?.prefix ?? '', async () => undefined)
      yield* blobs.list(options)
    },
  }
  const { batch } = blobs
  if (batch === undefined) return wrapped
  return {
    ...wrapped,
    batch: (writes, options) =>
      faults.run('blobs.batch', writes.map((write) => write.key).join(' '), () => batch.call(blobs, writes, options)),
  }
}

function faultyFiles(files: FileStore, faults: Faults): FileStore {
  return {
    bootId: () => files.bootId(),
    open: (path, options) => faults.run('files.open', path, async () => faultyFile(await files.open(path, options), path, faults)),
    delete: (path) => faults.run('files.delete', path, () => files.delete(path)),
    async *list(prefix) {
      await faults.run('files.list', prefix, async () => undefined)
      yield* files.list(prefix)
    },
  }
}

function faultyFile(file: AppendFile, path: string, faults: Faults): AppendFile {
  return {
    get size() {
      return file.size
    },
    async append(bytes) {
      const rule = faults.meet('file.append', path)
      if (rule?.effect !== 'short') return faults.strike(rule, 'file.append', path, () => file.append(bytes))
      await file.append(bytes.slice(0, rule.bytes ?? bytes.length >> 1))
      throw faults.error(rule, 'file.append', path, rule.code ?? 'quota')
    },
    async sync(durability) {
      const rule = faults.meet('file.sync', path)
      if (rule?.effect === 'fail' && file instanceof SimulatedFile) file.spoil()
      return faults.strike(rule, 'file.sync', path, () => file.sync(durability))
    },
    async read(range, memory) {
      const rule = faults.meet('file.read', path)
      return spoil(await faults.strike(rule, 'file.read', path, () => file.read(range, memory)), rule)
    },
    close: () => file.close(),
  }
}

function faultyLocks(locks: LockManager, faults: Faults): LockManager {
  return {
    acquire: (name, options) => faults.run('locks.acquire', name, () => locks.acquire(name, options)),
    owner: (name) => locks.owner(name),
  }
}
