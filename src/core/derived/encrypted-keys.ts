// The keyring of an encrypted place: read at the first use, made at the first write, read again where something is sealed
// with a key that is newer than what is known. A place that holds plain data never becomes an encrypted one.

import { isStorageError, StorageError } from '../base/errors.js'
import { Mutex } from '../base/mutex.js'
import { newWriteId, openEnvelope } from '../codec/envelope.js'
import type { EncryptionSecret, PassphraseHash } from '../codec/secret.js'
import { decodeKeyring, encodeKeyring, type Keyring, newKeyring, type StoredKeyring, unlockKeyring } from '../codec/keyring.js'
import type { SealingKey } from '../codec/sealed-blob.js'
import { isSealedBlob } from '../codec/sealed-mark.js'
import type { BlobStore } from '../ports/blob-store.js'
import type { FileStore } from '../ports/file-store.js'

export interface EncryptedPlace {
  /** As they are stored. */
  readonly blobs: BlobStore
  readonly files?: FileStore | undefined
  /** Prefix of all keys that are sealed; '' for a whole store. */
  readonly prefix: string
  /** For errors: the backend's name. */
  readonly name: string
}

/** Key of the keyring. */
export function keyringKey({ prefix }: Pick<EncryptedPlace, 'prefix'>): string {
  return `${prefix}keyring`
}

export interface FoundKeyring {
  readonly stored: StoredKeyring
  readonly version: string
  readonly writeId: Uint8Array
}

/** undefined where there is none. */
export async function findKeyring(place: EncryptedPlace): Promise<FoundKeyring | undefined> {
  const key = keyringKey(place)
  const blob = await place.blobs.get(key)
  if (blob === undefined) return undefined
  const stored = decodeKeyring(blob.data, key)
  return { stored, version: blob.version, writeId: openEnvelope(blob.data, 'keyring', key).writeId }
}

export class EncryptedKeys {
  readonly #place: EncryptedPlace
  readonly #secret: EncryptionSecret
  readonly #hash: PassphraseHash
  /** Deriving a key takes long: who comes together waits for one. */
  readonly #turn = new Mutex()
  #keyring: Keyring | undefined

  constructor(place: EncryptedPlace, secret: EncryptionSecret, hash: PassphraseHash) {
    this.#place = place
    this.#secret = secret
    this.#hash = hash
  }

  /** To read: undefined where nothing was written yet. `denied` for a wrong secret. */
  async opened(): Promise<Keyring | undefined> {
    return this.#keyring ?? (await this.#turn.run(async () => this.#keyring ?? (await this.#load())))
  }

  /** To write: made where there is none. `invalid` where plain data lies. */
  async made(): Promise<Keyring> {
    return this.#keyring ?? (await this.#turn.run(async () => this.#keyring ?? (await this.#load()) ?? (await this.#create())))
  }

  /** What seals now. */
  async sealing(): Promise<SealingKey> {
    const { storeId, current, keys } = await this.made()
    return { storeId, generation: current, key: keys[current - 1] as Uint8Array }
  }

  /** What sealed in that generation; `corrupt` where there never was one. */
  async ofGeneration(generation: number, at: string): Promise<SealingKey> {
    const known = await this.opened()
    const keyring = known?.keys[generation - 1] === undefined ? await this.#turn.run(() => this.#load()) : known
    const key = keyring?.keys[generation - 1]
    if (keyring === undefined || key === undefined) throw this.#noKey(generation, keyring, at)
    return { storeId: keyring.storeId, generation, key }
  }

  /** `invalid` where it holds plain data, `missing` where it is encrypted and its keyring is gone. */
  async checkUnused(): Promise<void> {
    const found = await this.#anything()
    if (found === undefined) return
    const blob = found.kind === 'blob' ? await this.#place.blobs.get(found.key, { range: { start: 0, end: 8 } }) : undefined
    const isSealed = blob !== undefined && isSealedBlob(blob.data)
    const message = isSealed
      ? 'the keyring of an encrypted store is gone; put a copy of it back'
      : 'the store holds data that is not encrypted; copy it into a new store that is encrypted from the beginning'
    throw new StorageError(isSealed ? 'missing' : 'invalid', message, {
      backend: this.#place.name,
      facts: { found: found.key, keyring: keyringKey(this.#place) },
    })
  }

  async #load(): Promise<Keyring | undefined> {
    const found = await findKeyring(this.#place)
    if (found === undefined) return undefined
    this.#keyring = await unlockKeyring(found.stored, this.#secret, keyringKey(this.#place))
    return this.#keyring
  }

  /** Of several at once the first one's stays, and the others read it. */
  async #create(): Promise<Keyring> {
    const { blobs } = this.#place
    try {
      await this.checkUnused()
    } catch (error) {
      const winners = await this.#load() // what was found may be the first data of another one
      if (winners !== undefined) return winners
      throw error
    }
    const made = await newKeyring(this.#secret, this.#hash)
    const writeId = newWriteId()
    try {
      await blobs.put(keyringKey(this.#place), encodeKeyring(made.stored, writeId), { when: 'absent', durability: 'strict' })
      this.#keyring = made
      return made
    } catch (error) {
      if (!isStorageError(error, 'conflict') && !isStorageError(error, 'unavailable')) throw error
      const winners = await this.#load()
      if (winners === undefined) throw error
      return winners
    }
  }

  async #anything(): Promise<{ readonly kind: 'blob' | 'file'; readonly key: string } | undefined> {
    const { blobs, files, prefix } = this.#place
    for await (const { key } of blobs.list({ prefix })) if (key !== keyringKey(this.#place)) return { kind: 'blob', key }
    for await (const { path, size } of files?.list(prefix) ?? []) if (size > 0) return { kind: 'file', key: path }
    return undefined
  }

  #noKey(generation: number, keyring: Keyring | undefined, at: string): StorageError {
    if (keyring === undefined) return new StorageError('missing', 'the keyring of an encrypted store is gone', { key: at })
    return new StorageError('corrupt', 'sealed with a key that the keyring of this store does not have', {
      key: at,
      facts: { generation, newest: keyring.current },
    })
  }
}
