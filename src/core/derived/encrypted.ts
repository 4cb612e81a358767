// A backend over another one in which everything is encrypted. Here is only what must be known at once; what seals and opens
// is loaded with the first use.

import { asyncDispose } from '../base/async-dispose.js'
import { Closing } from '../base/closing.js'
import { StorageError } from '../base/errors.js'
import { loadPart } from '../base/load-part.js'
import { Once } from '../base/once.js'
import { checkPassphraseHash, type EncryptionSecret, type PassphraseHash, takeSecret } from '../codec/secret.js'
import { plainBytesOfSealed } from '../codec/sealed-sizes.js'
import type { Backend } from '../ports/backend.js'
import type { BlobStore, BlobWrite } from '../ports/blob-store.js'
import type { FileStore } from '../ports/file-store.js'
import type { AsyncDisposal } from '../ports/options.js'
import { setBelowEncrypted } from './below-encrypted.js'
import { setStoredBlobs, storedBlobs } from './stored-blobs.js'
import { setUnderlay } from './underlay.js'

export interface EncryptedOptions {
  /** How a passphrase becomes a key when the store is first written; later the keyring says it. Default `pbkdf2`. */
  readonly passphraseHash?: PassphraseHash
}

interface Parts {
  readonly blobsOver: (below: BlobStore) => BlobStore
  readonly files: FileStore | undefined
}

/**
 * The same place, where all blobs and files are encrypted (AES-256-GCM, keys that are random and lie wrapped in the blob
 * `keyring`). Does no I/O; the keyring is made with the first write, and only where nothing is stored yet. Names of queues,
 * keys and namespaces stay readable, as do sizes and times. A backend's own streams and SQL are left out: queues are logs of
 * blobs or files then. Closing it closes the backend.
 *
 * Errors: `invalid` for what is no secret (also later, where the place holds plain data), `unsupported` where there are no
 * conditional puts; then, with the first use, `denied` for a wrong secret, `corrupt` for damage.
 */
export function encrypted(backend: Backend, secret: EncryptionSecret, options: EncryptedOptions = {}): Backend & AsyncDisposal {
  const { passphraseHash = 'pbkdf2' } = options
  checkPassphraseHash(passphraseHash, 'encrypted')
  if (!backend.blobs.traits.conditionalPut) {
    const message = `${backend.name} cannot put a blob only where there is none, so two first writers could lose each other's keys`
    throw new StorageError('unsupported', message, {
      backend: backend.name,
      operation: 'encrypted',
      facts: { feature: 'encryption', missing: 'conditionalPut' },
    })
  }
  const taken = takeSecret(secret, 'encrypted')
  const parts = new Once(async (): Promise<Parts> => {
    const { encryptedParts } = await loadPart('encryption', () => import('./encrypted-parts.js'))
    return encryptedParts({ blobs: backend.blobs, files: backend.files, prefix: '', name: backend.name }, taken, passphraseHash)
  })
  const made = new EncryptedBackend(backend, parts)
  setBelowEncrypted(made, backend)
  return made
}

class EncryptedBackend implements Backend, AsyncDisposal {
  readonly name: string
  readonly blobs: BlobStore
  readonly files?: FileStore
  readonly locks?: Backend['locks']
  readonly signals?: Backend['signals']
  readonly requestScoped?: boolean
  readonly #closing: Closing
  readonly #below: Backend

  constructor(below: Backend, parts: Once<Parts>) {
    const { name, blobs, files, locks, signals, requestScoped } = below
    this.#below = below
    this.#closing = new Closing(name)
    this.name = name
    this.blobs = blobsOnDemand(blobs, parts)
    if (files !== undefined) this.files = filesOnDemand(files, parts)
    if (locks !== undefined) this.locks = locks
    if (signals !== undefined) this.signals = signals
    if (requestScoped !== undefined) this.requestScoped = requestScoped
  }

  retried(...told: Parameters<Required<Backend>['retried']>): void {
    this.#below.retried?.(...told)
  }

  health() {
    return this.#below.health()
  }

  close(): Promise<void> {
    return this.#closing.close(this, () => this.#below.close())
  }

  [asyncDispose](): Promise<void> {
    return this.close()
  }
}

function blobsOnDemand(below: BlobStore, parts: Once<Parts>): BlobStore {
  const made = new Once(async () => (await parts.get()).blobsOver(below))
  const blobs = () => made.get()
  const batch = async (writes: readonly BlobWrite[], options?: object) => (await blobs()).batch?.(writes, options)
  const sealed: BlobStore = {
    traits: { ...below.traits, maxBlobBytes: plainBytesOfSealed(below.traits.maxBlobBytes) },
    get: async (key, options) => (await blobs()).get(key, options),
    put: async (key, bytes, options) => (await blobs()).put(key, bytes, options),
    delete: async (keys, options) => (await blobs()).delete(keys, options),
    async *list(options) {
      yield* (await blobs()).list(options)
    },
    ...(below.batch === undefined ? {} : { batch }),
  }
  setStoredBlobs(sealed, storedBlobs(below))
  setUnderlay(sealed, (wrap) => blobsOnDemand(wrap(below), parts))
  return sealed
}

function filesOnDemand(below: FileStore, parts: Once<Parts>): FileStore {
  const files = async () => (await parts.get()).files as FileStore
  return {
    bootId: () => below.bootId(),
    open: async (path, options) => (await files()).open(path, options),
    delete: (path) => below.delete(path),
    async *list(prefix) {
      yield* (await files()).list(prefix)
    },
  }
}
