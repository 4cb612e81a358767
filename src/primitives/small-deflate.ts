// Deflate in this thread, for what is too small for a stream and for runtimes without streams. Only states that are saved
// or loaded need it, so it is a module of its own.

import { deflateSync, gunzipSync, gzipSync, inflateSync } from 'fflate'

/** gzip or deflate. */
type Format = string

export function compressSmall(format: Format, bytes: Uint8Array, level = 6): Uint8Array {
  const options = { level: level as 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 }
  return format === 'gzip' ? gzipSync(bytes, { ...options, mtime: 0 }) : deflateSync(bytes, options)
}

/** One byte of room past the end shows an output that is too long: what lies behind it is not kept. */
export function decompressSmall(format: Format, bytes: Uint8Array, plainLength: number): Uint8Array {
  const out = new Uint8Array(plainLength + 1)
  return format === 'gzip' ? gunzipSync(bytes, { out }) : inflateSync(bytes, { out })
}
