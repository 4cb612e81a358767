// What is put between a store and whatever seals its blobs: a cache, which must hold no more than the store holds.

import type { BlobStore } from '../ports/blob-store.js'

export type Wrap = (below: BlobStore) => BlobStore

const underlays = new WeakMap<BlobStore, (wrap: Wrap) => BlobStore>()

/** Called by what seals, or hands on what does: `over` makes the same over what `wrap` makes of the store below. */
export function setUnderlay(blobs: BlobStore, over: (wrap: Wrap) => BlobStore): void {
  underlays.set(blobs, over)
}

/** undefined where nothing seals. */
export function underlayOf(blobs: BlobStore): ((wrap: Wrap) => BlobStore) | undefined {
  return underlays.get(blobs)
}

/** The same blobs with `wrap` around the store itself, below all that seals. */
export function underlaid(blobs: BlobStore, wrap: Wrap): BlobStore {
  return underlayOf(blobs)?.(wrap) ?? wrap(blobs)
}
