// Manifests as blobs, by the keys that they lie under: for those who do not come from a session.

import type { BlobStore } from '../../ports/blob-store.js'
import { isId, MANIFESTS } from './layout.js'
import { type Manifest, manifestIn, openBatch, openManifest } from './manifest.js'

const ID_CHARACTERS = 36

export interface FoundManifest {
  readonly manifest: Manifest
  /** In the key of one that came from another store. */
  readonly attempt: string | undefined
}

/** All in one blob; none where it is gone. `corrupt` where it is damaged. */
export async function manifestsAt(blobs: BlobStore, key: string): Promise<FoundManifest[]> {
  const blob = await blobs.get(key)
  if (blob === undefined) return []
  const name = key.slice(MANIFESTS.length)
  const id = name.slice(0, ID_CHARACTERS)
  if (isId(id)) return [{ manifest: await openManifest(blob.data, id), attempt: name.slice(ID_CHARACTERS + 1) || undefined }]
  const texts = await openBatch(blob.data, key)
  const found: FoundManifest[] = []
  for (const one of texts.keys()) {
    const manifest = await manifestIn(texts, one)
    if (manifest !== undefined) found.push({ manifest, attempt: undefined })
  }
  return found
}
