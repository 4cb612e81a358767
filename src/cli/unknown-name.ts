import { isStorageError, StorageError } from '../core/base/errors.js'
import type { Store } from '../core/derived/resolve.js'
import type { Queue } from '../core/features/queue/types.js'
import { openQueue, queues } from '../index.js'

/** How many a message lists. */
export const MOST_NAMES = 20

/** Says what is not there, and what is. `kind` is a word: `queue`. */
export function unknownName(kind: string, name: string, known: readonly string[]): StorageError {
  return new StorageError('missing', `there is no such ${kind}; there ${listed(known)}`, { facts: { [kind]: name } })
}

/** Opens a queue that is there; else the error lists those that are. */
export async function openKnownQueue(store: Store, name: string): Promise<Queue<unknown>> {
  try {
    return await openQueue(store, name, { create: false })
  } catch (error) {
    if (!isStorageError(error, 'missing')) throw error
    throw unknownName('queue', name, await queues(store))
  }
}

function listed(names: readonly string[]): string {
  if (names.length === 0) return 'is none at all'
  const shown = names.slice(0, MOST_NAMES).map((name) => JSON.stringify(name))
  return `${names.length === 1 ? 'is' : 'are'} ${shown.join(', ')}${names.length > MOST_NAMES ? ' and others' : ''}`
}
