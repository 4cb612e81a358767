// A runtime that nobody named: web standards and nothing else.

export {
  noChecksum as tableChecksum,
  webCompress as compress,
  webDecompress as decompress,
  webHasCompression as hasCompression,
  webRandomBytes as randomBytes,
  webSha256 as sha256,
} from './web.js'
