// A module of its own, so that only a program that derives a key in this way loads it.

import { argon2id } from 'hash-wasm'

const KEY_BYTES = 32

interface Cost {
  readonly memoryKiB: number
  readonly iterations: number
  readonly parallelism: number
}

export function wasmArgon2id(secret: Uint8Array, salt: Uint8Array, cost: Cost): Promise<Uint8Array> {
  const { memoryKiB, iterations, parallelism } = cost
  return argon2id({ password: secret, salt, iterations, parallelism, memorySize: memoryKiB, hashLength: KEY_BYTES, outputType: 'binary' })
}
