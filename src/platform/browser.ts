// The default store of every browser context, pages and workers alike: IndexedDB, so that one name is one store in the origin.

import { destroyIndexedDb, indexedDb } from '../adapters/indexeddb/index.js'
import type { Backend } from '../core/ports/backend.js'

/** The backend that `openStore(name)` uses here. */
export function defaultBackend(name: string): Backend {
  return indexedDb({ name, chosen: 'the default of browsers: every tab and worker of the origin shares it' })
}

/** Deletes the store that `openStore(name)` would open. */
export function destroyDefault(name: string): Promise<void> {
  return destroyIndexedDb(name)
}
