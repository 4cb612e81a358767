// From what a person knows, or a program keeps, to a key. What is read back was written by whoever can write the store:
// limits keep it from taking all time and memory before a wrong secret is found out.

import { utf8 } from '../base/bytes.js'
import { StorageError } from '../base/errors.js'
import { fromBase64, toBase64 } from './base64.js'
import type { EncryptionSecret, PassphraseHash } from './secret.js'
import { argon2id, hkdfSha256, pbkdf2Sha256, randomBytes } from '#primitives'

/** As stored. Salts are base64. */
export type KeyDerivation =
  | { readonly name: 'pbkdf2-sha256'; readonly salt: string; readonly iterations: number }
  | {
      readonly name: 'argon2id'
      readonly salt: string
      readonly iterations: number
      readonly memoryKiB: number
      readonly parallelism: number
    }
  | { readonly name: 'hkdf-sha256'; readonly salt: string }

const SALT_BYTES = 32
const PBKDF2_ITERATIONS = 600_000
const ARGON2ID = { iterations: 3, memoryKiB: 65_536, parallelism: 1 }
/** Of all wrappings of a keyring together: some seconds on a slow machine. */
const MOST_PBKDF2_ITERATIONS = 10_000_000
const MOST_ARGON2ID_KIB = 262_144
/** Memory times iterations. */
const MOST_ARGON2ID_WORK_KIB = 4_194_304
const MOST_PARALLELISM = 16

/** How a key is made of this secret from now on. */
export function newDerivation(secret: EncryptionSecret, hash: PassphraseHash): KeyDerivation {
  const salt = toBase64(randomBytes(SALT_BYTES))
  if ('key' in secret) return { name: 'hkdf-sha256', salt }
  return hash === 'argon2id' ? { name: 'argon2id', salt, ...ARGON2ID } : { name: 'pbkdf2-sha256', salt, iterations: PBKDF2_ITERATIONS }
}

/** undefined where the derivation is for the other kind of secret. */
export async function deriveKey(secret: EncryptionSecret, how: KeyDerivation): Promise<Uint8Array | undefined> {
  const salt = fromBase64(how.salt)
  if ('key' in secret) return how.name === 'hkdf-sha256' ? await hkdfSha256(secret.key, salt, utf8('varve wrapping')) : undefined
  if (how.name === 'hkdf-sha256') return undefined
  const bytes = utf8(secret.passphrase)
  return how.name === 'argon2id' ? await argon2id(bytes, salt, how) : await pbkdf2Sha256(bytes, salt, how.iterations)
}

/** What a keyring says, checked: undefined where it is no derivation; `unsupported` for one that a newer version made. */
export function readDerivation(said: unknown): KeyDerivation | undefined {
  const { name, salt, iterations, memoryKiB, parallelism } = Object(said) as Record<string, unknown>
  if (typeof name !== 'string' || typeof salt !== 'string') return undefined
  if (name === 'hkdf-sha256') return { name, salt }
  if (name === 'pbkdf2-sha256') return isCount(iterations) ? { name, salt, iterations } : undefined
  if (name !== 'argon2id') {
    throw new StorageError('unsupported', 'keys are derived in a way that this version does not know', { facts: { derivation: name } })
  }
  const isWhole = isCount(iterations) && isCount(memoryKiB) && isCount(parallelism) && memoryKiB >= 8 * parallelism
  return isWhole ? { name, salt, iterations, memoryKiB, parallelism } : undefined
}

/** Throws `denied` where trying all of them would take more than a keyring of Varve ever asks for. */
export function checkCost(derivations: readonly KeyDerivation[]): void {
  let pbkdf2 = 0
  let argon2 = 0
  for (const one of derivations) {
    if (one.name === 'pbkdf2-sha256') pbkdf2 += one.iterations
    if (one.name !== 'argon2id') continue
    argon2 += one.iterations * one.memoryKiB
    if (one.memoryKiB > MOST_ARGON2ID_KIB || one.parallelism > MOST_PARALLELISM) argon2 = Number.POSITIVE_INFINITY
  }
  if (pbkdf2 <= MOST_PBKDF2_ITERATIONS && argon2 <= MOST_ARGON2ID_WORK_KIB) return
  throw new StorageError('denied', 'a keyring asks for more work than is allowed: it was not written by Varve', {
    facts: { iterations: pbkdf2, memoryKiB: argon2 },
  })
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0
}
