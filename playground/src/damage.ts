// Plays a failing disk: goes behind the store, straight to the stored bytes, and flips one bit of a snapshot's content.

import { indexedDb } from 'varve/adapters/indexeddb'

/** Says which byte was changed. The store is one of `indexedDb({ name })`. */
export async function corruptByte(name: string, snapshotId: string): Promise<{ readonly at: number; readonly of: number }> {
  const backend = indexedDb({ name })
  try {
    const key = await contentKeyOf(backend, snapshotId)
    const blob = await backend.blobs.get(key)
    if (blob === undefined) throw new Error(`snapshot ${snapshotId} has no stored content`)
    const data = blob.data.slice()
    const at = data.length - 1 - Math.floor(Math.random() * Math.ceil(data.length / 4))
    data[at] = (data[at] as number) ^ (1 << Math.floor(Math.random() * 8))
    await backend.blobs.put(key, data)
    return { at, of: data.length }
  } finally {
    await backend.close()
  }
}

/** A manifest names its content; the one whose name stands in it is the one to hit. */
async function contentKeyOf(backend: ReturnType<typeof indexedDb>, snapshotId: string): Promise<string> {
  const manifest = await backend.blobs.get(`snapshots/manifests/${snapshotId}`)
  const text = new TextDecoder('latin1').decode(manifest?.data)
  const prefix = 'snapshots/content/'
  for await (const { key } of backend.blobs.list({ prefix })) {
    const id = key.slice(prefix.length).replace(/-\d+$/, '')
    if (text.includes(`"${id}"`)) return key
  }
  throw new Error(`snapshot ${snapshotId} has no stored content`)
}
