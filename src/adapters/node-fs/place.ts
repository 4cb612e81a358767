// One backend object's way to its directory: nothing is touched before the first use, and closing waits for what runs.

import { closedWhileWaiting } from '../../core/derived/local-locks.js'
import { type Directory, existingDirectory, madeDirectory } from './directory.js'
import { asStorageError, type Doing, NAME } from './errors.js'

export class Place {
  readonly path: string
  readonly checkOpen: (operation: string) => void
  readonly #running = new Set<Promise<unknown>>()
  #directory: Directory | undefined
  lastDurableWrite: number | undefined

  /** `checkOpen` throws `closed` when the backend is. */
  constructor(path: string, checkOpen: (operation: string) => void) {
    this.path = path
    this.checkOpen = checkOpen
  }

  /** For reading: undefined while nobody has made it. */
  existing(): Directory | undefined {
    this.#directory ??= existingDirectory(this.path, this)
    return this.#directory
  }

  made(): Directory {
    this.#directory ??= madeDirectory(this.path, this)
    return this.#directory
  }

  /** For writing: the directory, owned by this process. */
  owned(operation: string): Directory {
    const directory = this.made()
    directory.own(operation)
    return directory
  }

  /** Runs one call of a port: refused when closed or aborted, waited for on close, errors in our words. */
  run<T>(doing: Doing, signal: AbortSignal | undefined, task: () => Promise<T>): Promise<T> {
    if (signal?.aborted) return Promise.reject(signal.reason)
    const running = this.#guard(doing, task)
    this.#running.add(running)
    const forget = (): void => {
      this.#running.delete(running)
    }
    running.then(forget, forget)
    return running
  }

  async #guard<T>(doing: Doing, task: () => Promise<T>): Promise<T> {
    this.checkOpen(doing.operation)
    try {
      return await task()
    } catch (error) {
      throw asStorageError(error, doing)
    }
  }

  /** When new calls are refused: resolves when the running ones have ended. */
  async drain(): Promise<void> {
    this.#directory?.locks.release(this, closedWhileWaiting(NAME))
    await Promise.allSettled([...this.#running])
  }

  leave(): void {
    this.#directory?.leave(this)
  }
}
