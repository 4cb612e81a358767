// One context owns the files of a store: sync access handles are exclusive, and conditions are checked in memory. Ownership
// is a Web Lock, taken before the first change and kept until the last backend object of this worker is closed.
// All objects of one name in a worker share it, their open files and their mutexes.

import { StorageError } from '../../core/base/errors.js'
import { escapeName } from '../../core/base/key.js'
import { KeyedMutex } from '../../core/base/mutex.js'
import { Folder } from './folder.js'
import { BACKEND, toStorageError } from './native-errors.js'
import { OpenFiles } from './open-files.js'

/** When its page is reloaded or closed, Chromium lets a busy worker run on for two seconds, and its locks with it. */
export const WAIT_FOR_ENDING_OWNER_MS = 3000
const TOP = 'varve'

/** What all backend objects of one store name in this worker have in common. */
export class Owner {
  readonly blobs: Folder
  readonly files: Folder
  readonly keys = new KeyedMutex()
  readonly open: OpenFiles
  readonly #name: string
  #users = 0
  #ownership: Promise<() => Promise<void>> | undefined

  constructor(name: string) {
    this.#name = name
    this.blobs = new Folder(() => directoryOf(name, 'blobs'))
    this.files = new Folder(() => directoryOf(name, 'files'))
    this.open = new OpenFiles(this.files)
  }

  join(): void {
    this.#users++
  }

  /** The last one closes the files and gives the store up. */
  async leave(): Promise<void> {
    if (--this.#users > 0) return
    owners.delete(this.#name)
    this.open.closeAll()
    const release = await this.#ownership?.catch(() => undefined)
    await release?.()
  }

  /** Resolves when this worker may change the store; `denied` when another one owns it. */
  async own(operation: string): Promise<void> {
    this.#ownership ??= takeLock(lockName(this.#name))
    try {
      await this.#ownership
    } catch (error) {
      this.#ownership = undefined
      throw toStorageError(error, operation)
    }
  }
}

const owners = new Map<string, Owner>()

/** The owner of this worker for the store; whoever joins it leaves it once. */
export function joinOwner(name: string): Owner {
  const owner = owners.get(name) ?? new Owner(name)
  owners.set(name, owner)
  owner.join()
  return owner
}

/** Takes the store, removes all of it and lets go. Works in any context. */
export async function removeStore(name: string): Promise<void> {
  const release = await takeLock(lockName(name))
  try {
    await removeDirectory(name)
  } finally {
    await release()
  }
}

function lockName(name: string): string {
  return `varve-opfs-${name}`
}

function takeLock(name: string): Promise<() => Promise<void>> {
  const locks: LockManager | undefined = globalThis.navigator?.locks
  if (locks === undefined) {
    throw new StorageError('unsupported', 'OPFS needs Web Locks, which browsers give to secure pages only', { backend: BACKEND })
  }
  return new Promise((resolve, reject) => {
    const freed = locks.request(name, { signal: AbortSignal.timeout(WAIT_FOR_ENDING_OWNER_MS) }, () => {
      return new Promise<void>((letGo) => {
        resolve(() => {
          letGo()
          return freed
        })
      })
    })
    freed.catch((cause: unknown) => {
      reject(new StorageError('denied', 'another tab or worker owns the store', { backend: BACKEND, facts: { lock: name }, cause }))
    })
  })
}

/** Escaped names can be longer than a file name may be. */
function piecesOfName(name: string): readonly string[] {
  const escaped = escapeName(name)
  return escaped.length <= 200 ? [`s${escaped}`] : (escaped.match(/.{1,200}/g) ?? []).map((piece) => `l${piece}`)
}

async function directoryOf(name: string, part: string): Promise<FileSystemDirectoryHandle> {
  let directory = await navigator.storage.getDirectory()
  for (const piece of [TOP, ...piecesOfName(name), part]) directory = await directory.getDirectoryHandle(piece, { create: true })
  return directory
}

async function removeDirectory(name: string): Promise<void> {
  try {
    const pieces = [TOP, ...piecesOfName(name)]
    let parent = await navigator.storage.getDirectory()
    for (const piece of pieces.slice(0, -1)) parent = await parent.getDirectoryHandle(piece)
    const directory = await parent.getDirectoryHandle(pieces[pieces.length - 1] as string)
    for (const part of ['blobs', 'files']) await directory.removeEntry(part, { recursive: true }).catch(ignoreMissing)
  } catch (error) {
    ignoreMissing(error)
  }
}

function ignoreMissing(error: unknown): void {
  if ((error as { name?: unknown }).name !== 'NotFoundError') throw error
}
