// Browsers: web standards. Pages outside a secure context have no `crypto.subtle`; SHA-256 then comes from hash-wasm,
// loaded when it is first needed.

import { loadPart } from '../core/base/load-part.js'
import { webSha256 } from './web.js'
export { webSha256Stream as sha256Stream } from './web-sha256-stream.js'

export {
  noChecksum as tableChecksum,
  noComparison as compareBytes,
  webCompress as compress,
  webDecompress as decompress,
  webHasCompression as hasCompression,
  webRandomBytes as randomBytes,
} from './web.js'
export {
  webAesGcm as aesGcm,
  webHkdfSha256 as hkdfSha256,
  webHmacSha256 as hmacSha256,
  webPbkdf2Sha256 as pbkdf2Sha256,
} from './web-cipher.js'
export { argon2id } from './argon2id.js'

export async function sha256(bytes: Uint8Array, behind?: Uint8Array): Promise<Uint8Array> {
  if (globalThis.crypto?.subtle !== undefined) return webSha256(bytes, behind)
  const { wasmSha256 } = await loadPart('SHA-256', () => import('./wasm-sha256.js'))
  return await wasmSha256(bytes, behind)
}
