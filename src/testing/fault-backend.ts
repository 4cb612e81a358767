// A backend over the simulated disk: as strict as a real one about what is synced, and able to lose the rest.

import { Closing } from '../core/base/closing.js'
import { StorageError } from '../core/base/errors.js'
import { closedWhileWaiting, LocalLockTable, localLocks } from '../core/derived/local-locks.js'
import { localSignals } from '../core/derived/local-signals.js'
import type { Backend, StorageHealth } from '../core/ports/backend.js'
import type {
  BlobInfo,
  BlobStore,
  BlobTraits,
  BlobWrite,
  ListOptions,
  PutCondition,
  PutOptions,
  StoredBlob,
} from '../core/ports/blob-store.js'
import type { AppendFile, FileStore, OpenFileOptions } from '../core/ports/file-store.js'
import type { AcquireOptions, Lock, LockManager } from '../core/ports/lock-manager.js'
import type { ByteRange, Cancellable, WriteDurability, WriteOptions } from '../core/ports/options.js'
import type { SignalBus } from '../core/ports/signal-bus.js'
import {
  applyOperation,
  type BlobChange,
  currentBlob,
  currentFile,
  type DiskImage,
  type DiskOperation,
  EMPTY_IMAGE,
  type FileImage,
  type Recording,
  type RelaxedLoss,
} from './simulated-disk.js'

const NAME = 'simulated'

export interface FaultBackendOptions {
  /** False leaves the `files` port out: a store of blobs only, like an object store. Default true. */
  readonly files?: boolean
  /** What a put without `durability` means. Default `strict`. */
  readonly defaultDurability?: WriteDurability
  /**
   * What a power failure may take of relaxed puts. `any` (the default): any of them. `suffix`: all from some put on, as of a
   * platform with one write-ahead log for all (IndexedDB on LevelDB or SQLite); a strict put then keeps all before it.
   */
  readonly relaxedLoss?: RelaxedLoss
  /** Bytes that fit; a write over it stores what fits and fails with `quota`. Default: no limit. */
  readonly capacityBytes?: number
  readonly maxBlobBytes?: number
  /** A mutant for testing the tests: syncs and strict puts say yes and do nothing. */
  readonly syncIsNoop?: boolean
  /** A mutant: `held()` stays true for a lock that was taken away. */
  readonly fenceIsNoop?: boolean
  /** Where to begin; default empty. */
  readonly image?: DiskImage
  /** Identity of the simulated system since its boot. Default `boot-1`. */
  readonly bootId?: string
  /** Tokens of locks begin above this one. Default 0. */
  readonly lastLockToken?: number
}

/** A simulated backend: blobs, files, locks and signals in memory, every change recorded. */
export interface FaultBackend extends Backend {
  readonly blobs: BlobStore
  readonly locks: LockManager
  readonly recording: Recording
  /** Another backend object over the same disk and the same locks, as another process would have it. */
  another(): FaultBackend
  /** Takes a lock from its holder as a successor would: `held()` is false from now on. `silent` leaves `lost` alone, as for a process that was stopped. */
  stealLock(name: string, options?: { readonly silent?: boolean }): void
}

export function faultBackend(options: FaultBackendOptions = {}): FaultBackend {
  return new SimulatedBackend(new Disk(options))
}

class Disk {
  readonly options: FaultBackendOptions
  readonly locks: LocalLockTable
  readonly signals = localSignals()
  readonly initial: DiskImage
  readonly operations: DiskOperation[] = []
  readonly bootId: string
  readonly relaxedLoss: RelaxedLoss
  image: DiskImage
  #version: number

  constructor(options: FaultBackendOptions) {
    this.options = options
    this.initial = options.image ?? EMPTY_IMAGE
    this.image = this.initial
    this.bootId = options.bootId ?? 'boot-1'
    this.relaxedLoss = options.relaxedLoss ?? 'any'
    this.locks = new LocalLockTable(options.lastLockToken ?? 0)
    this.#version = greatestVersion(this.initial)
  }

  /** Also the number of the next write. */
  get sequence(): number {
    return this.operations.length
  }

