// Files of a directory of the machine, through node:fs. One process owns a directory; others may read beside it.

import { statfs } from 'node:fs/promises'
import { resolve } from 'node:path'
import { asyncDispose } from '../../core/base/async-dispose.js'
import { Closing } from '../../core/base/closing.js'
import { StorageError } from '../../core/base/errors.js'
import type { Backend, StorageHealth } from '../../core/ports/backend.js'
import type { AsyncDisposal } from '../../core/ports/options.js'
import { NodeBlobs } from './blobs.js'
import { NAME } from './errors.js'
import { NodeFiles } from './files.js'
import { NodeLocks } from './locks.js'
import { Place } from './place.js'
import { NodeSignals } from './signals.js'
import { usedBytes } from './used-bytes.js'

export interface NodeFsOptions {
  /** Where everything is kept; made when it is missing. Relative to the working directory of the moment of the call. */
  readonly directory: string
  /** For `health()`: why this backend was chosen. */
  readonly chosen?: string
}

/**
 * A backend over a directory. A put is written aside, synced, renamed and its folder synced before it resolves
 * (`relaxed` leaves the syncs out). The first change takes the directory for this process: another process gets
 * `denied` with host and pid, and one that lost the directory gets `fenced`. Reads take no lock.
 * Errors: `quota` disk full, `denied` no permission, `unavailable` too many open files or a failing disk.
 */
export function nodeFs(options: NodeFsOptions): Backend & AsyncDisposal {
  if (typeof options?.directory !== 'string' || options.directory === '') {
    throw new StorageError('invalid', 'nodeFs wants { directory }', { backend: NAME, operation: 'nodeFs' })
  }
  return new NodeFsBackend(resolve(options.directory), options.chosen ?? 'nodeFs() was passed in')
}

class NodeFsBackend implements Backend, AsyncDisposal {
  readonly name = NAME
  readonly blobs: NodeBlobs
  readonly files: NodeFiles
  readonly locks: NodeLocks
  readonly signals: NodeSignals
  readonly #closing = new Closing(NAME)
  readonly #place: Place
  readonly #chosen: string

  constructor(directory: string, chosen: string) {
    this.#chosen = chosen
    this.#place = new Place(directory, this.#closing.checkOpen)
    this.blobs = new NodeBlobs(this.#place)
    this.files = new NodeFiles(this.#place)
    this.locks = new NodeLocks(this.#place)
    this.signals = new NodeSignals(this.#place)
  }

  async health(): Promise<StorageHealth> {
    this.#place.checkOpen('health')
    const { path } = this.#place
    const [used, disk] = await Promise.all([usedBytes(path), statfs(path).catch(() => undefined)])
    return {
      backend: NAME,
      location: path,
      chosen: this.#chosen,
      persisted: true,
      ephemeral: false,
      durability: 'disk',
      usedBytes: used,
      freeBytes: disk === undefined ? undefined : disk.bavail * disk.bsize,
      wipeGuard: 'none',
      lastDurableWrite: this.#place.lastDurableWrite,
      warnings:
        process.platform === 'linux' ? [] : ['after a crash of the machine, reordered writes cannot be told from a process that died'],
    }
  }

  close(): Promise<void> {
    return this.#closing.close(this, () => this.#letGo())
  }

  [asyncDispose](): Promise<void> {
    return this.close()
  }

  async #letGo(): Promise<void> {
    await this.#place.drain()
    await this.files.close()
    this.signals.close()
    this.#place.leave()
  }
}
