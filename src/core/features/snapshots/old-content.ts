// The state of a snapshot of format 1: compressed as a whole, cut where a blob would have been larger than the backend takes.
// It is read, and never written again.

import { concatBytes } from '../../base/bytes.js'
import { isStorageError, StorageError } from '../../base/errors.js'
import { decompressBytes } from '../../codec/compression.js'
import { ENVELOPE_BYTES, openEnvelope } from '../../codec/envelope.js'
import { sha256Hex } from '../../codec/hash.js'
import type { BlobStore } from '../../ports/blob-store.js'
import { contentKey } from './layout.js'
import type { OldManifest } from './manifest.js'

/** The plain bytes, proved by their hash. `missing` when a part is not there, `corrupt` with `expected` and `actual` hash otherwise. */
export async function readOldContent(blobs: BlobStore, manifest: OldManifest, signal?: AbortSignal): Promise<Uint8Array> {
  const bodies: Uint8Array[] = []
  let fault: unknown
  let faulty: string | undefined
  for (let part = 0; part < manifest.content.parts; part++) {
    const key = contentKey(manifest.content.id, part)
    const blob = await blobs.get(key, signal === undefined ? {} : { signal })
    if (blob === undefined) {
      const facts = { blob: key, expected: manifest.contentHash, actual: 'nothing' }
      throw new StorageError('missing', 'the content of a snapshot is not there', { key: manifest.id, facts })
    }
    try {
      bodies.push(openEnvelope(blob.data, 'content', key).body)
    } catch (error) {
      fault ??= error
      faulty ??= key
      bodies.push(blob.data.subarray(ENVELOPE_BYTES))
    }
  }
  const packed = bodies.length === 1 ? (bodies[0] as Uint8Array) : concatBytes(bodies)
  return await provePlain(packed, manifest, { fault, blob: faulty ?? contentKey(manifest.content.id, 0) })
}

/** With a fault the bytes are damaged for certain; their hash is still worked out where possible, to be told. */
async function provePlain(
  packed: Uint8Array,
  manifest: OldManifest,
  { fault, blob }: { readonly fault: unknown; readonly blob: string },
): Promise<Uint8Array> {
  let cause = fault
  let actual = 'unreadable'
  try {
    const plain = await decompressBytes(manifest.content.compression, packed, manifest.bytes)
    actual = await sha256Hex(plain)
    if (actual === manifest.contentHash && fault === undefined) return plain
    if (actual === manifest.contentHash) actual = 'a damaged header'
  } catch (error) {
    if (isStorageError(error, 'unavailable')) throw error
    cause ??= error
  }
  const facts = { blob, expected: manifest.contentHash, actual }
  throw new StorageError('corrupt', 'the content of a snapshot is damaged', { key: manifest.id, facts, cause })
}
