import { StorageError } from '../core/base/errors.js'
import type { Compression } from '../core/codec/compression.js'
import { capOf, nodeZlib, plainView } from './node-zlib.js'
import { decodeZstd } from './zstd/decode.js'

/**
 * Zstandard, so that what Node >= 22.15 wrote is read everywhere. Reading works in every runtime, in plain TypeScript where
 * there is nothing native. Writing is `unsupported` where the runtime has no zstd: browsers, Workers without Node
 * compatibility, older Node.
 */
export const zstd: Compression = {
  name: 'zstd',
  id: 4,
  compress(bytes, level = 3) {
    const { zstdCompressSync, constants } = nodeZlib() ?? {}
    if (zstdCompressSync === undefined || constants === undefined) {
      throw new StorageError(
        'unsupported',
        'this runtime reads zstd and cannot write it: write gzip, or pass zstd to read only, as one of `compressions`',
        {
          facts: { compression: 'zstd' },
        },
      )
    }
    return plainView(zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel as number]: level } }))
  },
  decompress(bytes, plainLength) {
    const native = nodeZlib()?.zstdDecompressSync
    return native === undefined ? decodeZstd(bytes, plainLength) : plainView(native(bytes, capOf(plainLength)))
  },
}
