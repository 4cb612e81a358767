// A name is durable only when its folder was synced, and that folder's name when its own folder was, up to the root.

import { closeSync, openSync } from 'node:fs'
import { dirname } from 'node:path'
import { isMissing, systemCode } from './errors.js'
import { syncFile } from './whole-io.js'

/** Windows has no sync of folders, and some network file systems refuse it: there the rename itself is all there is. */
const REFUSALS: ReadonlySet<string | undefined> = new Set(['EPERM', 'EISDIR', 'EINVAL', 'EBADF', 'ENOTSUP', 'EACCES'])

async function sync(folder: string): Promise<void> {
  let fd: number | undefined
  try {
    fd = openSync(folder, 'r')
    await syncFile(fd)
  } catch (error) {
    if (!REFUSALS.has(systemCode(error)) && !isMissing(error)) throw error
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

/** Remembers which folders below a root are on disk as they are, so that each change is synced once. */
export class DirectorySync {
  readonly #root: string
  readonly #changes = new Map<string, number>()
  readonly #synced = new Map<string, number>()
  #change = 0

  /** `root` includes the folder that holds the store, whose entry may be new as well. */
  constructor(root: string) {
    this.#root = root
  }

  /** An entry of the folder was made or renamed. */
  changed(folder: string): void {
    this.#changes.set(folder, ++this.#change)
  }

  /** Resolves when every name from the root down to the entries of `folder` is on disk. */
  async settle(folder: string): Promise<void> {
    for (const one of this.#chain(folder)) {
      const change = this.#changeOf(one)
      if (this.#synced.get(one) === change) continue
      await sync(one)
      this.#synced.set(one, Math.max(change, this.#synced.get(one) ?? 0))
    }
  }

  /** The folder itself was removed. */
  forget(folder: string): void {
    this.#changes.delete(folder)
    this.#synced.delete(folder)
  }

  #changeOf(folder: string): number {
    return this.#changes.get(folder) ?? 0
  }

  #chain(folder: string): readonly string[] {
    const chain: string[] = []
    for (let one = folder; one.length >= this.#root.length; one = dirname(one)) {
      chain.unshift(one)
      if (one === dirname(one)) break
    }
    return chain
  }
}
