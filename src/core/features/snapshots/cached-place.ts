// A place whose blobs that never change are kept on another backend too. What the store really holds is asked past that.

import { StorageError } from '../../base/errors.js'
import { cachedContexts, type CachePlace } from '../../derived/cached-contexts.js'
import type { StoreContext } from '../../derived/store-context.js'
import type { CachedReads } from '../../engine/cached-reads.js'
import { PackStore } from '../../engine/content/pack-store.js'
import type { Backend } from '../../ports/backend.js'
import { isFixedKey, SNAPSHOTS } from './layout.js'
import type { SnapshotPlace } from './place.js'
import { SnapshotIndex } from './snapshot-index.js'
import type { SnapshotCache } from './types.js'

const MAX_BYTES = 256 * 1024 * 1024

/** `placeOver` makes the place of a store that is given one; the cache lies below what it seals with. */
export function cachedPlace(
  plain: StoreContext,
  option: Backend | SnapshotCache,
  placeOver: (context: StoreContext) => SnapshotPlace,
): SnapshotPlace {
  const { cache, cached, past: pastContext } = cachedContexts(plain, takeCache(plain, option), isFixedKey)
  const past = placeOver(pastContext)
  const { context, compression, codec } = placeOver(cached)
  const { backend, clock } = context
  const reads: CachedReads = { past: past.context.backend.blobs, distrust: (key) => cache.distrust(key) }
  return {
    context,
    index: new SnapshotIndex(backend, clock, reads),
    packs: new PackStore({ blobs: backend.blobs, clock, path: SNAPSHOTS, compression, cache: reads }),
    unread: past.unread,
    past,
    close: () => cache.close(),
    codec,
    compression,
  }
}

function takeCache({ backend: store }: StoreContext, option: Backend | SnapshotCache): CachePlace {
  const { backend, maxBytes = MAX_BYTES } = isBackend(option) ? { backend: option } : option
  if (isBackend(backend) && backend.blobs !== store.blobs && Number.isSafeInteger(maxBytes) && maxBytes > 0) return { backend, maxBytes }
  throw new StorageError('invalid', 'a cache is a backend other than the store, and its maxBytes a whole number above 0', {
    operation: 'openSnapshots',
    facts: { maxBytes },
  })
}

function isBackend(value: Backend | SnapshotCache): value is Backend {
  return typeof value === 'object' && value !== null && 'blobs' in value
}
