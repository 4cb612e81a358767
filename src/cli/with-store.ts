import { statSync } from 'node:fs'
import { nodeFs } from '../adapters/node-fs/index.js'
import { StorageError } from '../core/base/errors.js'
import type { Store, StoreMode } from '../core/derived/resolve.js'
import { openStore } from '../open-store.js'

/** Opens the store of a directory, in read mode beside its owner, and closes it when `use` is done. `missing` when there is none to read. */
export async function withStore<T>(directory: string, mode: StoreMode, use: (store: Store) => Promise<T>): Promise<T> {
  if (mode === 'read') checkDirectory(directory)
  const backend = nodeFs({ directory })
  const store = await openStore(backend, mode === 'read' ? { mode } : {})
  try {
    return await use(store)
  } finally {
    await store.close()
    await backend.close()
  }
}

function checkDirectory(directory: string): void {
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new StorageError('missing', 'there is no such directory', { facts: { directory } })
  }
}
