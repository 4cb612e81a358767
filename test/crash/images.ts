// The disk of a backend as it is now, and the same with one file or blob changed.

import type { Backend } from 'varve'
import type { DiskImage } from 'varve/testing'

export async function imageOf(backend: Backend): Promise<DiskImage> {
  const files = new Map<string, { synced: Uint8Array; writes: never[]; isNamed: boolean }>()
  if (backend.files !== undefined) {
    for await (const { path, size } of backend.files.list('')) {
      const file = await backend.files.open(path, { mode: 'read' })
      files.set(path, { synced: await file.read({ start: 0, end: size }), writes: [], isNamed: true })
      await file.close()
    }
  }
  const blobs = new Map<string, { synced: { bytes: Uint8Array; version: string }; changes: never[] }>()
  for await (const { key } of backend.blobs.list()) {
    const blob = await backend.blobs.get(key)
    if (blob !== undefined) blobs.set(key, { synced: { bytes: blob.data, version: blob.version }, changes: [] })
  }
  return { files, blobs }
}

/** undefined removes it. */
export function withFile(image: DiskImage, path: string, bytes: Uint8Array | undefined): DiskImage {
  const files = new Map(image.files)
  if (bytes === undefined) files.delete(path)
  else files.set(path, { synced: bytes, writes: [], isNamed: true })
  return { ...image, files }
}

/** undefined removes it. */
export function withBlob(image: DiskImage, key: string, bytes: Uint8Array | undefined): DiskImage {
  const blobs = new Map(image.blobs)
  if (bytes === undefined) blobs.delete(key)
  else blobs.set(key, { synced: { bytes, version: 'damaged' }, changes: [] })
  return { ...image, blobs }
}

export function fileBytes(image: DiskImage, path: string): Uint8Array {
  return image.files.get(path)?.synced ?? new Uint8Array(0)
}

export function flipped(bytes: Uint8Array, at: number, bit: number): Uint8Array {
  const copy = bytes.slice()
  copy[at] = (copy[at] as number) ^ (1 << bit)
  return copy
}
