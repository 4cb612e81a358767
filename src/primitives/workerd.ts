// Cloudflare's runtime: web standards; WebAssembly from bytes and eval do not exist there.

export {
  noChecksum as tableChecksum,
  webCompress as compress,
  webDecompress as decompress,
  webHasCompression as hasCompression,
  webRandomBytes as randomBytes,
  webSha256 as sha256,
} from './web.js'