  apply(operation: DiskOperation): void {
    this.operations.push(operation)
    this.image = applyOperation(this.image, operation)
  }

  nextVersion(): string {
    return String(++this.#version)
  }

  /** How many of the bytes fit. */
  room(bytes: number): number {
    const { capacityBytes } = this.options
    if (capacityBytes === undefined) return bytes
    return Math.max(0, Math.min(bytes, capacityBytes - usedBytes(this.image)))
  }
}

function greatestVersion(image: DiskImage): number {
  let greatest = 0
  for (const key of image.blobs.values()) greatest = Math.max(greatest, Number(currentBlob(key)?.version ?? 0))
  return greatest
}

function usedBytes(image: DiskImage): number {
  let bytes = 0
  for (const file of image.files.values())
    bytes += file.writes.reduce((end, write) => Math.max(end, write.at + write.bytes.length), file.synced.length)
  for (const key of image.blobs.values()) bytes += currentBlob(key)?.bytes.length ?? 0
  return bytes
}

function error(
  code: 'quota' | 'conflict' | 'missing' | 'denied' | 'closed' | 'invalid',
  message: string,
  operation: string,
  key?: string,
): StorageError {
  return new StorageError(code, message, { backend: NAME, operation, key })
}

class SimulatedBackend implements FaultBackend {
  readonly name = NAME
  readonly blobs: BlobStore
  readonly files: FileStore | undefined
  readonly locks: LockManager
  readonly signals: SignalBus
  readonly #closing = new Closing(NAME)
  readonly #disk: Disk

  constructor(disk: Disk) {
    const { checkOpen } = this.#closing
    this.#disk = disk
    this.blobs = new SimulatedBlobs(disk, checkOpen)
    this.files = disk.options.files === false ? undefined : new SimulatedFiles(disk, checkOpen)
    this.locks = disk.options.fenceIsNoop ? withoutFence(localLocks(disk.locks, this, checkOpen)) : localLocks(disk.locks, this, checkOpen)
    this.signals = disk.signals
  }

  get recording(): Recording {
    const { initial, operations, bootId, locks, relaxedLoss } = this.#disk
    return { initial, operations, bootId, lastLockToken: locks.lastToken, relaxedLoss }
  }

