// Where the queues of an archive go: made anew, with an entry that says what they descend from, or gone on with where an
// earlier import of the same archive was cut.

import { StorageError } from '../../base/errors.js'
import { contextOf } from '../../derived/resolve.js'
import type { Store, StoreContext } from '../../derived/store-context.js'
import { createQueue, disciplineOf, type FoundEntry, findQueue } from '../../engine/catalogue.js'
import type { Backend } from '../../ports/backend.js'
import { descentOf } from '../replica-queue.js'
import type { ArchivedQueue } from './contents.js'
import type { OnExisting } from './types.js'

/** Given and not imported: a bundler would put it before everything that loads imports on demand. */
export type DeleteQueue = (target: Store | Backend, name: string) => Promise<void>

export class QueueTargets {
  readonly #target: Store | Backend
  readonly #onExisting: OnExisting
  readonly #deleteQueue: DeleteQueue
  readonly #replaced = new Set<string>()

  constructor(target: Store | Backend, onExisting: OnExisting, deleteQueue: DeleteQueue) {
    this.#target = target
    this.#onExisting = onExisting
    this.#deleteQueue = deleteQueue
  }

  get context(): StoreContext {
    return contextOf(this.#target)
  }

  /** Before anything is stored: `conflict` where one of them is there and is not to be touched. */
  async check(queues: readonly ArchivedQueue[]): Promise<void> {
    if (this.#onExisting !== 'refuse') return
    for (const queue of queues) {
      const found = await findQueue(this.context.backend.blobs, queue.name)
      if (found !== undefined && !isFrom(found, queue)) throw exists(queue.name)
    }
  }

  /** The entry of the queue, made where there is none; undefined where another one is to be left as it is. */
  async place(queue: ArchivedQueue): Promise<FoundEntry | undefined> {
    const { backend, clock } = this.context
    const found = await findQueue(backend.blobs, queue.name)
    if (found !== undefined && this.#onExisting === 'replace' && !this.#replaced.has(queue.name)) {
      await this.#deleteQueue(this.#target, queue.name)
    } else if (found !== undefined) {
      if (isFrom(found, queue)) return found
      if (this.#onExisting === 'skip') return undefined
      throw exists(queue.name)
    }
    this.#replaced.add(queue.name)
    const holdsText = backend.files !== undefined && backend.streams === undefined
    const frames = holdsText && queue.frames !== undefined ? { frames: queue.frames } : {}
    const entry = { buckets: queue.buckets, discipline: disciplineOf(backend), createdAt: clock.now(), origin: descentOf(queue), ...frames }
    const made = await createQueue(backend.blobs, queue.name, entry)
    if (isFrom(made, queue)) return made
    throw exists(queue.name) // somebody else made it at the same moment
  }
}

/** Made from this archive, or from another one of the same queue: then their records are compared. */
function isFrom({ entry }: FoundEntry, queue: ArchivedQueue): boolean {
  const isCopy = entry.origin !== undefined && entry.origin === descentOf(queue)
  return isCopy && entry.incarnation !== queue.incarnation && entry.buckets === queue.buckets
}

function exists(queue: string): StorageError {
  const message = 'there is such a queue already, and it did not come from this archive; import into another store, or say skip or replace'
  return new StorageError('conflict', message, { operation: 'importAll', facts: { queue } })
}
