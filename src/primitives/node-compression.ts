// `node:zlib`, and lz4, which it has not. Small pieces are done in this thread: handing one to another costs more than the
// work (16 KiB of JSON there and back: 0.1 ms here, 0.15 to 0.3 ms there). Larger ones leave this thread free.

import * as zlib from 'node:zlib'
import { compressBlock, decompressBlock } from './lz4-block.js'

type Bytes = Uint8Array
type Done = (error: Error | null, result: Buffer) => void

/** One format of zlib, in this thread and in another. */
interface Format {
  readonly now: (bytes: Bytes, options: object) => Buffer
  readonly later: (bytes: Bytes, options: object, done: Done) => void
}

interface Pair {
  readonly compress: Format
  readonly decompress: Format
  readonly options: (level: number | undefined, bytes: Bytes) => object
}

const SYNC_BYTES = 64 * 1024
/**
 * Of memory that is as large as what comes out, and a little larger: in pieces of 16 KiB, as is the default, short ones would leave
 * many times their length as garbage, and long ones are put together from several.
 */
const SPARE_BYTES = 64
const ONE_PIECE_BYTES = 1024 * 1024
const level = (value: number | undefined): object => (value === undefined ? {} : { level: value })

const PAIRS: Record<string, Pair | undefined> = {
  gzip: {
    compress: { now: zlib.gzipSync, later: zlib.gzip },
    decompress: { now: zlib.gunzipSync, later: zlib.gunzip },
    options: level,
  },
  deflate: {
    compress: { now: zlib.deflateRawSync, later: zlib.deflateRaw },
    decompress: { now: zlib.inflateRawSync, later: zlib.inflateRaw },
    options: level,
  },
  brotli: {
    compress: { now: zlib.brotliCompressSync, later: zlib.brotliCompress },
    decompress: { now: zlib.brotliDecompressSync, later: zlib.brotliDecompress },
    options: brotliOptions,
  },
  zstd: zstdOf(zlib as unknown as ZstdOfNode),
}

/** Types of Node name them where the running one may lack them: 22.15 and 23.8 brought them. */
interface ZstdOfNode {
  readonly zstdCompressSync?: Format['now']
  readonly zstdCompress?: Format['later']
  readonly zstdDecompressSync?: Format['now']
  readonly zstdDecompress?: Format['later']
  readonly constants: Readonly<Record<string, number>>
}

function zstdOf({ zstdCompressSync, zstdCompress, zstdDecompressSync, zstdDecompress, constants }: ZstdOfNode): Pair | undefined {
  if (!zstdCompressSync || !zstdCompress || !zstdDecompressSync || !zstdDecompress) return undefined
  const name = constants.ZSTD_c_compressionLevel as number
  return {
    compress: { now: zstdCompressSync, later: zstdCompress },
    decompress: { now: zstdDecompressSync, later: zstdDecompress },
    options: (value = 3) => ({ params: { [name]: value } }),
  }
}

/** Its own default is the slowest. A window that is no wider than the bytes costs a reader less memory. */
function brotliOptions(quality = 4, bytes: Bytes = new Uint8Array(0)): object {
  const { BROTLI_PARAM_QUALITY, BROTLI_PARAM_LGWIN, BROTLI_PARAM_SIZE_HINT } = zlib.constants
  const window = Math.min(22, Math.max(10, Math.ceil(Math.log2(bytes.length + 16))))
  return { params: { [BROTLI_PARAM_QUALITY]: quality, [BROTLI_PARAM_LGWIN]: window, [BROTLI_PARAM_SIZE_HINT]: bytes.length } }
}

export function hasCompression(name: string): boolean {
  return name === 'none' || name === 'lz4' || PAIRS[name] !== undefined
}

export async function nodeCompress(name: string, bytes: Bytes, value?: number): Promise<Bytes> {
  if (name === 'lz4') return compressBlock(bytes)
  const { compress, options } = PAIRS[name] as Pair
  const room = bytes.length <= ONE_PIECE_BYTES ? { chunkSize: bytes.length + SPARE_BYTES } : {}
  return await run(compress, bytes, { options: { ...options(value, bytes), ...room }, isSmall: bytes.length <= SYNC_BYTES })
}

export async function nodeDecompress(name: string, bytes: Bytes, plainLength: number): Promise<Bytes> {
  if (name === 'lz4') return decompressBlock(bytes, plainLength)
  // zlib wants a cap of at least one; an empty output passes under it and is compared below.
  const room = plainLength <= SYNC_BYTES ? { chunkSize: plainLength + SPARE_BYTES } : {}
  const options = { maxOutputLength: Math.max(1, plainLength), ...room }
  const isSmall = Math.max(plainLength, bytes.length) <= SYNC_BYTES
  const plain = await run((PAIRS[name] as Pair).decompress, bytes, { options, isSmall })
  if (plain.length !== plainLength) throw new Error(`inflates to ${plain.length} bytes, expected ${plainLength}`)
  return plain
}

interface How {
  readonly options: object
  readonly isSmall: boolean
}

function run({ now, later }: Format, bytes: Bytes, { options, isSmall }: How): Bytes | Promise<Bytes> {
  if (isSmall) return plainView(now(bytes, options))
  return new Promise((resolve, reject) => {
    later(bytes, options, (error, result) => (error === null ? resolve(plainView(result)) : reject(error)))
  })
}

/** A Buffer is not handed out: its methods differ from those of a Uint8Array. */
function plainView({ buffer, byteOffset, byteLength }: Buffer): Bytes {
  return new Uint8Array(buffer, byteOffset, byteLength)
}
