import type { Compression } from '../core/codec/compression.js'
import { compressBlock, decompressBlock } from '../primitives/lz4-block.js'

/** LZ4 in plain TypeScript, for every runtime: fast, and larger than the others. It has no levels. Node needs no import for it. */
export const lz4: Compression = { name: 'lz4', id: 5, compress: (bytes) => compressBlock(bytes), decompress: decompressBlock }
