import { StorageError } from '../../base/errors.js'
import { chooseCodec } from '../../codec/codecs.js'
import { checkCompression } from '../../codec/compression.js'
import { contextOf, type Store } from '../../derived/resolve.js'
import type { Backend } from '../../ports/backend.js'
import { SnapshotStore } from './snapshot-store.js'
import type { Snapshots, SnapshotsOptions } from './types.js'

/**
 * Opens the snapshots of a store (or of a bare backend): states of agents' sessions, each immutable, found by id or as the
 * newest of its branch. Nothing is written before the first save. `unsupported` where the backend cannot compare and set,
 * `invalid` for a bad codec or compression.
 */
export async function openSnapshots<State = unknown>(source: Store | Backend, options: SnapshotsOptions = {}): Promise<Snapshots<State>> {
  const context = contextOf(source)
  context.checkOpen('openSnapshots')
  const { name, blobs } = context.backend
  if (!blobs.traits.conditionalPut) {
    const message = `${name} cannot compare and set, so the order of snapshots cannot be kept there; use R2 or a Durable Object instead`
    throw new StorageError('unsupported', message, {
      backend: name,
      operation: 'openSnapshots',
      facts: { feature: 'snapshots', missing: 'conditionalPut' },
    })
  }
  const { codec, compression = 'gzip' } = options
  checkCompression(compression)
  return new SnapshotStore<State>(context, await chooseCodec(codec), compression)
}
