// A store of which one prefix is encrypted, with a keyring of its own, and where names in keys are hidden too.

import type { EncryptionSecret, PassphraseHash } from '../codec/secret.js'
import type { Backend } from '../ports/backend.js'
import { encryptedParts } from './encrypted-parts.js'
import { HiddenNames } from './hidden-names.js'
import type { StoreContext } from './store-context.js'

export interface EncryptedPrefix {
  /** Ends in a slash. */
  readonly prefix: string
  /** Below it each component of a key is a name. */
  readonly names: string
  readonly secret: EncryptionSecret
  readonly hash: PassphraseHash
}

/** The same store, for who touches nothing outside of the prefix. `denied` where the secret does not open it, `invalid` where plain data lies. */
export async function encryptedContext(context: StoreContext, { prefix, names, secret, hash }: EncryptedPrefix): Promise<StoreContext> {
  const { name, locks, signals, requestScoped, blobs: below } = context.backend
  const parts = encryptedParts({ blobs: below, prefix, name }, secret, hash)
  if ((await parts.keys.opened()) === undefined) await parts.keys.checkUnused()
  const blobs = new HiddenNames(parts.blobs, parts.keys, names)
  const backend: Backend = {
    name,
    blobs,
    ...(locks === undefined ? {} : { locks }),
    ...(signals === undefined ? {} : { signals }),
    ...(requestScoped === undefined ? {} : { requestScoped }),
    health: () => context.backend.health(),
    close: () => context.backend.close(),
  }
  return {
    backend,
    clock: context.clock,
    mode: context.mode,
    writable: (operation) => context.writable(operation),
    checkFence: () => context.checkFence(),
    checkOpen: (operation) => context.checkOpen(operation),
    onClose: (dependent) => context.onClose(dependent),
    close: () => context.close(),
  }
}
