// Appendable files. A synchronous write followed by an asynchronous fdatasync is the fastest pair there is here.

import { closeSync, constants, existsSync, fstatSync, ftruncateSync, lstatSync, openSync, unlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { StorageError } from '../../core/base/errors.js'
import type { AppendFile, FileStore, OpenFileOptions } from '../../core/ports/file-store.js'
import type { ByteRange, WriteDurability } from '../../core/ports/options.js'
import type { Directory } from './directory.js'
import { asStorageError, isMissing, NAME } from './errors.js'
import { readBootId } from './identity.js'
import { pathOfKey } from './paths.js'
import type { Place } from './place.js'
import { walkKeys } from './walk.js'
import { readWhole, syncData, writeWholeNow } from './whole-io.js'

const FOLDER = 'files'

export class NodeFiles implements FileStore {
  readonly #place: Place
  readonly #open = new Set<NodeFile>()

  constructor(place: Place) {
    this.#place = place
  }

  async bootId(): Promise<string | undefined> {
    this.#place.checkOpen('bootId')
    return readBootId()
  }

  open(path: string, options: OpenFileOptions): Promise<AppendFile> {
    return this.#place.run({ operation: 'open', path }, options.signal, async () => {
      const relative = pathOfKey(path)
      const file = options.mode === 'read' ? this.#openToRead(path, relative) : this.#openToAppend(path, relative)
      this.#open.add(file)
      return file
    })
  }

  delete(path: string): Promise<void> {
    return this.#place.run({ operation: 'delete', path }, undefined, async () => {
      const relative = pathOfKey(path)
      const directory = this.#place.owned('delete')
      const target = join(directory.root, FOLDER, relative)
      if (removeFile(directory, target)) await directory.sync.settle(dirname(target))
    })
  }

  async *list(prefix: string): AsyncIterable<{ readonly path: string; readonly size: number }> {
    this.#place.checkOpen('list')
    try {
      const directory = this.#place.existing()
      if (directory === undefined) return
      for await (const found of walkKeys(join(directory.root, FOLDER), prefix, undefined)) {
        const stats = lstatSync(found.path, { throwIfNoEntry: false })
        if (stats?.isFile()) yield { path: found.key, size: stats.size }
        this.#place.checkOpen('list')
      }
    } catch (error) {
      throw asStorageError(error, { operation: 'list' })
    }
  }

  async close(): Promise<void> {
    for (const file of [...this.#open]) await file.close()
  }

  #openToRead(path: string, relative: string): NodeFile {
    const directory = this.#place.existing()
    if (directory === undefined) throw missing(path)
    const target = join(directory.root, FOLDER, relative)
    const fd = openInside(directory, target, constants.O_RDONLY, path)
    return new NodeFile({ place: this.#place, directory, path, target, fd, mode: 'read', onClose: (file) => this.#open.delete(file) })
  }

  #openToAppend(path: string, relative: string): NodeFile {
    const directory = this.#place.owned('open')
    const target = join(directory.root, FOLDER, relative)
    const folder = directory.makeFolder(dirname(target))
    if (!existsSync(target)) directory.sync.changed(folder)
    const fd = openInside(directory, target, constants.O_RDWR | constants.O_CREAT, path)
    return new NodeFile({ place: this.#place, directory, path, target, fd, mode: 'append', onClose: (file) => this.#open.delete(file) })
  }
}

interface NodeFileParts {
  readonly place: Place
  readonly directory: Directory
  readonly path: string
  readonly target: string
  readonly fd: number
  readonly mode: 'append' | 'read'
  readonly onClose: (file: NodeFile) => void
}

class NodeFile implements AppendFile {
  readonly #parts: NodeFileParts
  #size: number
  #running = 0
  #idle: (() => void) | undefined
  #isNamed = false
  #failure: StorageError | undefined
  #closing: Promise<void> | undefined

  constructor(parts: NodeFileParts) {
    this.#parts = parts
    this.#size = fstatSync(parts.fd).size
  }

  /** A reader sees what the writer has appended since. */
  get size(): number {
    if (this.#parts.mode === 'read' && this.#closing === undefined) this.#size = fstatSync(this.#parts.fd).size
    return this.#size
  }

  async append(bytes: Uint8Array): Promise<number> {
    this.#check('append')
    if (this.#parts.mode === 'read') throw new StorageError('denied', 'the file was opened with mode: read', this.#doing('append'))
    const at = this.#size
    try {
      this.#parts.directory.own('append')
      writeWholeNow(this.#parts.fd, bytes, at)
    } catch (error) {
      this.#cutBack()
      throw asStorageError(error, this.#doing('append'))
    }
    this.#size = at + bytes.length
    return at
  }

  async sync(durability: WriteDurability): Promise<void> {
    this.#check('sync')
    if (durability === 'relaxed' || this.#parts.mode === 'read') return
    await this.#using(async () => {
      try {
        await this.#syncDataAndName()
      } catch (error) {
        this.#failure ??= asStorageError(error, this.#doing('sync'))
        throw this.#failure
      }
    })
    this.#parts.place.lastDurableWrite = Date.now()
  }

  async read(range: ByteRange, memory = freshMemory): Promise<Uint8Array> {
    this.#check('read')
    const size = range.end <= this.#size ? this.#size : this.size // the system need not be asked for what was there before
    const start = Math.min(range.start, size)
    const length = Math.max(0, Math.min(range.end, size) - start)
    return this.#using(async () => {
      try {
        return await readWhole(this.#parts.fd, start, memory(length).subarray(0, length))
      } catch (error) {
        throw asStorageError(error, this.#doing('read'))
      }
    })
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    if (this.#running > 0) await new Promise<void>((resolve) => (this.#idle = resolve))
    this.#parts.onClose(this)
    closeSync(this.#parts.fd)
  }

  /** A number of a closed file may belong to another one soon, so closing waits for the calls that use it. */
  async #using<T>(task: () => Promise<T>): Promise<T> {
    this.#running++
    try {
      return await task()
    } finally {
      if (--this.#running === 0) this.#idle?.()
    }
  }

  async #syncDataAndName(): Promise<void> {
    await syncData(this.#parts.fd)
    if (this.#isNamed) return
    await this.#parts.directory.sync.settle(dirname(this.#parts.target))
    this.#isNamed = true
  }

  /** Half a frame at the end helps nobody and takes room on a full disk. Nothing that was acknowledged lies there. */
  #cutBack(): void {
    try {
      ftruncateSync(this.#parts.fd, this.#size)
    } catch {
      // The next append writes over it, and recovery takes it for a torn tail.
    }
  }

  #check(operation: string): void {
    this.#parts.place.checkOpen(operation)
    if (this.#closing !== undefined) throw new StorageError('closed', 'the file is closed', this.#doing(operation))
    if (this.#failure === undefined) return
    throw new StorageError('unavailable', 'an earlier sync failed; open the file again', {
      ...this.#doing(operation),
      cause: this.#failure,
    })
  }

  #doing(operation: string) {
    return { backend: NAME, operation, path: this.#parts.path, facts: { path: this.#parts.path } }
  }
}

function freshMemory(bytes: number): Uint8Array {
  return new Uint8Array(bytes)
}

function openInside(directory: Directory, target: string, flags: number, path: string): number {
  try {
    directory.checkFolder(dirname(target))
    return openSync(target, flags | (constants.O_NOFOLLOW ?? 0), 0o600)
  } catch (error) {
    if (isMissing(error)) throw missing(path)
    throw error
  }
}

function missing(path: string): StorageError {
  return new StorageError('missing', 'there is no such file', { backend: NAME, operation: 'open', facts: { path } })
}

function removeFile(directory: Directory, target: string): boolean {
  try {
    directory.checkFolder(dirname(target))
    unlinkSync(target)
  } catch (error) {
    if (isMissing(error)) return false
    throw error
  }
  directory.sync.changed(dirname(target))
  directory.prune(dirname(target))
  return true
}
