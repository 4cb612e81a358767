// Who may open an encrypted store, and with which key it is written from now on. All of it is one change of the keyring.

import { loadPart } from '../base/load-part.js'
import { checkPassphraseHash, type EncryptionSecret, type PassphraseHash, takeSecret } from '../codec/secret.js'
import type { Backend } from '../ports/backend.js'
import { belowEncrypted } from './below-encrypted.js'
import type { EncryptedPlace } from './encrypted-keys.js'

export interface SecretOptions {
  /** How a new passphrase becomes a key. Default `pbkdf2`. */
  readonly passphraseHash?: PassphraseHash
  /** `snapshots`: the keyring of `openSnapshots(…, { encryption })`. Default: the one of `encrypted(…)`. */
  readonly of?: 'snapshots'
}

/**
 * The store opens with `next` instead of `current`, at once; no data is written again. Somebody who copied the keyring before
 * can still open the copy with the old secret: after a leak, `rotateKey` too. `denied` where `current` does not open it,
 * `missing` where nothing is encrypted.
 */
export async function changeSecret(
  backend: Backend,
  current: EncryptionSecret,
  next: EncryptionSecret,
  options: SecretOptions = {},
): Promise<void> {
  const [old, added] = [takeSecret(current, 'changeSecret'), taken(next, options, 'changeSecret')]
  await (await loadChanges()).replaceSecret(placeOf(backend, options), old, added)
}

/** The store also opens with `added`; at most 16 secrets do (`quota`). `denied` where `known` does not open it. */
export async function addSecret(
  backend: Backend,
  known: EncryptionSecret,
  added: EncryptionSecret,
  options: SecretOptions = {},
): Promise<void> {
  const [opens, more] = [takeSecret(known, 'addSecret'), taken(added, options, 'addSecret')]
  await (await loadChanges()).joinSecret(placeOf(backend, options), opens, more)
}

/** The store no longer opens with `removed`. `missing` where it never did, `invalid` where nothing else opens it, `denied` for `known`. */
export async function removeSecret(
  backend: Backend,
  known: EncryptionSecret,
  removed: EncryptionSecret,
  options: SecretOptions = {},
): Promise<void> {
  const [opens, gone] = [takeSecret(known, 'removeSecret'), takeSecret(removed, 'removeSecret')]
  await (await loadChanges()).dropSecret(placeOf(backend, options), opens, gone)
}

/**
 * A new data key for all that is written from now on; what is stored stays as it is and readable. Who is running goes on with
 * the key it knows until it meets the new one or is opened again. The new key is hidden from whoever knew a secret that was
 * removed, so all secrets that shall open the store are needed: `invalid` where one is left out, `denied` where one is wrong.
 */
export async function rotateKey(backend: Backend, secrets: readonly EncryptionSecret[], options: SecretOptions = {}): Promise<void> {
  const all = secrets.map((secret) => taken(secret, options, 'rotateKey'))
  await (await loadChanges()).addKey(placeOf(backend, options), all)
}

function loadChanges(): Promise<typeof import('./keyring-changes.js')> {
  return loadPart('encryption', () => import('./keyring-changes.js'))
}

function placeOf(backend: Backend, options: SecretOptions): EncryptedPlace {
  const { blobs, name } = options.of === 'snapshots' ? backend : belowEncrypted(backend)
  return { blobs, name, prefix: options.of === 'snapshots' ? 'snapshots/' : '' }
}

function taken(secret: EncryptionSecret, { passphraseHash = 'pbkdf2' }: SecretOptions, operation: string) {
  checkPassphraseHash(passphraseHash, operation)
  return { secret: takeSecret(secret, operation), hash: passphraseHash }
}
