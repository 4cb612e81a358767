import type { EncryptionSecret } from '../../core/codec/secret.js'
import { contextOf, type Store } from '../../core/derived/resolve.js'
import { givenSecret } from '../given-secret.js'

const KEYRING = 'snapshots/keyring'

/** What opens snapshots that are encrypted by themselves, in a store that is not. */
export async function encryptionOf(store: Store): Promise<{ readonly encryption?: EncryptionSecret }> {
  const encryption = givenSecret()
  if (encryption === undefined) return {}
  const keyring = await contextOf(store).backend.blobs.get(KEYRING, { range: { start: 0, end: 0 } })
  return keyring === undefined ? {} : { encryption }
}
