import { loadPart } from '../../base/load-part.js'
import type { Store } from '../../derived/resolve.js'
import type { Backend } from '../../ports/backend.js'
import type { Snapshots } from './snapshots.js'
import type { SnapshotsOptions } from './types.js'

/**
 * Opens the snapshots of a store (or of a bare backend): states of agents' sessions, each immutable, found by id or as the
 * newest of its branch; what they have in common is stored once. Nothing is written before the first save. `unsupported`
 * where the backend cannot compare and set, or the runtime lacks the compression; `invalid` for a bad codec or compression.
 */
export async function openSnapshots<State = unknown>(source: Store | Backend, options: SnapshotsOptions = {}): Promise<Snapshots<State>> {
  const { openPlace, SnapshotStore } = await loadPart('snapshots', () => import('./snapshot-store.js'))
  return new SnapshotStore<State>(await openPlace(source, options), options.trace)
}
