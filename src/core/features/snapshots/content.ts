// The state of a snapshot as blobs: compressed as a whole, cut where a blob would be larger than the backend takes.

import { concatBytes, equalBytes } from '../../base/bytes.js'
import { isStorageError, StorageError } from '../../base/errors.js'
import type { EncodedValue } from '../../codec/codecs.js'
import { type CompressionName, compressBytes, decompressBytes } from '../../codec/compression.js'
import { ENVELOPE_BYTES, openEnvelope, sealEnvelope } from '../../codec/envelope.js'
import { sha256Hex } from '../../codec/hash.js'
import type { BlobStore } from '../../ports/blob-store.js'
import { contentKey } from './layout.js'
import type { Manifest } from './manifest.js'

/** The fastest: a save waits for it, and higher levels gain a few per cent. */
const LEVEL = 1

export interface PackedContent {
  /** SHA-256 of the plain bytes. */
  readonly hash: string
  readonly compression: number
  /** Sealed, ready to be stored. */
  readonly parts: readonly Uint8Array[]
  readonly storedBytes: number
}

/** Hashes, compresses, compares what comes back with what went in, and cuts. */
export async function packContent(value: EncodedValue, compression: CompressionName, maxBlobBytes: number): Promise<PackedContent> {
  const { bytes: plain, codec } = value
  const hash = await sha256Hex(plain)
  const packed = await compressBytes(compression, plain, LEVEL)
  if (packed.compression !== 0 && !equalBytes(await decompressBytes(packed.compression, packed.bytes, plain.length), plain)) {
    throw new StorageError('corrupt', 'the compressed state does not inflate to what it was made from; nothing was stored', {
      facts: { compression },
    })
  }
  const step = maxBlobBytes - ENVELOPE_BYTES
  const parts: Uint8Array[] = []
  for (let at = 0; at === 0 || at < packed.bytes.length; at += step) {
    parts.push(sealEnvelope({ kind: 'content', codec }, packed.bytes.subarray(at, at + step)))
  }
  const storedBytes = parts.reduce((sum, part) => sum + part.length, 0)
  return { hash, compression: packed.compression, parts, storedBytes }
}

/** The plain bytes, proved by their hash. `missing` when a part is not there, `corrupt` with `expected` and `actual` hash otherwise. */
export async function readContent(blobs: BlobStore, manifest: Manifest, signal?: AbortSignal): Promise<Uint8Array> {
  const bodies: Uint8Array[] = []
  let fault: unknown
  for (let part = 0; part < manifest.content.parts; part++) {
    const key = contentKey(manifest.content.id, part)
    const blob = await blobs.get(key, signal === undefined ? {} : { signal })
    if (blob === undefined) {
      const facts = { part, expected: manifest.contentHash, actual: 'nothing' }
      throw new StorageError('missing', 'the content of a snapshot is not there', { key: manifest.id, facts })
    }
    try {
      bodies.push(openEnvelope(blob.data, 'content', key).body)
    } catch (error) {
      fault ??= error
      bodies.push(blob.data.subarray(ENVELOPE_BYTES))
    }
  }
  return await provePlain(bodies.length === 1 ? (bodies[0] as Uint8Array) : concatBytes(bodies), manifest, fault)
}

/** With a fault the bytes are damaged for certain; their hash is still worked out where possible, to be told. */
async function provePlain(packed: Uint8Array, manifest: Manifest, fault: unknown): Promise<Uint8Array> {
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
  const facts = { expected: manifest.contentHash, actual }
  throw new StorageError('corrupt', 'the content of a snapshot is damaged', { key: manifest.id, facts, cause })
}
