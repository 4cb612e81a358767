// A store of which one prefix is encrypted, with a keyring of its own, and where names in keys are hidden too.

import type { EncryptionSecret, PassphraseHash } from '../codec/secret.js'
import { contextOver } from './context-over.js'
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

/**
 * Makes of the store, and of what lies over it, the same for who touches nothing outside of the prefix. `denied` where the
 * secret does not open it, `invalid` where plain data lies.
 */
export async function encryptedContexts(
  { backend }: StoreContext,
  { prefix, names, secret, hash }: EncryptedPrefix,
): Promise<(context: StoreContext) => StoreContext> {
  const { keys, blobsOver } = encryptedParts({ blobs: backend.blobs, prefix, name: backend.name }, secret, hash)
  if ((await keys.opened()) === undefined) await keys.checkUnused()
  return (context) => contextOver(context, new HiddenNames(blobsOver(context.backend.blobs), keys, names))
}
