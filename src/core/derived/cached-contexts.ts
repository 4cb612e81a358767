// A store with a cache in front of it, and the same past it. The cache lies below whatever seals: it holds what the store holds.

import type { Backend } from '../ports/backend.js'
import { BlockCache } from './block-cache.js'
import { CachedBlobs } from './cached-blobs.js'
import { contextOver } from './context-over.js'
import type { StoreContext } from './store-context.js'
import { underlaid } from './underlay.js'

export interface CachePlace {
  readonly backend: Backend
  readonly maxBytes: number
}

export interface CachedContexts {
  readonly cache: BlockCache
  readonly cached: StoreContext
  /** Reads nothing from the cache, but tells it what is put and deleted. */
  readonly past: StoreContext
}

/** `isFixed` says which blobs never change. */
export function cachedContexts(
  context: StoreContext,
  { backend, maxBytes }: CachePlace,
  isFixed: (key: string) => boolean,
): CachedContexts {
  const isRequestScoped = context.backend.requestScoped === true || backend.requestScoped === true
  const blocks = new BlockCache({ backend, maxBytes, clock: context.clock, isRequestScoped })
  const over = (isRead: boolean): StoreContext =>
    contextOver(
      context,
      underlaid(context.backend.blobs, (store) => new CachedBlobs({ store, cache: blocks, isFixed, isRead })),
    )
  return { cache: blocks, cached: over(true), past: over(false) }
}
