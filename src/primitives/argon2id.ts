// Argon2id (RFC 9106), loaded when a key is first derived with it.

import { loadPart } from '../core/base/load-part.js'

export async function argon2id(
  secret: Uint8Array,
  salt: Uint8Array,
  cost: { readonly memoryKiB: number; readonly iterations: number; readonly parallelism: number },
): Promise<Uint8Array> {
  const { wasmArgon2id } = await loadPart('Argon2id', () => import('./wasm-argon2id.js'))
  return await wasmArgon2id(secret, salt, cost)
}
