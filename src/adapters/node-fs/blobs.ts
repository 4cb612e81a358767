// One file a blob, written aside and renamed into place. Only this process writes here, and the last look at a
// condition and the rename happen in one turn, so conditional puts need nothing else.

import { type BigIntStats, closeSync, constants, fstatSync, lstatSync, openSync, renameSync, unlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { StorageError } from '../../core/base/errors.js'
import type { BlobInfo, BlobStore, BlobTraits, ListOptions, PutCondition, PutOptions, StoredBlob } from '../../core/ports/blob-store.js'
import type { ByteRange, Cancellable } from '../../core/ports/options.js'
import type { Directory } from './directory.js'
import { asStorageError, isMissing, NAME } from './errors.js'
import { MAX_KEY_BYTES, pathOfKey } from './paths.js'
import type { Place } from './place.js'
import { walkKeys } from './walk.js'
import { readWhole, syncFile, writeWhole } from './whole-io.js'

export const BLOBS_FOLDER = 'blobs'
const MAX_BLOB_BYTES = 2 ** 31 - 4096
const DELETES_PER_TURN = 256

export class NodeBlobs implements BlobStore {
  readonly traits: BlobTraits = {
    conditionalPut: true,
    consistency: 'strong',
    durable: 'disk',
    maxBlobBytes: MAX_BLOB_BYTES,
    maxKeyBytes: MAX_KEY_BYTES,
  }
  readonly #place: Place

  constructor(place: Place) {
    this.#place = place
  }

  get(key: string, options: { readonly range?: ByteRange; readonly signal?: AbortSignal } = {}): Promise<StoredBlob | undefined> {
    return this.#place.run({ operation: 'get', key }, options.signal, async () => {
      const path = pathOfKey(key)
      const directory = this.#place.existing()
      const fd = directory === undefined ? undefined : openBlob(directory, join(directory.root, BLOBS_FOLDER, path))
      if (fd === undefined) return undefined
      try {
        return await readBlob(fd, key, options.range)
      } finally {
        closeSync(fd)
      }
    })
  }

  put(key: string, bytes: Uint8Array, options: PutOptions = {}): Promise<BlobInfo> {
    return this.#place.run({ operation: 'put', key }, options.signal, async () => {
      if (bytes.length > MAX_BLOB_BYTES) {
        throw new StorageError('invalid', 'the blob is too large', {
          backend: NAME,
          key,
          facts: { bytes: bytes.length, maxBlobBytes: MAX_BLOB_BYTES },
        })
      }
      const path = pathOfKey(key)
      const directory = this.#place.owned('put')
      const target = join(directory.root, BLOBS_FOLDER, path)
      checkCondition(key, target, options.when)
      const strict = options.durability !== 'relaxed'
      const temporary = directory.temporaryPath()
      try {
        const stats = await writeTemporary(directory, temporary, bytes, strict)
        this.#moveInto(directory, { key, temporary, target }, options.when)
        if (strict) await this.#settle(directory, [dirname(target)])
        return { key, bytes: bytes.length, version: versionOf(stats) }
      } catch (error) {
        removeFile(temporary)
        throw error
      }
    })
  }

  delete(keys: readonly string[], options: Cancellable = {}): Promise<void> {
    return this.#place.run({ operation: 'delete' }, options.signal, async () => {
      const paths = keys.map(pathOfKey)
      if (paths.length === 0) return
      const directory = this.#place.owned('delete')
      const folders = new Set<string>()
      for (let i = 0; i < paths.length; i++) {
        if (i % DELETES_PER_TURN === 0) await this.#nextTurn(directory, i)
        const target = join(directory.root, BLOBS_FOLDER, paths[i] as string)
        if (removeBlob(directory, target)) folders.add(dirname(target))
      }
      await this.#settle(directory, [...folders])
    })
  }

  async *list(options: ListOptions = {}): AsyncIterable<BlobInfo> {
    options.signal?.throwIfAborted()
    this.#place.checkOpen('list')
    try {
      const directory = this.#place.existing()
      if (directory === undefined) return
      for await (const { key, path } of walkKeys(join(directory.root, BLOBS_FOLDER), options.prefix ?? '', options.after)) {
        const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false })
        if (stats?.isFile()) yield { key, bytes: Number(stats.size), version: versionOf(stats) }
        options.signal?.throwIfAborted()
        this.#place.checkOpen('list')
      }
    } catch (error) {
      if (options.signal?.aborted) throw options.signal.reason
      throw asStorageError(error, { operation: 'list' })
    }
  }

  /** Nothing in here waits: no other put or delete can come between the checks and the rename. */
  #moveInto(directory: Directory, move: { key: string; temporary: string; target: string }, when: PutCondition | undefined): void {
    directory.own('put')
    checkCondition(move.key, move.target, when)
    const folder = directory.makeFolder(dirname(move.target))
    renameSync(move.temporary, move.target)
    directory.sync.changed(folder)
  }

  async #settle(directory: Directory, folders: readonly string[]): Promise<void> {
    for (const folder of folders) await directory.sync.settle(folder)
    this.#place.lastDurableWrite = Date.now()
  }

  async #nextTurn(directory: Directory, i: number): Promise<void> {
    if (i > 0) await new Promise((resolve) => setImmediate(resolve))
    directory.own('delete')
  }
}

function openBlob(directory: Directory, path: string): number | undefined {
  try {
    directory.checkFolder(dirname(path))
    return openSync(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0))
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

async function readBlob(fd: number, key: string, range: ByteRange | undefined): Promise<StoredBlob> {
  const stats = fstatSync(fd, { bigint: true })
  const bytes = Number(stats.size)
  const start = Math.min(range?.start ?? 0, bytes)
  const end = Math.min(range?.end ?? bytes, bytes)
  const data = await readWhole(fd, start, new Uint8Array(Math.max(0, end - start)))
  return { key, bytes, version: versionOf(stats), data }
}

async function writeTemporary(directory: Directory, path: string, bytes: Uint8Array, strict: boolean): Promise<BigIntStats> {
  const fd = openSync(path, 'wx', 0o600)
  try {
    await writeWhole(fd, bytes)
    const stats = directory.stamp(fd)
    if (strict) await syncFile(fd)
    return stats
  } finally {
    closeSync(fd)
  }
}

/** The time is unique among the puts of one owner; inode and size tell apart what two owners wrote at a clock set back. */
function versionOf(stats: BigIntStats): string {
  return `${stats.mtimeNs.toString(36)}.${stats.ino.toString(36)}.${stats.size.toString(36)}`
}

function checkCondition(key: string, target: string, when: PutCondition | undefined): void {
  if (when === undefined) return
  const stats = lstatSync(target, { bigint: true, throwIfNoEntry: false })
  const version = stats === undefined ? undefined : versionOf(stats)
  if (when === 'absent' ? version === undefined : version === when.version) return
  throw new StorageError('conflict', 'the condition of a put does not hold', { backend: NAME, operation: 'put', key, facts: { version } })
}

function removeBlob(directory: Directory, target: string): boolean {
  const folder = dirname(target)
  try {
    directory.checkFolder(folder)
    unlinkSync(target)
  } catch (error) {
    if (isMissing(error)) return false
    throw error
  }
  directory.sync.changed(folder)
  directory.prune(folder)
  return true
}

function removeFile(path: string): void {
  try {
    unlinkSync(path)
  } catch {
    // Renamed already, or left for the next owner to sweep.
  }
}
