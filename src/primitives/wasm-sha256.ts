// A module of its own, so that a bundler takes this one hash of the many that hash-wasm has.

import { createSHA256 } from 'hash-wasm'

export async function wasmSha256(bytes: Uint8Array): Promise<Uint8Array> {
  return (await createSHA256()).update(bytes).digest('binary')
}
