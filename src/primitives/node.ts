// Node, and runtimes that speak its modules: `node:crypto` and `node:zlib`.

import * as crypto from 'node:crypto'
import type { Sha256Stream } from '../core/codec/primitives.js'
import { wasmChecksum } from './wasm-checksum.js'

export { hasCompression, nodeCompress as compress, nodeDecompress as decompress } from './node-compression.js'
export { argon2id } from './argon2id.js'
export { aesGcm, hkdfSha256, hmacSha256, pbkdf2Sha256 } from './node-cipher.js'

/** Node without a compiler (`--jitless`) has no WebAssembly. */
export const tableChecksum = typeof WebAssembly === 'undefined' ? undefined : wasmChecksum

/** Runtimes that speak Node's modules may lack it. */
const hashNow = crypto.hash as typeof crypto.hash | undefined
const NOTHING = new Uint8Array(0)

export const compareBytes = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0

/** Up to this many bytes, one call beats an object that is updated. */
const SMALL_BYTES = 64 * 1024
const scratch = new Uint8Array(SMALL_BYTES + 64)

export async function sha256(bytes: Uint8Array, behind: Uint8Array = NOTHING): Promise<Uint8Array> {
  const length = behind.length + bytes.length
  if (length > scratch.length || hashNow === undefined) return plainView(crypto.createHash('sha256').update(behind).update(bytes).digest())
  if (behind.length === 0) return plainView(hashNow('sha256', bytes, 'buffer'))
  scratch.set(behind)
  scratch.set(bytes, behind.length)
  return plainView(hashNow('sha256', scratch.subarray(0, length), 'buffer'))
}

export async function sha256Stream(): Promise<Sha256Stream> {
  const hash = crypto.createHash('sha256')
  return { update: (bytes) => void hash.update(bytes), digest: async () => plainView(hash.digest()) }
}

/** A Buffer is not handed out: its methods differ from those of a Uint8Array. */
function plainView({ buffer, byteOffset, byteLength }: Buffer): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}

export function randomBytes(length: number): Uint8Array {
  return crypto.randomFillSync(new Uint8Array(length))
}
