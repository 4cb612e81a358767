import { StorageError } from '../../base/errors.js'
import { chooseCodec } from '../../codec/codecs.js'
import { chooseCompression } from '../../codec/compression-set.js'
import { contextOf, type Store } from '../../derived/resolve.js'
import { PackStore } from '../../engine/content/pack-store.js'
import type { Backend } from '../../ports/backend.js'
import { SNAPSHOTS } from './layout.js'
import type { SnapshotPlace } from './place.js'
import { SnapshotIndex } from './snapshot-index.js'
import type { SnapshotsOptions } from './types.js'

/** Checks what `openSnapshots` checks, and writes nothing. */
export async function openPlace(source: Store | Backend, options: SnapshotsOptions): Promise<SnapshotPlace> {
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
  const compression = chooseCompression(options.compression, options.compressions)
  const unread = (): PackStore => new PackStore({ blobs, clock: context.clock, path: SNAPSHOTS, compression })
  const codec = await chooseCodec(options.codec)
  return { context, index: new SnapshotIndex(context.backend, context.clock), packs: unread(), unread, codec, compression }
}
