// Compression by name (as users write it) and by id (as it is stored). What does not pay is stored as it is; what is read
// back never grows past the length that was stored with it. A runtime brings what it has natively, a program the rest.

import { isStorageError, StorageError } from '../base/errors.js'
import { compress, decompress, hasCompression } from '#primitives'

/** `none` 0, `gzip` 1, `deflate` 2 (raw, RFC 1951), `brotli` 3 (RFC 7932), `zstd` 4 (RFC 8878), `lz4` 5 (one block). */
export type CompressionName = 'none' | 'gzip' | 'deflate' | 'brotli' | 'zstd' | 'lz4'

/**
 * A compression for runtimes that lack it: what `varve/compression/brotli`, `/zstd` and `/lz4` export, or an object of your
 * own around another library, of the same format.
 */
export interface Compression {
  readonly name: Exclude<CompressionName, 'none'>
  /** The id that belongs to the name: brotli 3, zstd 4, lz4 5. */
  readonly id: number
  /** `level` is a hint. */
  compress(bytes: Uint8Array, level?: number): Uint8Array | Promise<Uint8Array>
  /** Throws where the bytes do not give exactly `plainLength` bytes, and takes no more memory than about that. */
  decompress(bytes: Uint8Array, plainLength: number): Uint8Array | Promise<Uint8Array>
}

/** A name with a level: gzip and deflate 0-9, brotli 0-11, zstd 1-22; lz4 has none. The streams of browsers have one level only. */
export interface CompressionLevel {
  readonly name: CompressionName
  readonly level?: number
}

/** A name, a name with a level, or a module that the runtime lacks. */
export type CompressionOption = CompressionName | CompressionLevel | Compression

export interface CompressedBytes {
  /** Id of what was used in the end: 0 where compression would not pay. */
  readonly compression: number
  readonly bytes: Uint8Array
}

/** By id. */
export const COMPRESSION_NAMES: readonly CompressionName[] = ['none', 'gzip', 'deflate', 'brotli', 'zstd', 'lz4']
const LEVELS: Partial<Record<CompressionName, readonly [least: number, most: number]>> = {
  gzip: [0, 9],
  deflate: [0, 9],
  brotli: [0, 11],
  zstd: [1, 22],
}
const MIN_BYTES = 512
/** Stored compressed only when at most this share of the bytes remains. */
const MAX_REMAINING = 0.9

/** The name of a stored id; `unsupported` for one that this version does not know. */
export function compressionName(id: number): CompressionName {
  const name = COMPRESSION_NAMES[id]
  if (name === undefined)
    throw new StorageError('unsupported', 'stored with a compression that this version does not know', { facts: { compression: id } })
  return name
}

/** The id that belongs to a name. */
export function compressionId(name: CompressionName): number {
  return COMPRESSION_NAMES.indexOf(name)
}

/** A name, or a name with a level that it has; `invalid` for all else. */
export function checkLevel(option: unknown): CompressionLevel {
  const { name, level } = typeof option === 'object' && option !== null ? (option as Partial<CompressionLevel>) : { name: option }
  if (!isName(name)) {
    throw new StorageError('invalid', `compression is one of ${COMPRESSION_NAMES.join(', ')}`, { facts: { compression: String(name) } })
  }
  const [least, most] = LEVELS[name] ?? []
  if (level === undefined) return { name }
  if (Number.isInteger(level) && least !== undefined && level >= least && level <= (most as number)) return { name, level }
  const levels = least === undefined ? `${name} has no levels` : `a level of ${name} is a whole number from ${least} to ${most}`
  throw new StorageError('invalid', levels, { facts: { compression: name, level } })
}

function isName(name: unknown): name is CompressionName {
  return COMPRESSION_NAMES.includes(name as CompressionName)
}

/** The same, and `unsupported` for what this runtime lacks. */
export function checkCompression(option: unknown): CompressionLevel {
  const asked = checkLevel(option)
  checkHere(asked.name)
  return asked
}

function checkHere(name: CompressionName): void {
  if (!hasCompression(name)) throw lacking(name)
}

/** Compresses, unless the bytes are fewer than 512 or would not shrink by a tenth; by the module where there is one, else by the runtime. */
export async function compressBytes(
  name: CompressionName,
  bytes: Uint8Array,
  level?: number,
  module?: Compression,
): Promise<CompressedBytes> {
  if (name === 'none' || bytes.length < MIN_BYTES) return { compression: 0, bytes }
  if (module === undefined) checkHere(name)
  const smaller = await (module === undefined ? compress(name, bytes, level) : ownBytes(module.compress(bytes, level)))
  if (smaller.length > bytes.length * MAX_REMAINING) return { compression: 0, bytes }
  return { compression: compressionId(name), bytes: smaller }
}

/**
 * The inverse: `corrupt` when the bytes do not inflate to exactly `plainLength`, and no more memory than that is taken;
 * `unavailable` where this runtime has to load code for it and cannot, `unsupported` where it has none.
 */
export async function decompressBytes(id: number, bytes: Uint8Array, plainLength: number, module?: Compression): Promise<Uint8Array> {
  const name = compressionName(id)
  if (module === undefined) checkHere(name)
  let cause: unknown
  try {
    const isPlain = name === 'none'
    const plain = isPlain
      ? bytes
      : await (module === undefined ? decompress(name, bytes, plainLength) : ownBytes(module.decompress(bytes, plainLength)))
    if (plain.length === plainLength) return plain
  } catch (error) {
    if (isStorageError(error, 'unavailable') || isStorageError(error, 'unsupported')) throw error
    cause = error
  }
  throw new StorageError('corrupt', 'stored bytes do not give what was compressed', {
    facts: { compression: name, storedBytes: bytes.length, plainBytes: plainLength },
    cause,
  })
}

/** Copied at once: a module may give the same memory at its next call. */
async function ownBytes(made: Uint8Array | Promise<Uint8Array>): Promise<Uint8Array> {
  return made instanceof Uint8Array ? made.slice() : (await made).slice()
}

/** The error for a compression that neither the runtime nor the program has. */
function lacking(name: CompressionName): StorageError {
  const message = `this runtime has no ${name} of its own; snapshots take it from 'varve/compression/${name}'`
  return new StorageError('unsupported', message, { facts: { compression: name } })
}
