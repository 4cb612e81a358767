// Blobs as they lie there, below whatever seals them: one that does not open any more can still be copied aside and replaced.

import type { BlobStore } from '../ports/blob-store.js'

export type StoredBlobs = Pick<BlobStore, 'get' | 'put'>

const storedBelow = new WeakMap<BlobStore, StoredBlobs>()

/** Called by what seals, or hands on what does. */
export function setStoredBlobs(blobs: BlobStore, below: StoredBlobs): void {
  storedBelow.set(blobs, below)
}

/** Of a store that nothing seals, that store. Versions are the same in both; keys of blobs are those they are stored under. */
export function storedBlobs(blobs: BlobStore): StoredBlobs {
  return storedBelow.get(blobs) ?? blobs
}
