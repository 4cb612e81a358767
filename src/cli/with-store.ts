import type { Store } from '../core/derived/resolve.js'
import { openStore } from '../open-store.js'
import { openPlace, type PlaceMode } from './place.js'

/** Opens the store at a place, in read mode beside its owner, and closes it when `use` is done. `missing` when there is none. */
export async function withStore<T>(place: string, mode: PlaceMode, use: (store: Store) => Promise<T>): Promise<T> {
  const { backend, close } = await openPlace(place, mode)
  try {
    const store = await openStore(backend, mode === 'read' ? { mode } : {})
    try {
      return await use(store)
    } finally {
      await store.close()
    }
  } finally {
    await close()
  }
}