  another(): FaultBackend {
    return new SimulatedBackend(this.#disk)
  }

  stealLock(name: string, options: { readonly silent?: boolean } = {}): void {
    this.#disk.locks.steal(name, options.silent ? undefined : error('denied', 'the lock was taken by another holder', 'lock', name))
  }

  async health(): Promise<StorageHealth> {
    this.#closing.checkOpen('health')
    return {
      backend: NAME,
      location: 'this process',
      chosen: 'faultBackend() was passed in',
      ephemeral: true,
      durability: this.blobs.traits.durable,
      quotaBytes: this.#disk.options.capacityBytes,
      usedBytes: usedBytes(this.#disk.image),
      wipeGuard: 'none',
      warnings: ['a simulation for tests'],
    }
  }

  close(): Promise<void> {
    return this.#closing.close(this, () => this.#disk.locks.release(this, closedWhileWaiting(NAME)))
  }
}

function withoutFence(locks: LockManager): LockManager {
  return {
    owner: (name) => locks.owner(name),
    async acquire(name: string, options?: AcquireOptions): Promise<Lock | undefined> {
      const lock = await locks.acquire(name, options)
      if (lock === undefined) return undefined
      const never = new AbortController().signal
      return { token: lock.token, lost: never, contended: lock.contended, held: () => true, release: () => lock.release() }
    },
  }
}

class SimulatedBlobs implements BlobStore {
  readonly traits: BlobTraits
  readonly #disk: Disk
  readonly #checkOpen: (operation: string) => void

  constructor(disk: Disk, checkOpen: (operation: string) => void) {
    this.#disk = disk
    this.#checkOpen = checkOpen
    this.traits = {
      conditionalPut: true,
      consistency: 'strong',
      durable: disk.options.defaultDurability === 'relaxed' ? 'os' : 'disk',
      maxBlobBytes: disk.options.maxBlobBytes ?? 2 ** 30,
      maxKeyBytes: 4096,
    }
  }

  async get(key: string, options: { readonly range?: ByteRange; readonly signal?: AbortSignal } = {}): Promise<StoredBlob | undefined> {
    await this.#begin('get', options)
    const blob = currentBlob(this.#disk.image.blobs.get(key))
    if (blob === undefined) return undefined
    const { start, end } = options.range ?? { start: 0, end: blob.bytes.length }
    return { key, bytes: blob.bytes.length, version: blob.version, data: blob.bytes.slice(start, Math.max(start, end)) }
  }

  async put(key: string, bytes: Uint8Array, options: PutOptions = {}): Promise<BlobInfo> {
    await this.#begin('put', options)
    if (bytes.length > this.traits.maxBlobBytes) throw error('invalid', 'the blob is too large', 'put', key)
    this.#checkCondition(key, options.when, 'put')
    this.#checkRoom(key, bytes.length, 'put')
    const blob = { bytes: bytes.slice(), version: this.#disk.nextVersion() }
    this.#change([{ key, blob }], options)
    return { key, bytes: bytes.length, version: blob.version }
  }

  async delete(keys: readonly string[], options: Cancellable = {}): Promise<void> {
    await this.#begin('delete', options)
    const there = keys.filter((key) => this.#versionOf(key) !== undefined)
    if (there.length > 0)
      this.#change(
        there.map((key) => ({ key, blob: undefined })),
        options,
      )
  }

  async *list(options: ListOptions = {}): AsyncIterable<BlobInfo> {
    await this.#begin('list', options)
    const keys = [...this.#disk.image.blobs.keys()].filter((key) => key.startsWith(options.prefix ?? ''))
    for (const key of keys.sort()) {
      if (options.after !== undefined && key <= options.after) continue
      const blob = currentBlob(this.#disk.image.blobs.get(key))
      if (blob !== undefined) yield { key, bytes: blob.bytes.length, version: blob.version }
      await this.#begin('list', options)
    }
  }

  async batch(writes: readonly BlobWrite[], options: WriteOptions = {}): Promise<void> {
    await this.#begin('batch', options)
    let bytes = 0
    for (const write of writes) {
      this.#checkCondition(write.key, 'check' in write ? write.check : write.when, 'batch')
      if ('put' in write) bytes += write.put.length
    }
    this.#checkRoom(undefined, bytes, 'batch')
    const changes: BlobChange[] = []
    for (const write of writes) {
      if ('put' in write) changes.push({ key: write.key, blob: { bytes: write.put.slice(), version: this.#disk.nextVersion() } })
      else if ('delete' in write) changes.push({ key: write.key, blob: undefined })
    }
    if (changes.length > 0) this.#change(changes, options)
  }

  async #begin(operation: string, options: Cancellable): Promise<void> {
    options.signal?.throwIfAborted()
    this.#checkOpen(operation)
    await undefined
  }

  #change(changes: readonly BlobChange[], options: WriteOptions): void {
    const durability = options.durability ?? this.#disk.options.defaultDurability ?? 'strict'
    const isStrict = durability === 'strict' && this.#disk.options.syncIsNoop !== true
    const keepsAll = isStrict && this.#disk.relaxedLoss === 'suffix'
    this.#disk.apply({ kind: 'blobs', changes, isStrict, keepsAll, sequence: this.#disk.sequence })
  }

  #versionOf(key: string): string | undefined {
    return currentBlob(this.#disk.image.blobs.get(key))?.version
  }

  #checkCondition(key: string, when: PutCondition | undefined, operation: string): void {
    if (when === undefined) return
    const version = this.#versionOf(key)
    if (when === 'absent' ? version === undefined : version === when.version) return
    throw error('conflict', 'the condition of a write does not hold', operation, key)
  }

  #checkRoom(key: string | undefined, bytes: number, operation: string): void {
    const old = key === undefined ? 0 : (currentBlob(this.#disk.image.blobs.get(key))?.bytes.length ?? 0)
    if (this.#disk.room(bytes - old) < bytes - old) throw error('quota', 'no room left', operation, key)
  }
}

class SimulatedFiles implements FileStore {
  readonly #disk: Disk
  readonly #checkOpen: (operation: string) => void

  constructor(disk: Disk, checkOpen: (operation: string) => void) {
    this.#disk = disk
    this.#checkOpen = checkOpen
  }

  async bootId(): Promise<string | undefined> {
    this.#checkOpen('bootId')
    return this.#disk.bootId
  }

  async open(path: string, options: OpenFileOptions): Promise<AppendFile> {
    options.signal?.throwIfAborted()
    this.#checkOpen('open')
    await undefined
    if (!this.#disk.image.files.has(path)) {
      if (options.mode === 'read') throw error('missing', 'there is no such file', 'open', path)
      this.#disk.apply({ kind: 'create', path })
    }
    return new SimulatedFile(this.#disk, path, options.mode, this.#checkOpen)
  }

  async delete(path: string): Promise<void> {
    this.#checkOpen('delete')
    await undefined
    if (this.#disk.image.files.has(path)) this.#disk.apply({ kind: 'delete-file', path })
  }

  async *list(prefix: string): AsyncIterable<{ readonly path: string; readonly size: number }> {
    this.#checkOpen('list')
    for (const path of [...this.#disk.image.files.keys()].sort()) {
      const file = this.#disk.image.files.get(path)
      if (file !== undefined && path.startsWith(prefix)) yield { path, size: currentFile(file).length }
      this.#checkOpen('list')
    }
  }
}

/** Exported for the wrapper that makes syncs fail. */
export class SimulatedFile implements AppendFile {
  readonly #disk: Disk
  readonly #path: string
  readonly #mode: 'append' | 'read'
  readonly #checkBackend: (operation: string) => void
  #size: number
  #closed = false

  constructor(disk: Disk, path: string, mode: 'append' | 'read', checkOpen: (operation: string) => void) {
    this.#disk = disk
    this.#path = path
    this.#mode = mode
    this.#checkBackend = checkOpen
    this.#size = this.#bytes().length
  }

  get size(): number {
    return this.#mode === 'read' ? this.#bytes().length : this.#size
  }

  async append(bytes: Uint8Array): Promise<number> {
    this.#check('append')
    if (this.#mode === 'read') throw error('denied', 'the file was opened with mode: read', 'append', this.#path)
    const at = this.#size
    const fits = this.#disk.room(bytes.length)
    if (fits > 0 && this.#image() !== undefined)
      this.#disk.apply({ kind: 'append', path: this.#path, at, bytes: bytes.slice(0, fits), sequence: this.#disk.sequence })
    if (fits < bytes.length) throw error('quota', 'no room left', 'append', this.#path)
    this.#size = at + bytes.length
    return at
  }

  /** Covers what was written before the call, and takes effect when it resolves. */
  async sync(durability: WriteDurability): Promise<void> {
    this.#check('sync')
    const before = this.#disk.sequence
    await undefined
    await undefined
    if (durability === 'relaxed' || this.#disk.options.syncIsNoop || this.#image() === undefined) return
    this.#disk.apply({ kind: 'sync', path: this.#path, before })
  }

  /** What a failed sync leaves behind: writes that no later sync covers. */
  spoil(): void {
    this.#disk.apply({ kind: 'failed-sync', path: this.#path })
  }

  async read(range: ByteRange, memory?: (bytes: number) => Uint8Array): Promise<Uint8Array> {
    this.#check('read')
    await undefined
    const found = this.#bytes().slice(Math.max(0, range.start), Math.max(range.start, Math.min(range.end, this.size)))
    if (memory === undefined) return found
    const room = memory(found.length).subarray(0, found.length)
    room.set(found)
    return room
  }

  async close(): Promise<void> {
    this.#closed = true
  }

  #image(): FileImage | undefined {
    return this.#disk.image.files.get(this.#path)
  }

  #bytes(): Uint8Array {
    const image = this.#image()
    return image === undefined ? new Uint8Array(0) : currentFile(image)
  }

  #check(operation: string): void {
    this.#checkBackend(operation)
    if (this.#closed) throw error('closed', 'the file is closed', operation, this.#path)
  }
}
