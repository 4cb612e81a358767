// A store of snapshots as format 1 left it.

import type { Backend } from 'varve'
import { memory } from 'varve/adapters/memory'
import { readGolden } from '../../golden/golden.mjs'

export async function golden(): Promise<Backend> {
  const backend = memory()
  const blobs: Record<string, string> = readGolden('format-1', 'snapshots').stored.blobs
  for (const [key, text] of Object.entries(blobs)) await backend.blobs.put(key, new Uint8Array(Buffer.from(text, 'base64')))
  return backend
}
