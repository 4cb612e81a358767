import type { BlobStore } from '../../ports/blob-store.js'

/** Keeps a copy of what a repair replaces or removes. */
export type Quarantine = (path: string, bytes: AsyncIterable<Uint8Array>) => Promise<void>

export async function copyBlobAside(blobs: BlobStore, key: string, quarantine: Quarantine): Promise<void> {
  const blob = await blobs.get(key)
  if (blob !== undefined) await quarantine(key, once(blob.data))
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

/** Only the first copy of each path: the later ones would be of what a repair made of it. */
export function onceEach(quarantine: Quarantine): Quarantine {
  const kept = new Set<string>()
  return async (path, bytes) => {
    if (kept.has(path)) return
    await quarantine(path, bytes)
    kept.add(path)
  }
}
