// Changes of the keyring of an encrypted place; loaded when one is made.

import { equalBytes } from '../base/bytes.js'
import { isStorageError, StorageError } from '../base/errors.js'
import { newWriteId } from '../codec/envelope.js'
import { encodeKeyring, type Keyring, renewKeyring, rewrapKeyring, unlockKeyring, wrappingOf } from '../codec/keyring.js'
import type { EncryptionSecret, PassphraseHash } from '../codec/secret.js'
import { type EncryptedPlace, findKeyring, keyringKey } from './encrypted-keys.js'

const MAX_ATTEMPTS = 8

interface NewSecret {
  readonly secret: EncryptionSecret
  readonly hash: PassphraseHash
}

export async function replaceSecret(place: EncryptedPlace, current: EncryptionSecret, next: NewSecret): Promise<void> {
  await change(place, current, async (keyring) => {
    const kept = wrappingsOf(keyring).filter((at) => at !== keyring.opened)
    return await rewrapKeyring(keyring, kept, next)
  })
}

export async function joinSecret(place: EncryptedPlace, known: EncryptionSecret, added: NewSecret): Promise<void> {
  await change(place, known, (keyring) => rewrapKeyring(keyring, wrappingsOf(keyring), added))
}

export async function dropSecret(place: EncryptedPlace, known: EncryptionSecret, removed: EncryptionSecret): Promise<void> {
  await change(place, known, async (keyring) => {
    const gone = await wrappingOf(keyring, removed)
    if (gone === undefined) throw new StorageError('missing', 'the store does not open with this secret', { operation: 'removeSecret' })
    const kept = wrappingsOf(keyring).filter((at) => at !== gone)
    if (kept.length > 0) return await rewrapKeyring(keyring, kept)
    throw new StorageError('invalid', 'the last secret of a store cannot be removed: nothing would open it', { operation: 'removeSecret' })
  })
}

export async function addKey(place: EncryptedPlace, secrets: readonly NewSecret[]): Promise<void> {
  const operation = 'rotateKey'
  const first = secrets[0]
  if (first === undefined) throw new StorageError('invalid', 'a new key needs the secrets of the store', { operation })
  await change(place, first.secret, async (keyring) => {
    const opened = await Promise.all(secrets.map(({ secret }) => wrappingOf(keyring, secret)))
    if (opened.includes(undefined)) throw new StorageError('denied', 'the store does not open with one of the secrets', { operation })
    const left = wrappingsOf(keyring).filter((at) => !opened.includes(at))
    if (left.length === 0) return await renewKeyring(keyring, secrets)
    throw new StorageError('invalid', 'a new key needs all secrets of the store; remove the others first', {
      operation,
      facts: { given: secrets.length, secrets: wrappingsOf(keyring).length },
    })
  })
}

function wrappingsOf({ stored }: Keyring): number[] {
  return stored.wrappings.map((_, at) => at)
}

/** Of several at once each begins at what the one before left. */
async function change(place: EncryptedPlace, secret: EncryptionSecret, make: (keyring: Keyring) => Promise<Keyring>): Promise<void> {
  const { blobs, name } = place
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
