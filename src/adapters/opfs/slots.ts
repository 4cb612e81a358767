// The files of one blob: `<leaf>@a` and `<leaf>@b` take turns. A put writes the one that is not there, flushes it, and then
// deletes the other. So while both are there the newer one was perhaps not finished, and if it is torn the older one
// counts; one alone was acknowledged, and damage in it is `corrupt`. An empty `<leaf>@new` stands beside a first put.

import { isStorageError, StorageError } from '../../core/base/errors.js'
import { type BlobHeader, encodeBlob, HEADER_BYTES, isIntact, readHeader } from './blob-format.js'
import type { Folder } from './folder.js'
import { BACKEND, isChanged, isNotFound } from './native-errors.js'
import { openSync, writeAll } from './sync-access.js'

/** What counts for a key. */
export interface CurrentBlob extends BlobHeader {
  readonly slot: Slot
  readonly file: File
  /** Of the data. */
  readonly bytes: number
}

type Slot = 'a' | 'b'
type Suffix = Slot | 'new'

/** A reader in another worker than the owner may see one file before a put and the other after it; then it looks again. */
const READ_ATTEMPTS = 8

/** The leaf of a blob's file name, or undefined for another file. */
export function leafOfSlot(name: string): string | undefined {
  return name.endsWith('@a') || name.endsWith('@b') ? name.slice(0, -2) : undefined
}

export class Slots {
  readonly #folder: () => Folder

  constructor(folder: () => Folder) {
    this.#folder = folder
  }

  /** Runs `read` on what counts for the key, or undefined; again when the files changed meanwhile. */
  async withCurrent<T>(key: string, read: (current: CurrentBlob) => T | Promise<T>): Promise<T | undefined> {
    for (let attempt = 1; ; attempt++) {
      try {
        const current = await this.current(key)
        return current === undefined ? undefined : await read(current)
      } catch (error) {
        if (!mayHaveChanged(error) || attempt === READ_ATTEMPTS) throw error
      }
    }
  }

  async current(key: string): Promise<CurrentBlob | undefined> {
    const [a, b] = await Promise.all([this.#file(key, 'a'), this.#file(key, 'b')])
    if (a !== undefined && b !== undefined) return newestIntact(key, [await examine('a', a), await examine('b', b)])
    const alone = a ?? b
    if (alone === undefined) return undefined
    const current = await glance(a === undefined ? 'b' : 'a', alone)
    if (current !== undefined) return current
    if ((await this.#file(key, 'new')) !== undefined) return undefined
    throw damaged(key)
  }

  /** Resolves when the data is flushed and nothing older is left. */
  async replace(key: string, data: Uint8Array, current: CurrentBlob | undefined): Promise<BlobHeader> {
    const slot: Slot = current?.slot === 'a' ? 'b' : 'a'
    const blob = encodeBlob((current?.generation ?? 0) + 1, data)
    if (current === undefined) await this.#markNew(key)
    else await this.#remove(key, slot)
    await this.#write(key, slot, blob.bytes)
    if (current === undefined) await this.#clearNew(key, slot)
    else await this.#remove(key, current.slot)
    return blob.header
  }

  /** What counts goes last: a cut in between must not bring something older back. */
  async remove(key: string): Promise<void> {
    const current = await this.current(key).catch(() => undefined)
    await this.#remove(key, current?.slot === 'a' ? 'b' : 'a')
    await this.#remove(key, current?.slot === 'a' ? 'a' : 'b')
    await this.#remove(key, 'new')
  }

  /** Leftovers of an interrupted first put go before the mark does its work again. */
  async #markNew(key: string): Promise<void> {
    await this.#create(key, 'new')
    await this.#remove(key, 'a')
    await this.#remove(key, 'b')
  }

  async #clearNew(key: string, written: Slot): Promise<void> {
    await this.#remove(key, written === 'a' ? 'b' : 'a')
    await this.#remove(key, 'new')
  }

  async #write(key: string, slot: Slot, bytes: Uint8Array): Promise<void> {
    const entry = await this.#create(key, slot)
    try {
      const handle = await openSync(entry)
      try {
        writeAll(handle, key, bytes, 0)
        handle.flush()
      } finally {
        handle.close()
      }
    } catch (error) {
      // What was there before still counts, also when this cannot be cleared away.
      await this.#remove(key, slot).catch(() => {})
      throw error
    }
  }

  async #create(key: string, suffix: Suffix): Promise<FileSystemFileHandle> {
    const place = await this.#folder().locate(key, true)
    if (place === undefined) throw new StorageError('missing', 'the folder is not there', { backend: BACKEND, operation: 'put', key })
    return place.folder.getFileHandle(`${place.leaf}@${suffix}`, { create: true })
  }

  async #file(key: string, suffix: Suffix): Promise<File | undefined> {
    const place = await this.#folder().locate(key, false)
    if (place === undefined) return undefined
    try {
      const entry = await place.folder.getFileHandle(`${place.leaf}@${suffix}`)
      return await entry.getFile()
    } catch (error) {
      if (isNotFound(error)) return undefined
      throw error
    }
  }

  async #remove(key: string, suffix: Suffix): Promise<void> {
    const place = await this.#folder().locate(key, false)
    await place?.folder.removeEntry(`${place.leaf}@${suffix}`).catch((error: unknown) => {
      if (!isNotFound(error)) throw error
    })
  }
}

function mayHaveChanged(error: unknown): boolean {
  return isNotFound(error) || isChanged(error) || isStorageError(error, 'corrupt')
}

/** Reads the header only. */
async function glance(slot: Slot, file: File): Promise<CurrentBlob | undefined> {
  const start = new Uint8Array(await file.slice(0, HEADER_BYTES).arrayBuffer())
  return withFile(readHeader(start, file.size), slot, file)
}

/** Reads it all. */
async function examine(slot: Slot, file: File): Promise<CurrentBlob | undefined> {
  const bytes = new Uint8Array(await file.arrayBuffer())
  return withFile(isIntact(bytes) ? readHeader(bytes, bytes.length) : undefined, slot, file)
}

function withFile(header: BlobHeader | undefined, slot: Slot, file: File): CurrentBlob | undefined {
  return header === undefined ? undefined : { ...header, slot, file, bytes: file.size - HEADER_BYTES }
}

function newestIntact(key: string, candidates: readonly (CurrentBlob | undefined)[]): CurrentBlob {
  const [newest] = candidates.filter((one) => one !== undefined).sort((x, y) => y.generation - x.generation)
  if (newest === undefined) throw damaged(key)
  return newest
}

export function damaged(key: string): StorageError {
  return new StorageError('corrupt', 'a stored blob is damaged', { backend: BACKEND, operation: 'get', key })
}
