// A module of its own, so that a bundler takes this one hash of the many that hash-wasm has.

import { createSHA256 } from 'hash-wasm'
import type { Sha256Stream } from '../core/codec/primitives.js'

/** Of bytes that come one after another. */
export async function wasmSha256Stream(): Promise<Sha256Stream> {
  const hash = await createSHA256()
  return { update: (bytes) => void hash.update(bytes), digest: async () => hash.digest('binary') }
}

export async function wasmSha256(bytes: Uint8Array): Promise<Uint8Array> {
  return (await createSHA256()).update(bytes).digest('binary')
}
