// Cloudflare's runtime: web standards; WebAssembly from bytes and eval do not exist there.

import type { Sha256Stream } from '../core/codec/primitives.js'

export {
  noChecksum as tableChecksum,
  noComparison as compareBytes,
  webCompress as compress,
  webDecompress as decompress,
  webHasCompression as hasCompression,
  webRandomBytes as randomBytes,
  webSha256 as sha256,
} from './web.js'
export {
  webAesGcm as aesGcm,
  webHkdfSha256 as hkdfSha256,
  webHmacSha256 as hmacSha256,
  webPbkdf2Sha256 as pbkdf2Sha256,
} from './web-cipher.js'
export { argon2id } from './no-argon2id.js'

/** Hashes what is written to it; only this runtime has it. */
declare class DigestStream extends WritableStream<Uint8Array> {
  constructor(algorithm: string)
  readonly digest: Promise<ArrayBuffer>
}

export async function sha256Stream(): Promise<Sha256Stream> {
  const { DigestStream: Hash } = crypto as unknown as { readonly DigestStream: typeof DigestStream }
  const stream = new Hash('SHA-256')
  const writer = stream.getWriter()
  return {
    update: (bytes) => writer.write(bytes),
    async digest() {
      await writer.close()
      return new Uint8Array(await stream.digest)
    },
  }
}
