import { StorageError } from '../core/base/errors.js'
import { concatBytes } from '../core/base/bytes.js'
import type { Compression } from '../core/codec/compression.js'
import { capOf, nodeZlib, plainView } from './node-zlib.js'

type Wasm = Awaited<typeof import('brotli-wasm').default>

/** Of quality: the library's own is the slowest. */
const FAST = 4
const STEP_BYTES = 64 * 1024

/**
 * Brotli for browsers, by the package `brotli-wasm`, which you install; in Node, and in Workers with Node compatibility, by
 * their own zlib. `unsupported` where neither is: Workers compile no WebAssembly that comes as bytes.
 */
export const brotli: Compression = {
  name: 'brotli',
  id: 3,
  async compress(bytes, level = FAST) {
    const zlib = nodeZlib()
    if (zlib === undefined) return (await loadWasm()).compress(bytes, { quality: level })
    const { BROTLI_PARAM_QUALITY, BROTLI_PARAM_SIZE_HINT } = zlib.constants as Record<string, number>
    const params = { [BROTLI_PARAM_QUALITY as number]: level, [BROTLI_PARAM_SIZE_HINT as number]: bytes.length }
    return plainView(zlib.brotliCompressSync(bytes, { params }))
  },
  async decompress(bytes, plainLength) {
    const zlib = nodeZlib()
    if (zlib === undefined) return inflate(await loadWasm(), bytes, plainLength)
    return plainView(zlib.brotliDecompressSync(bytes, capOf(plainLength)))
  },
}

/** In steps, so that a bomb ends with the step in which it grows too long. */
function inflate(wasm: Wasm, bytes: Uint8Array, plainLength: number): Uint8Array {
  const stream = new wasm.DecompressStream()
  try {
    const parts: Uint8Array[] = []
    let [from, room] = [0, plainLength + 1]
    for (;;) {
      const result = stream.decompress(bytes.subarray(from), Math.min(STEP_BYTES, room))
      const { buf, code } = result
      from += result.input_offset
      result.free()
      parts.push(buf)
      room -= buf.length
      if (code === wasm.BrotliStreamResultCode.ResultSuccess && from === bytes.length) return concatBytes(parts)
      if (code !== wasm.BrotliStreamResultCode.NeedsMoreOutput || room === 0) throw new Error('is cut, or gives more than was compressed')
    }
  } finally {
    stream.free()
  }
}

async function loadWasm(): Promise<Wasm> {
  try {
    const loaded = await import('brotli-wasm')
    return await loaded.default
  } catch (cause) {
    const message =
      "brotli needs the package 'brotli-wasm' here, and a runtime that compiles WebAssembly; Workers have brotli with nodejs_compat"
    throw new StorageError('unsupported', message, { facts: { compression: 'brotli' }, cause })
  }
}
