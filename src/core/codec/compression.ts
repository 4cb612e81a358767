// Compression by name (as users write it) and by id (as it is stored). What does not pay is stored as it is; what is read
// back never grows past the length that was stored with it.

import { isStorageError, StorageError } from '../base/errors.js'
import { compress, decompress } from '#primitives'

/** `none` 0, `gzip` 1, `deflate` 2 (raw, RFC 1951). */
export type CompressionName = 'none' | 'gzip' | 'deflate'

const NAMES: readonly CompressionName[] = ['none', 'gzip', 'deflate']
const MIN_BYTES = 512
/** Stored compressed only when at most this share of the bytes remains. */
const MAX_REMAINING = 0.9

export interface CompressedBytes {
  /** Id of what was used in the end: 0 where compression would not pay. */
  readonly compression: number
  readonly bytes: Uint8Array
}

/** The name of a stored id; `unsupported` for one that this version does not know. */
export function compressionName(id: number): CompressionName {
  const name = NAMES[id]
  if (name === undefined)
    throw new StorageError('unsupported', 'stored with a compression that this version does not know', { facts: { compression: id } })
  return name
}

/** Throws `invalid` for anything but a name. */
export function checkCompression(name: unknown): void {
  if (!NAMES.includes(name as CompressionName)) {
    throw new StorageError('invalid', `compression is one of ${NAMES.join(', ')}`, { facts: { compression: String(name) } })
  }
}

/** Compresses, unless the bytes are fewer than 512 or would not shrink by a tenth. `level` is 0-9 and a hint. */
export async function compressBytes(name: CompressionName, bytes: Uint8Array, level?: number): Promise<CompressedBytes> {
  if (name === 'none' || bytes.length < MIN_BYTES) return { compression: 0, bytes }
  const smaller = await compress(name, bytes, level)
  if (smaller.length > bytes.length * MAX_REMAINING) return { compression: 0, bytes }
  return { compression: NAMES.indexOf(name), bytes: smaller }
}

/** The inverse: `corrupt` when the bytes do not inflate to exactly `plainLength`, and no more memory than that is taken; `unavailable` where this runtime has to load code for it and cannot. */
export async function decompressBytes(id: number, bytes: Uint8Array, plainLength: number): Promise<Uint8Array> {
  const name = compressionName(id)
  if (name === 'none') {
    if (bytes.length !== plainLength) throw damaged(name, bytes.length, plainLength)
    return bytes
  }
  try {
    return await decompress(name, bytes, plainLength)
  } catch (cause) {
    if (isStorageError(cause, 'unavailable')) throw cause
    throw damaged(name, bytes.length, plainLength, cause)
  }
}

function damaged(compression: CompressionName, storedBytes: number, plainBytes: number, cause?: unknown): StorageError {
  return new StorageError('corrupt', 'stored bytes do not give what was compressed', {
    facts: { compression, storedBytes, plainBytes },
    cause,
  })
}
