// One owner a directory. Files `lock/<n>` are made create-only and never reused: the highest n is the owner and the
// fencing token. A lock given back stays as a file that says so, because numbers must not begin again.

import {
  closeSync,
  existsSync,
  fstatSync,
  linkSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { StorageError } from '../../core/base/errors.js'
import { asStorageError, isMissing, NAME, systemCode } from './errors.js'
import { type Identity, judge, ownIdentity } from './identity.js'

const HEARTBEAT_MS = 5_000
const STALE_MS = 30_000
const ROUNDS = 20
const RELEASED = JSON.stringify({ released: true })

interface Found {
  readonly n: number
  readonly owner: Identity | undefined
  readonly released: boolean
  readonly beatMs: number
}

/** Held until released, or until another process proves this one dead. */
export class DirectoryLock {
  readonly n: number
  readonly #file: string
  readonly #next: string
  readonly #fd: number
  readonly #identity: Identity
  readonly #timer: NodeJS.Timeout
  readonly #onLost: () => void
  #ended = false

  constructor(folder: string, n: number, identity: Identity, onLost: () => void) {
    this.n = n
    this.#identity = identity
    this.#onLost = onLost
    this.#file = join(folder, String(n))
    this.#next = join(folder, String(n + 1))
    this.#fd = openSync(this.#file, 'r+')
    this.#timer = setInterval(() => this.#beat(), HEARTBEAT_MS)
    this.#timer.unref()
  }

  /** Asks the file system: false once a later owner exists, or when the lock's own file is gone. */
  held(): boolean {
    if (this.#ended) return false
    if (!existsSync(this.#next) && existsSync(this.#file)) return true
    this.#end()
    this.#onLost()
    return false
  }

  /** Leaves the number behind, marked as free. */
  release(): void {
    if (!this.held()) return
    try {
      this.#mark()
    } catch (error) {
      throw asStorageError(error, { operation: 'unlock', path: this.#file })
    } finally {
      this.#end()
    }
  }

  #mark(): void {
    const marked = `${this.#file}.released-${this.#identity.token}`
    try {
      writeAside(marked, RELEASED)
      renameSync(marked, this.#file)
    } catch {
      // A full disk has no room for another file, and bytes that are there already can be written over.
      remove(marked)
      writeSync(this.#fd, RELEASED.padEnd(fstatSync(this.#fd).size), 0)
    }
  }

  /** Writing the same byte moves the file's time by the file system's own clock. */
  #beat(): void {
    if (!this.held()) return
    try {
      writeSync(this.#fd, '{', 0)
    } catch {
      // A full or failing disk: the next beat tries again, and `held()` decides.
    }
  }

  #end(): void {
    if (this.#ended) return
    this.#ended = true
    clearInterval(this.#timer)
    closeSync(this.#fd)
  }
}

/** The lock, or who has it. Throws `denied` when the folder cannot be written. */
export function takeDirectoryLock(folder: string, onLost: () => void): DirectoryLock | Identity {
  const identity = ownIdentity()
  const aside = join(folder, `.${identity.token}`)
  try {
    writeAside(aside, JSON.stringify(identity))
    return contend(folder, aside, identity, onLost)
  } catch (error) {
    throw asStorageError(error, { operation: 'lock', path: folder })
  } finally {
    remove(aside)
  }
}

/** Who owns the directory, by its files alone; undefined when nobody does. Changes nothing. */
export function directoryOwner(folder: string): Identity | undefined {
  const top = highest(folder)
  if (top === undefined || top.released || top.owner === undefined) return undefined
  return isDead(top, ownIdentity(), Date.now()) ? undefined : top.owner
}

export function describe(owner: Identity): string {
  return `host=${owner.host} pid=${owner.pid}`
}

function contend(folder: string, aside: string, identity: Identity, onLost: () => void): DirectoryLock | Identity {
  for (let round = 0; round < ROUNDS; round++) {
    const top = highest(folder)
    if (top !== undefined && !top.released && !isDead(top, identity, statSync(aside).mtimeMs)) return top.owner ?? unreadable()
    const n = (top?.n ?? 0) + 1
    if (!create(aside, join(folder, String(n)))) continue
    if (isHighest(folder, n)) {
      const lock = new DirectoryLock(folder, n, identity, onLost)
      sweep(folder, n)
      return lock
    }
    remove(join(folder, String(n)))
  }
  throw new StorageError('denied', 'too many processes want the directory at once', { backend: NAME, operation: 'lock', facts: { folder } })
}

/** A listing may miss a file that is replaced while it runs; two in a row do not miss two of them. */
function isHighest(folder: string, n: number): boolean {
  for (let look = 0; look < 2; look++) if (Math.max(...numbers(folder)) !== n) return false
  return true
}

/** False when somebody else made this number first. */
function create(aside: string, file: string): boolean {
  try {
    linkSync(aside, file)
    return true
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false
    if (!['EPERM', 'ENOTSUP', 'ENOSYS', 'EOPNOTSUPP'].includes(systemCode(error) ?? '')) throw error
  }
  return createWithoutLinks(aside, file)
}

/** Some file systems have no hard links. Until it is written through, the file reads as an owner who is not known yet. */
function createWithoutLinks(aside: string, file: string): boolean {
  try {
    writeAside(file, readFileSync(aside, 'utf8'))
    return true
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false
    throw error
  }
}

function isDead(found: Found, own: Identity, nowMs: number): boolean {
  const verdict = found.owner === undefined ? 'unknown' : judge(found.owner, own)
  return verdict === 'dead' || (verdict === 'unknown' && nowMs - found.beatMs > STALE_MS)
}

function unreadable(): Identity {
  return { host: 'unknown', pid: 0, token: '' }
}

function highest(folder: string): Found | undefined {
  for (let round = 0; round < ROUNDS; round++) {
    const n = Math.max(0, ...numbers(folder))
    if (n === 0) return undefined
    const found = readLock(folder, n)
    if (found !== undefined) return found
  }
  return undefined
}

/** undefined when a later owner removed it meanwhile. */
function readLock(folder: string, n: number): Found | undefined {
  const file = join(folder, String(n))
  try {
    const { mtimeMs } = statSync(file)
    return { n, beatMs: mtimeMs, ...parse(readFileSync(file, 'utf8')) }
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

function parse(text: string): { readonly owner: Identity | undefined; readonly released: boolean } {
  try {
    const value = JSON.parse(text) as { released?: boolean } & Identity
    if (value.released === true) return { owner: undefined, released: true }
    return { owner: typeof value.pid === 'number' && typeof value.host === 'string' ? value : undefined, released: false }
  } catch {
    return { owner: undefined, released: false }
  }
}

function numbers(folder: string): readonly number[] {
  try {
    return readdirSync(folder)
      .filter((name) => /^[1-9][0-9]*$/.test(name))
      .map(Number)
  } catch (error) {
    if (isMissing(error)) return []
    throw error
  }
}

/**
 * Lower numbers in ascending order, so that an earlier owner never sees its successor's file vanish before its own;
 * then what contenders left that died in the middle.
 */
function sweep(folder: string, n: number): void {
  const nowMs = statSync(join(folder, String(n))).mtimeMs
  for (const lower of [...numbers(folder)].sort((a, b) => a - b)) if (lower < n) remove(join(folder, String(lower)))
  for (const name of readdirSync(folder)) {
    if (/^[1-9][0-9]*$/.test(name)) continue
    const age = nowMs - (statSync(join(folder, name), { throwIfNoEntry: false })?.mtimeMs ?? nowMs)
    if (age > STALE_MS) remove(join(folder, name))
  }
}

function writeAside(path: string, text: string): void {
  const fd = openSync(path, 'wx', 0o600)
  try {
    writeSync(fd, text)
  } finally {
    closeSync(fd)
  }
}

function remove(path: string): void {
  try {
    unlinkSync(path)
  } catch (error) {
    if (!isMissing(error)) throw error
  }
}
