import type { Store } from '../../derived/resolve.js'
import type { Backend } from '../../ports/backend.js'
import { openPlace } from './open-place.js'
import { SnapshotStore } from './snapshot-store.js'
import type { Snapshots, SnapshotsOptions } from './types.js'

/**
 * Opens the snapshots of a store (or of a bare backend): states of agents' sessions, each immutable, found by id or as the
 * newest of its branch; what they have in common is stored once. Nothing is written before the first save. `unsupported`
 * where the backend cannot compare and set, or the runtime lacks the compression; `invalid` for a bad codec or compression.
 */
export async function openSnapshots<State = unknown>(source: Store | Backend, options: SnapshotsOptions = {}): Promise<Snapshots<State>> {
  const place = await openPlace(source, options)
  return new SnapshotStore<State>(place)
}
