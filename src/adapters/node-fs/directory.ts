// What all backend objects of this process share over one directory: its lock, the locks inside it, and what is synced.

import { fstatSync, futimesSync, mkdirSync, readdirSync, realpathSync, rmdirSync, statSync, unlinkSync, type BigIntStats } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { StorageError } from '../../core/base/errors.js'
import { LocalLockTable } from '../../core/derived/local-locks.js'
import { describe, type DirectoryLock, directoryOwner, takeDirectoryLock } from './directory-lock.js'
import { DirectorySync } from './directory-sync.js'
import { asStorageError, isMissing, NAME, systemCode } from './errors.js'
import type { Identity } from './identity.js'

export const LOCK_FOLDER = 'lock'

const directories = new Map<string, Directory>()

/** The directory when it exists, shared by all who name it. `user` keeps it until `leave`. */
export function existingDirectory(path: string, user: object): Directory | undefined {
  try {
    return shared(realpathSync.native(resolve(path)), undefined, user)
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

export function madeDirectory(path: string, user: object): Directory {
  const made = makeFolders(resolve(path))
  const root = realpathSync.native(resolve(path))
  return shared(root, made === undefined ? undefined : realpathSync.native(dirname(made)), user)
}

/**
 * Makes the folder and what is missing above it; the highest one made, or undefined. One by one, because the recursive
 * mkdir of Node never returns where a parent refuses to hold folders, as in /proc.
 */
function makeFolders(path: string): string | undefined {
  const isMade = makeFolder(path)
  if (isMade !== 'missing above') return isMade ? path : undefined
  if (dirname(path) === path) throw unmakable(path)
  const above = makeFolders(dirname(path))
  if (makeFolder(path) === 'missing above') throw unmakable(path)
  return above ?? path
}

/** False when it was there already, or somebody else was first. */
function makeFolder(path: string): boolean | 'missing above' {
  try {
    mkdirSync(path, { mode: 0o700 })
    return true
  } catch (error) {
    if (systemCode(error) === 'EEXIST' && statSync(path).isDirectory()) return false
    if (isMissing(error)) return 'missing above'
    throw error
  }
}

function unmakable(path: string): StorageError {
  return new StorageError('denied', 'the folder cannot be made', { backend: NAME, operation: 'open', facts: { path } })
}

function shared(root: string, syncRoot: string | undefined, user: object): Directory {
  const directory = directories.get(root) ?? new Directory(root, syncRoot ?? root)
  directories.set(root, directory)
  directory.join(user)
  return directory
}

export class Directory {
  readonly root: string
  readonly locks = new LocalLockTable()
  readonly sync: DirectorySync
  readonly #users = new Set<object>()
  #lock: DirectoryLock | undefined
  #lost = false
  #temporary = 0
  #lastStampUs = 0
  #lastStampNs = 0n

  constructor(root: string, syncRoot: string) {
    this.root = root
    this.sync = new DirectorySync(syncRoot)
  }

  join(user: object): void {
    this.#users.add(user)
  }

  /** The last user to leave gives the directory back. */
  leave(user: object): void {
    this.#users.delete(user)
    if (this.#users.size > 0) return
    directories.delete(this.root)
    this.#lock?.release()
  }

  /** Takes the directory for this process, or says who has it. Throws `fenced` once it was lost. */
  take(operation: string): DirectoryLock | Identity {
    if (this.#lock === undefined && !this.#lost) {
      const taken = takeDirectoryLock(this.makeFolder(join(this.root, LOCK_FOLDER)), () => this.#lose())
      if (!('held' in taken)) return taken
      this.#lock = taken
      this.#sweepTemporary()
    }
    if (this.#lock?.held()) return this.#lock
    throw new StorageError('fenced', 'another process took the directory over', {
      backend: NAME,
      operation,
      facts: { directory: this.root },
    })
  }

  /** Called before every change. `denied` names the owner. */
  own(operation: string): DirectoryLock {
    const taken = this.take(operation)
    if ('held' in taken) return taken
    throw new StorageError('denied', 'another process owns the directory', {
      backend: NAME,
      operation,
      facts: { host: taken.host, pid: taken.pid, directory: this.root },
    })
  }

  get isOwned(): boolean {
    return this.#lock?.held() === true
  }

  owner(): string | undefined {
    const owner = directoryOwner(join(this.root, LOCK_FOLDER))
    return owner === undefined ? undefined : describe(owner)
  }

  /** A name that nobody used since this process owns the directory. */
  temporaryPath(): string {
    return join(this.makeFolder(join(this.root, 'tmp')), `${process.pid}-${++this.#temporary}`)
  }

  /** Makes the folder and those above it; level by level, so that nothing is made behind a link. */
  makeFolder(folder: string): string {
    try {
      this.checkFolder(folder)
    } catch (error) {
      if (!isMissing(error) || folder === this.root) throw error
      this.makeFolder(dirname(folder))
      this.#makeOne(folder)
    }
    return folder
  }

  /** No symbolic link is followed inside the store. */
  checkFolder(folder: string): void {
    const real = realpathSync.native(folder)
    if (real === folder) return
    throw new StorageError('denied', 'a symbolic link lies in the store', { backend: NAME, facts: { folder, leadsTo: real } })
  }

  /** Removes folders that became empty, from `folder` up to the one below the root. */
  prune(folder: string): void {
    for (let one = folder; dirname(one) !== this.root && one.length > this.root.length; one = dirname(one)) {
      try {
        rmdirSync(one)
      } catch {
        return
      }
      this.sync.forget(one)
      this.sync.changed(dirname(one))
    }
  }

  /** Gives the open file a time that no other file of this store got from this process, and says what it is now. */
  stamp(fd: number): BigIntStats {
    for (const stepUs of [2, 2_000, 4_000_000]) {
      const us = Math.max(Date.now() * 1000, this.#lastStampUs + stepUs)
      futimesSync(fd, us / 1e6, us / 1e6)
      const stats = fstatSync(fd, { bigint: true })
      this.#lastStampUs = us
      if (stats.mtimeNs <= this.#lastStampNs) continue
      this.#lastStampNs = stats.mtimeNs
      return stats
    }
    throw new StorageError('unsupported', 'the file system does not keep the times of files', {
      backend: NAME,
      facts: { directory: this.root },
    })
  }

  #makeOne(folder: string): void {
    try {
      mkdirSync(folder, { mode: 0o700 })
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw error
      throw new StorageError('denied', 'a link to nowhere lies in the store', { backend: NAME, facts: { folder } })
    }
    this.sync.changed(dirname(folder))
  }

  #lose(): void {
    this.#lost = true
    this.locks.loseAll(new StorageError('fenced', 'another process took the directory over', { backend: NAME, operation: 'lock' }))
  }

  /** The owner before us may have died in the middle of puts. */
  #sweepTemporary(): void {
    const folder = join(this.root, 'tmp')
    try {
      for (const name of readdirSync(folder)) unlinkSync(join(folder, name))
    } catch (error) {
      if (!isMissing(error)) throw asStorageError(error, { operation: 'lock', path: folder })
    }
  }
}
