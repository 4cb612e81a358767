// Copies of what is replaced or removed, before it is.

import type { BlobStore } from '../../ports/blob-store.js'
import type { ByteSource, FileStore } from '../../ports/file-store.js'
import { withFile } from './file-log-place.js'

/** Keeps a copy of what a repair replaces or removes. */
export type Quarantine = (path: string, bytes: AsyncIterable<Uint8Array>) => Promise<void>

const PIECE_BYTES = 1024 * 1024

export async function copyAside(files: FileStore, path: string, quarantine: Quarantine): Promise<void> {
  await withFile(files, path, (source) => quarantine(path, pieces(source)))
}

export async function copyBlobAside(blobs: BlobStore, key: string, quarantine: Quarantine): Promise<void> {
  const blob = await blobs.get(key)
  if (blob !== undefined) await quarantine(key, once(blob.data))
}

async function* pieces(source: ByteSource): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < source.size; start += PIECE_BYTES) {
    yield await source.read({ start, end: Math.min(start + PIECE_BYTES, source.size) })
  }
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
