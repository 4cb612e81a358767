// The sync access handles of a worker: one a file, because they are exclusive, shared by everyone who has the file open here.

import { StorageError } from '../../core/base/errors.js'
import type { ByteRange, WriteDurability } from '../../core/ports/options.js'
import type { Folder } from './folder.js'
import { BACKEND, toStorageError } from './native-errors.js'
import { openSync, readAt, type SyncAccessHandle, writeAll } from './sync-access.js'

export class OpenFiles {
  readonly #folder: Folder
  readonly #files = new Map<string, SharedFile>()

  constructor(folder: Folder) {
    this.#folder = folder
  }

  get(path: string): SharedFile | undefined {
    return this.#files.get(path)
  }

  /** Opens or creates the file for appending, or joins who has it open. Calls for one path must not overlap. */
  async join(path: string): Promise<SharedFile> {
    const file = this.#files.get(path) ?? (await this.#open(path))
    file.users++
    return file
  }

  leave(file: SharedFile): void {
    if (--file.users > 0) return
    if (this.#files.get(file.path) === file) this.#files.delete(file.path)
    file.close()
  }

  close(path: string): void {
    const file = this.#files.get(path)
    this.#files.delete(path)
    file?.close()
  }

  closeAll(): void {
    for (const path of [...this.#files.keys()]) this.close(path)
  }

  async #open(path: string): Promise<SharedFile> {
    const place = await this.#folder.locate(path, true)
    if (place === undefined) {
      throw new StorageError('missing', 'the folder is not there', { backend: BACKEND, operation: 'open', key: path })
    }
    const entry = await place.folder.getFileHandle(appendFileName(place.leaf), { create: true })
    const file = new SharedFile(path, await openSync(entry))
    this.#files.set(path, file)
    return file
  }
}

/** Keys never hold `@`: a file and a folder of the same name can lie side by side. */
export function appendFileName(leaf: string): string {
  return `${leaf}@`
}

export class SharedFile {
  readonly path: string
  users = 0
  #handle: SyncAccessHandle | undefined
  #size: number
  #failure: unknown

  constructor(path: string, handle: SyncAccessHandle) {
    this.path = path
    this.#handle = handle
    this.#size = handle.getSize()
  }

  get size(): number {
    return this.#size
  }

  append(bytes: Uint8Array): number {
    const handle = this.#usable('append')
    const at = this.#size
    try {
      writeAll(handle, this.path, bytes, at)
    } catch (error) {
      this.#cutBack(handle)
      throw toStorageError(error, 'append', this.path)
    }
    this.#size = at + bytes.length
    return at
  }

  /** OPFS has one durability point; both durabilities reach it. A failed one ends the file's use: it may have lost pages. */
  sync(_durability: WriteDurability): void {
    const handle = this.#usable('sync')
    try {
      handle.flush()
    } catch (error) {
      this.#failure = error
      throw toStorageError(error, 'sync', this.path)
    }
  }

  read(range: ByteRange): Uint8Array {
    const handle = this.#opened('read')
    const bytes = new Uint8Array(Math.max(0, Math.min(range.end, this.#size) - range.start))
    return bytes.length === 0 ? bytes : bytes.subarray(0, readAt(handle, this.path, bytes, range.start))
  }

  close(): void {
    const handle = this.#handle
    this.#handle = undefined
    handle?.close()
  }

  /** What lies past the logical end was never acknowledged; if it cannot be cut off, the file takes no more. */
  #cutBack(handle: SyncAccessHandle): void {
    try {
      handle.truncate(this.#size)
    } catch (error) {
      this.#failure = error
    }
  }

  #usable(operation: string): SyncAccessHandle {
    if (this.#failure !== undefined) {
      throw new StorageError('unavailable', 'an earlier write of this file failed: go on in a new file', {
        ...this.#facts(operation),
        cause: this.#failure,
      })
    }
    return this.#opened(operation)
  }

  #opened(operation: string): SyncAccessHandle {
    if (this.#handle === undefined) throw new StorageError('closed', 'the file is closed or deleted', this.#facts(operation))
    return this.#handle
  }

  #facts(operation: string): { backend: string; operation: string; key: string } {
    return { backend: BACKEND, operation, key: this.path }
  }
}
