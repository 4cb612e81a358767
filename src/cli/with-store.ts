import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { holdsStore } from '../adapters/node-fs/holds-store.js'
import { nodeFs } from '../adapters/node-fs/index.js'
import { StorageError } from '../core/base/errors.js'
import type { Store, StoreMode } from '../core/derived/resolve.js'
import { openStore } from '../open-store.js'

/** Where openStore keeps what it opens by name. */
const NAMED = '.varve'

/**
 * Opens the store of a directory, in read mode beside its owner, and closes it when `use` is done. `create` is `write`
 * where there need be none yet; else `missing` when there is none.
 */
export async function withStore<T>(directory: string, mode: StoreMode | 'create', use: (store: Store) => Promise<T>): Promise<T> {
  if (mode !== 'create') await checkStore(directory)
  const backend = nodeFs({ directory })
  const store = await openStore(backend, mode === 'read' ? { mode } : {})
  try {
    return await use(store)
  } finally {
    await store.close()
    await backend.close()
  }
}

async function checkStore(directory: string): Promise<void> {
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new StorageError('missing', 'there is no such directory', { facts: { directory } })
  }
  if (await holdsStore(directory)) return
  const below = [...(await storesIn(directory)), ...(await storesIn(join(directory, NAMED)))]
  const message = below.length === 0 ? 'there is no store in this directory' : 'the directory holds no store, but folders in it do'
  throw new StorageError('missing', message, { facts: { directory, stores: below.length === 0 ? undefined : below } })
}

async function storesIn(directory: string): Promise<readonly string[]> {
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true) return []
  const found: string[] = []
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name)
    if (entry.isDirectory() && (await holdsStore(path).catch(() => false))) found.push(path)
  }
  return found
}
