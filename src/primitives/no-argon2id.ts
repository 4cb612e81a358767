import { StorageError } from '../core/base/errors.js'

/** Argon2id comes as WebAssembly, which may not be compiled from bytes here. */
export async function argon2id(): Promise<Uint8Array> {
  const message = 'Argon2id is not to be had in this runtime; use PBKDF2 for the passphrase, or give a key of 32 bytes'
  throw new StorageError('unsupported', message, { facts: { feature: 'encryption', missing: 'argon2id' } })
}
