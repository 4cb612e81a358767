// Plays a failing disk: goes behind the store, straight to the stored bytes, and flips one bit of a snapshot's manifest.

import { indexedDb } from 'varve/adapters/indexeddb'

/** Says which byte was changed. The store is one of `indexedDb({ name })`. */
export async function corruptByte(name: string, snapshotId: string): Promise<{ readonly at: number; readonly of: number }> {
  const backend = indexedDb({ name })
  try {
    const key = `snapshots/manifests/${snapshotId}`
    const blob = await backend.blobs.get(key)
    if (blob === undefined) throw new Error(`snapshot ${snapshotId} has no manifest of its own`)
    const data = blob.data.slice()
    const at = data.length - 1 - Math.floor(Math.random() * Math.ceil(data.length / 4))
    data[at] = (data[at] as number) ^ (1 << Math.floor(Math.random() * 8))
    await backend.blobs.put(key, data)
    return { at, of: data.length }
  } finally {
    await backend.close()
  }
}
