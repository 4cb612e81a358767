// What each compression module does in the Worker that runs this: what came back, or why not.

import { isStorageError } from 'varve'
import { brotli } from 'varve/compression/brotli'
import { lz4 } from 'varve/compression/lz4'
import { zstd } from 'varve/compression/zstd'

const PLAIN = new TextEncoder().encode('the same words again and again, '.repeat(100))
/** PLAIN as the zlib of Node 24 wrote it. */
const FRAME = 'KLUv/WCACyUBANB0aGUgc2FtZSB3b3JkcyBhZ2FpbiBhbmQsIAIAXRzKY4qVMQ=='

export async function compressions(): Promise<Record<string, string>> {
  const frame = Uint8Array.from(atob(FRAME), (character) => character.charCodeAt(0))
  const there = async (module: typeof lz4): Promise<string> => told(await module.decompress(await module.compress(PLAIN), PLAIN.length))
  return {
    lz4: await there(lz4),
    brotli: await there(brotli).catch(codeOf),
    zstd: await there(zstd).catch(codeOf),
    'zstd of another': told(await zstd.decompress(frame, PLAIN.length)),
  }
}

function told(bytes: Uint8Array): string {
  return bytes.length === PLAIN.length && bytes.every((byte, at) => byte === PLAIN[at]) ? 'equal' : 'another'
}

function codeOf(error: unknown): string {
  return isStorageError(error) ? error.code : String(error)
}
