// How a backend ends: first all that was opened on it, then it refuses calls, then it lets go of what it holds itself.

import { closeDependents } from './dependents.js'
import { StorageError } from './errors.js'

/** The end of one backend object. */
export class Closing {
  readonly #backend: string
  #ending: Promise<void> | undefined
  #closed = false

  /** `backend` is its name, for errors. */
  constructor(backend: string) {
    this.#backend = backend
  }

  /** Throws `closed` once the backend is; can be handed on alone. */
  readonly checkOpen = (operation: string): void => {
    if (this.#closed) throw new StorageError('closed', 'the backend is closed', { backend: this.#backend, operation })
  }

  /** What `close()` of a backend does, once however often it is called. `letGo` runs also when something on it failed to close. */
  close(owner: object, letGo: () => void | Promise<void> = () => {}): Promise<void> {
    this.#ending ??= this.#end(owner, letGo)
    return this.#ending
  }

  async #end(owner: object, letGo: () => void | Promise<void>): Promise<void> {
    try {
      await closeDependents(owner)
    } finally {
      this.#closed = true
      await letGo()
    }
  }
}
