// Appendable files. Written only at their end and only through a sync access handle: in browsers that were killed, files
// rewritten in place were found torn, and `createWritable` copies the whole file first.

import { StorageError } from '../../core/base/errors.js'
import type { AppendFile, FileStore, OpenFileOptions } from '../../core/ports/file-store.js'
import type { ByteRange, WriteDurability } from '../../core/ports/options.js'
import { BACKEND, guarded, isNotFound, toStorageError } from './native-errors.js'
import { appendFileName, type SharedFile } from './open-files.js'
import type { Owner } from './owner.js'

export interface OpfsContext {
  readonly owner: () => Owner
  /** Throws `closed` or `unsupported`. */
  readonly check: (operation: string) => void
  /** Something became durable. */
  readonly onWrite: () => void
}

export class OpfsFiles implements FileStore {
  readonly #context: OpfsContext

  constructor(context: OpfsContext) {
    this.#context = context
  }

  /** Browsers do not tell when the system was started. */
  async bootId(): Promise<undefined> {
    return undefined
  }

  async open(path: string, options: OpenFileOptions): Promise<AppendFile> {
    options.signal?.throwIfAborted()
    this.#context.check('open')
    return guarded('open', path, () => (options.mode === 'append' ? this.#openAppend(path) : this.#openRead(path)))
  }

  async delete(path: string): Promise<void> {
    this.#context.check('delete')
    const owner = this.#context.owner()
    await owner.own('delete')
    await owner.keys.run(`file/${path}`, () =>
      guarded('delete', path, async () => {
        owner.open.close(path)
        const place = await owner.files.locate(path, false)
        await place?.folder.removeEntry(appendFileName(place.leaf)).catch((error: unknown) => {
          if (!isNotFound(error)) throw error
        })
      }),
    )
  }

  async *list(prefix: string): AsyncIterable<{ readonly path: string; readonly size: number }> {
    this.#context.check('list')
    const found = new Map<string, FileSystemFileHandle>()
    for await (const { base, name, handle } of this.#context.owner().files.files(prefix)) {
      const path = base + name.slice(0, -1)
      if (path.startsWith(prefix)) found.set(path, handle)
    }
    for (const path of [...found.keys()].sort()) {
      const size = await this.#sizeOf(path, found.get(path) as FileSystemFileHandle)
      if (size !== undefined) yield { path, size }
    }
  }

  async #openAppend(path: string): Promise<AppendFile> {
    const owner = this.#context.owner()
    await owner.own('open')
    const file = await owner.keys.run(`file/${path}`, () => owner.open.join(path))
    return new OwnedFile(file, this.#context)
  }

  async #openRead(path: string): Promise<AppendFile> {
    const owner = this.#context.owner()
    const place = await owner.files.locate(path, false)
    if (place === undefined) throw new StorageError('missing', 'the file is not there', { backend: BACKEND, operation: 'open', key: path })
    const entry = await place.folder.getFileHandle(appendFileName(place.leaf))
    const shared = owner.open.get(path)
    const size = shared?.size ?? (await entry.getFile()).size
    return new ReadFile(path, entry, size, this.#context)
  }

  /** Undefined when it was deleted since it was listed. */
  async #sizeOf(path: string, handle: FileSystemFileHandle): Promise<number | undefined> {
    const shared = this.#context.owner().open.get(path)
    if (shared !== undefined) return shared.size
    const file = await handle.getFile().catch((error: unknown) => {
      if (isNotFound(error)) return undefined
      throw toStorageError(error, 'list', path)
    })
    return file?.size
  }
}

/** Open for appending: the handle that this worker shares. */
class OwnedFile implements AppendFile {
  readonly #file: SharedFile
  readonly #context: OpfsContext
  #closed = false

  constructor(file: SharedFile, context: OpfsContext) {
    this.#file = file
    this.#context = context
  }

  get size(): number {
    return this.#file.size
  }

  async append(bytes: Uint8Array): Promise<number> {
    this.#check('append')
    return this.#file.append(bytes)
  }

  async sync(durability: WriteDurability): Promise<void> {
    this.#check('sync')
    this.#file.sync(durability)
    this.#context.onWrite()
  }

  async read(range: ByteRange): Promise<Uint8Array> {
    this.#check('read')
    return this.#file.read(range)
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#context.owner().open.leave(this.#file)
  }

  #check(operation: string): void {
    if (this.#closed) throw new StorageError('closed', 'the file is closed', { backend: BACKEND, operation, key: this.#file.path })
  }
}

/** Open for reading: through the appender's handle where this worker has one, else from a snapshot of the file. */
class ReadFile implements AppendFile {
  readonly #path: string
  readonly #entry: FileSystemFileHandle
  readonly #context: OpfsContext
  #size: number
  #snapshot: File | undefined
  #closed = false

  constructor(path: string, entry: FileSystemFileHandle, size: number, context: OpfsContext) {
    this.#path = path
    this.#entry = entry
    this.#size = size
    this.#context = context
  }

  get size(): number {
    this.#size = this.#context.owner().open.get(this.#path)?.size ?? this.#size
    return this.#size
  }

  async append(): Promise<number> {
    throw new StorageError('denied', 'the file was opened for reading', { backend: BACKEND, operation: 'append', key: this.#path })
  }

  async sync(): Promise<void> {
    throw new StorageError('denied', 'the file was opened for reading', { backend: BACKEND, operation: 'sync', key: this.#path })
  }

  async read(range: ByteRange): Promise<Uint8Array> {
    if (this.#closed) throw new StorageError('closed', 'the file is closed', { backend: BACKEND, operation: 'read', key: this.#path })
    const shared = this.#context.owner().open.get(this.#path)
    if (shared !== undefined) return shared.read(range)
    return guarded('read', this.#path, () => this.#readSnapshot(range))
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#snapshot = undefined
  }

  /** A snapshot is void once the file has grown: a new one is taken then, and when it ends too early. */
  async #readSnapshot(range: ByteRange): Promise<Uint8Array> {
    if (this.#snapshot !== undefined && range.end <= this.#snapshot.size) {
      const bytes = await sliceOf(this.#snapshot, range).catch(() => undefined)
      if (bytes !== undefined) return bytes
    }
    this.#snapshot = await this.#entry.getFile()
    this.#size = this.#snapshot.size
    return sliceOf(this.#snapshot, range)
  }
}

async function sliceOf(file: File, range: ByteRange): Promise<Uint8Array> {
  return new Uint8Array(await file.slice(range.start, Math.max(range.start, range.end)).arrayBuffer())
}
