// Apart from the rest, so that a Worker's bundle has no WebAssembly.

import { loadPart } from '../core/base/load-part.js'
import type { Sha256Stream } from '../core/codec/primitives.js'

/** The web hashes whole messages only; what comes in parts is hashed by hash-wasm, loaded when it is first needed. */
export async function webSha256Stream(): Promise<Sha256Stream> {
  const { wasmSha256Stream } = await loadPart('SHA-256', () => import('./wasm-sha256.js'))
  return await wasmSha256Stream()
}
