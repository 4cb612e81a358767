// A module of its own, so that a bundler takes this one hash of the many that hash-wasm has.

import { createSHA256 } from 'hash-wasm'
import type { Sha256Stream } from '../core/codec/primitives.js'

/** Of bytes that come one after another. */
export async function wasmSha256Stream(): Promise<Sha256Stream> {
  const hash = await createSHA256()
  return { update: (bytes) => void hash.update(bytes), digest: async () => hash.digest('binary') }
}

export async function wasmSha256(bytes: Uint8Array, behind?: Uint8Array): Promise<Uint8Array> {
  const hash = await createSHA256()
  if (behind !== undefined) hash.update(behind)
  return hash.update(bytes).digest('binary')
}
