// A runtime that nobody named: web standards and nothing else.

export {
  noChecksum as tableChecksum,
  noComparison as compareBytes,
  webCompress as compress,
  webDecompress as decompress,
  webHasCompression as hasCompression,
  webRandomBytes as randomBytes,
  webSha256 as sha256,
} from './web.js'
export { webSha256Stream as sha256Stream } from './web-sha256-stream.js'
export {
  webAesGcm as aesGcm,
  webHkdfSha256 as hkdfSha256,
  webHmacSha256 as hmacSha256,
  webPbkdf2Sha256 as pbkdf2Sha256,
} from './web-cipher.js'
export { argon2id } from './argon2id.js'
