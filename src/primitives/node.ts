// Node, and runtimes that speak its modules: `node:crypto` and `node:zlib`.

import { createHash, randomFillSync } from 'node:crypto'
import type { Sha256Stream } from '../core/codec/primitives.js'
import { wasmChecksum } from './wasm-checksum.js'

export { hasCompression, nodeCompress as compress, nodeDecompress as decompress } from './node-compression.js'
export { argon2id } from './argon2id.js'
export { aesGcm, hkdfSha256, hmacSha256, pbkdf2Sha256 } from './node-cipher.js'

/** Node without a compiler (`--jitless`) has no WebAssembly. */
export const tableChecksum = typeof WebAssembly === 'undefined' ? undefined : wasmChecksum

export const compareBytes = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0

export async function sha256(bytes: Uint8Array, behind?: Uint8Array): Promise<Uint8Array> {
  const hash = createHash('sha256')
  if (behind !== undefined) hash.update(behind)
  return plainView(hash.update(bytes).digest())
}

export async function sha256Stream(): Promise<Sha256Stream> {
  const hash = createHash('sha256')
  return { update: (bytes) => void hash.update(bytes), digest: async () => plainView(hash.digest()) }
}

/** A Buffer is not handed out: its methods differ from those of a Uint8Array. */
function plainView({ buffer, byteOffset, byteLength }: Buffer): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength)
}

export function randomBytes(length: number): Uint8Array {
  return randomFillSync(new Uint8Array(length))
}
