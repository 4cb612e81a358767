// What opens what is encrypted. Apart from what makes keys of it, because it is checked before that is loaded.

import { StorageError } from '../base/errors.js'

const KEY_BYTES = 32

/** A passphrase (any text but the empty one; compared after Unicode composition, NFC), or a key of 32 random bytes. */
export type EncryptionSecret = { readonly passphrase: string } | { readonly key: Uint8Array }

/** How a passphrase becomes a key: `pbkdf2` runs everywhere, `argon2id` (64 MiB) costs a guesser more, and does not run in Workers. */
export type PassphraseHash = 'pbkdf2' | 'argon2id'

/** Throws `invalid` for what is no secret; gives a copy. */
export function takeSecret(secret: EncryptionSecret, operation: string): EncryptionSecret {
  const { passphrase, key } = Object(secret) as { readonly passphrase?: unknown; readonly key?: unknown }
  if (typeof passphrase === 'string' && passphrase !== '' && key === undefined) return { passphrase: passphrase.normalize('NFC') }
  if (key instanceof Uint8Array && key.length === KEY_BYTES && passphrase === undefined) return { key: key.slice() }
  const facts = { keyBytes: key instanceof Uint8Array ? key.length : undefined }
  throw new StorageError('invalid', 'a secret is { passphrase }, a text that is not empty, or { key }, 32 bytes', { operation, facts })
}

/** Throws `invalid` for anything but a name. */
export function checkPassphraseHash(hash: unknown, operation: string): void {
  if (hash === undefined || hash === 'pbkdf2' || hash === 'argon2id') return
  throw new StorageError('invalid', 'passphraseHash is pbkdf2 or argon2id', { operation, facts: { passphraseHash: String(hash) } })
}
