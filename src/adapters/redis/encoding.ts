// Values that were appended with `compression`: each by itself, named in the field `encoding`, so that other clients can read
// them with what they have.

import { deflateRawSync, gunzipSync, gzipSync, inflateRawSync } from 'node:zlib'
import { StorageError } from '../../core/base/errors.js'
import type { StreamOptions } from '../../core/ports/stream-broker.js'
import { NAME } from './errors.js'

export type Compression = NonNullable<StreamOptions['compression']>

const ENCODINGS: readonly (Compression | undefined)[] = [undefined, 'none', 'gzip', 'deflate']

const MIN_BYTES = 512
/** Stored compressed only when at most this share of the bytes remains. */
const MAX_REMAINING = 0.9
/** The largest record there can be, and what is around it. */
const MAX_PLAIN_BYTES = 80 * 2 ** 20

/** `unsupported` for what clients in other languages seldom have. */
export function checkEncoding(compression: Compression | undefined): void {
  if (ENCODINGS.includes(compression)) return
  throw new StorageError('unsupported', 'queues on Redis are compressed with gzip or deflate', {
    backend: NAME,
    operation: 'openQueue',
    facts: { compression },
  })
}

export interface Packed {
  readonly compression: Compression
  readonly compressionLevel: number | undefined
}

/** undefined where it would not pay. */
export function compressed(value: Uint8Array | string, { compression, compressionLevel: level }: Packed): Uint8Array | undefined {
  const plain = typeof value === 'string' ? Buffer.from(value) : value
  if (compression === 'none' || plain.length < MIN_BYTES) return undefined
  const options = level === undefined ? {} : { level }
  const smaller = compression === 'gzip' ? gzipSync(plain, options) : deflateRawSync(plain, options)
  return smaller.length > plain.length * MAX_REMAINING ? undefined : smaller
}

/** Throws `corrupt` for what does not inflate, and `unsupported` for an encoding of another version. */
export function inflated(value: Uint8Array, encoding: string): Uint8Array {
  const options = { maxOutputLength: MAX_PLAIN_BYTES }
  try {
    if (encoding === 'gzip') return gunzipSync(value, options)
    if (encoding === 'deflate') return inflateRawSync(value, options)
  } catch (cause) {
    throw new StorageError('corrupt', 'a stored value does not inflate', { backend: NAME, operation: 'read', cause, facts: { encoding } })
  }
  throw new StorageError('unsupported', 'a value is stored in an encoding that this version does not know', {
    backend: NAME,
    operation: 'read',
    facts: { encoding },
  })
}
