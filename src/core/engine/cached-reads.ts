// Where a cache lies between a reader and the store. Blobs that prove themselves are read through it; what turns out damaged
// is read once more past it, so that a cache never makes a whole store look damaged.

import { isStorageError } from '../base/errors.js'
import type { BlobStore } from '../ports/blob-store.js'

export interface CachedReads {
  /** The same store, past the cache: what it says is there is there. */
  readonly past: BlobStore
  /** From this call on the blob is read past the cache, which lets go of it. Never rejects. */
  distrust(key: string): Promise<void>
}

/** `read` reads a blob and proves it; it runs again where that ends in `corrupt` and there is a cache. */
export async function readProved<Value>(
  cache: Pick<CachedReads, 'distrust'> | undefined,
  key: string,
  read: () => Promise<Value>,
): Promise<Value> {
  try {
    return await read()
  } catch (error) {
    if (cache === undefined || !isStorageError(error, 'corrupt')) throw error
    await cache.distrust(key)
    return await read()
  }
}
