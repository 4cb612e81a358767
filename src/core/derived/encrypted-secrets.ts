// Who may open an encrypted store, and with which key it is written from now on. All of it is one change of the keyring.

import { isStorageError, StorageError } from '../base/errors.js'
import { newWriteId } from '../codec/envelope.js'
import { checkPassphraseHash, type EncryptionSecret, type PassphraseHash, takeSecret } from '../codec/key-derivation.js'
import { encodeKeyring, type Keyring, renewKeyring, rewrapKeyring, unlockKeyring, wrappingOf } from '../codec/keyring.js'
import type { Backend } from '../ports/backend.js'
import { belowEncrypted } from './encrypted.js'
import { type EncryptedPlace, findKeyring, keyringKey } from './encrypted-keys.js'
import { equalBytes } from '../base/bytes.js'

const MAX_ATTEMPTS = 8

export interface SecretOptions {
  /** How a new passphrase becomes a key. Default `pbkdf2`. */
  readonly passphraseHash?: PassphraseHash
  /** `snapshots`: the keyring of `openSnapshots(…, { encryption })`. Default: the one of `encrypted(…)`. */
  readonly of?: 'snapshots'
}

/**
 * The store opens with `next` instead of `current`, at once; no data is written again. Somebody who copied the keyring before
 * can still open the copy with the old secret: after a leak, `rotateKey` too. `denied` where `current` does not open it.
 */
export async function changeSecret(
  backend: Backend,
  current: EncryptionSecret,
  next: EncryptionSecret,
  options: SecretOptions = {},
): Promise<void> {
  const added = taken(next, options, 'changeSecret')
  await change(backend, options, takeSecret(current, 'changeSecret'), async (keyring) => {
    const kept = places(keyring).filter((at) => at !== keyring.opened)
    return await rewrapKeyring(keyring, kept, added)
  })
}

/** The store also opens with `added`; at most 16 secrets do. `denied` where `known` does not open it. */
export async function addSecret(
  backend: Backend,
  known: EncryptionSecret,
  added: EncryptionSecret,
  options: SecretOptions = {},
): Promise<void> {
  const more = taken(added, options, 'addSecret')
  await change(backend, options, takeSecret(known, 'addSecret'), (keyring) => rewrapKeyring(keyring, places(keyring), more))
}

/** The store no longer opens with `removed`. `missing` where it never did, `invalid` where nothing else opens it, `denied` for `known`. */
export async function removeSecret(
  backend: Backend,
  known: EncryptionSecret,
  removed: EncryptionSecret,
  options: SecretOptions = {},
): Promise<void> {
  const gone = takeSecret(removed, 'removeSecret')
  await change(backend, options, takeSecret(known, 'removeSecret'), async (keyring) => {
    const at = await wrappingOf(keyring, gone)
    if (at === undefined) throw new StorageError('missing', 'the store does not open with this secret', { operation: 'removeSecret' })
    const kept = places(keyring).filter((place) => place !== at)
    if (kept.length > 0) return await rewrapKeyring(keyring, kept)
    throw new StorageError('invalid', 'the last secret of a store cannot be removed: nothing would open it', { operation: 'removeSecret' })
  })
}

/**
 * A new data key for all that is written from now on; what is stored stays as it is and readable. Who is running goes on with
 * the key it knows until it meets the new one or is opened again. The new key is hidden from whoever knew a secret that was
 * removed, so all secrets that shall open the store are needed: `invalid` where one is left out, `denied` where one is wrong.
 */
export async function rotateKey(backend: Backend, secrets: readonly EncryptionSecret[], options: SecretOptions = {}): Promise<void> {
  const all = secrets.map((secret) => taken(secret, options, 'rotateKey'))
  const first = takeSecret(secrets[0] as EncryptionSecret, 'rotateKey')
  await change(backend, options, first, async (keyring) => {
    const opened = await Promise.all(all.map(({ secret }) => wrappingOf(keyring, secret)))
    if (opened.includes(undefined))
      throw new StorageError('denied', 'the store does not open with one of the secrets', { operation: 'rotateKey' })
    const left = places(keyring).filter((at) => !opened.includes(at))
    if (left.length === 0) return await renewKeyring(keyring, all)
    throw new StorageError('invalid', 'a new key needs all secrets of the store; remove the others first', {
      operation: 'rotateKey',
      facts: { given: all.length, secrets: places(keyring).length },
    })
  })
}

function taken(secret: EncryptionSecret, { passphraseHash = 'pbkdf2' }: SecretOptions, operation: string) {
  checkPassphraseHash(passphraseHash, operation)
  return { secret: takeSecret(secret, operation), hash: passphraseHash }
}

function places({ stored }: Keyring): number[] {
  return stored.wrappings.map((_, at) => at)
}

/** Of several at once each begins at what the one before left. */
async function change(
  backend: Backend,
  options: SecretOptions,
  secret: EncryptionSecret,
  make: (keyring: Keyring) => Promise<Keyring>,
): Promise<void> {
  const { blobs, name } = options.of === 'snapshots' ? backend : belowEncrypted(backend)
  const place: EncryptedPlace = { blobs, name, prefix: options.of === 'snapshots' ? 'snapshots/' : '' }
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const found = await findKeyring(place)
    if (found === undefined) throw new StorageError('missing', 'there is no keyring: nothing is encrypted here', { backend: name })
    const { stored } = await make(await unlockKeyring(found.stored, secret, keyringKey(place)))
    const writeId = newWriteId()
    try {
      const when = { version: found.version }
      await blobs.put(keyringKey(place), encodeKeyring(stored, writeId), { when, durability: 'strict' })
      return
    } catch (error) {
      if (!isStorageError(error, 'conflict') && !isStorageError(error, 'unavailable')) throw error
      const now = await findKeyring(place)
      if (now !== undefined && equalBytes(now.writeId, writeId)) return
    }
  }
  throw new StorageError('unavailable', 'too many others changed the keyring at once', { backend: name, facts: { attempts: MAX_ATTEMPTS } })
}
