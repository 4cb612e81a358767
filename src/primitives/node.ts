// Node, and runtimes that speak its modules: `node:crypto` and `node:zlib`.

import { createHash, randomFillSync } from 'node:crypto'
import { wasmChecksum } from './wasm-checksum.js'

export { hasCompression, nodeCompress as compress, nodeDecompress as decompress } from './node-compression.js'
export { argon2id } from './argon2id.js'
export { aesGcm, hkdfSha256, hmacSha256, pbkdf2Sha256 } from './node-cipher.js'

/** Node without a compiler (`--jitless`) has no WebAssembly. */
export const tableChecksum = typeof WebAssembly === 'undefined' ? undefined : wasmChecksum

export async function sha256(bytes: Uint8Array): Promise<Uint8Array> {
  const { buffer, byteOffset, byteLength } = createHash('sha256').update(bytes).digest()
  return new Uint8Array(buffer, byteOffset, byteLength)
}

export function randomBytes(length: number): Uint8Array {
  return randomFillSync(new Uint8Array(length))
}
