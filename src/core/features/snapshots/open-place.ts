import { StorageError } from '../../base/errors.js'
import { chooseCodec } from '../../codec/codecs.js'
import { chooseCompression } from '../../codec/compression-set.js'
import { loadPart } from '../../base/load-part.js'
import { checkPassphraseHash, takeSecret } from '../../codec/secret.js'
import { contextOf, type Store, type StoreContext } from '../../derived/resolve.js'
import { PackStore } from '../../engine/content/pack-store.js'
import type { Backend } from '../../ports/backend.js'
import { SESSIONS, SNAPSHOTS } from './layout.js'
import type { SnapshotPlace } from './place.js'
import { SnapshotIndex } from './snapshot-index.js'
import type { SnapshotsOptions } from './types.js'

/** Checks what `openSnapshots` checks, and writes nothing. */
export async function openPlace(source: Store | Backend, options: SnapshotsOptions): Promise<SnapshotPlace> {
  const plain = contextOf(source)
  plain.checkOpen('openSnapshots')
  const { name, blobs } = plain.backend
  if (!blobs.traits.conditionalPut) {
    const message = `${name} cannot compare and set, so the order of snapshots cannot be kept there; use R2 or a Durable Object instead`
    throw new StorageError('unsupported', message, {
      backend: name,
      operation: 'openSnapshots',
      facts: { feature: 'snapshots', missing: 'conditionalPut' },
    })
  }
  const context = await openContext(plain, options)
  const compression = chooseCompression(options.compression, options.compressions)
  const unread = (): PackStore => new PackStore({ blobs: context.backend.blobs, clock: context.clock, path: SNAPSHOTS, compression })
  const codec = await chooseCodec(options.codec)
  return { context, index: new SnapshotIndex(context.backend, context.clock), packs: unread(), unread, codec, compression }
}

/** With everything sealed, where that is asked for; `denied` where the secret is wrong, or is needed and not given. */
async function openContext(context: StoreContext, { encryption, passphraseHash = 'pbkdf2' }: SnapshotsOptions): Promise<StoreContext> {
  const operation = 'openSnapshots'
  if (encryption === undefined) {
    const keyring = await context.backend.blobs.get(`${SNAPSHOTS}/keyring`, { range: { start: 0, end: 0 } })
    if (keyring === undefined) return context
    const message = 'the snapshots of this store are encrypted: open them with { encryption: secret }'
    throw new StorageError('denied', message, { backend: context.backend.name, operation })
  }
  checkPassphraseHash(passphraseHash, operation)
  const secret = takeSecret(encryption, operation)
  const { encryptedContext } = await loadPart('encryption', () => import('../../derived/encrypted-context.js'))
  return await encryptedContext(context, { prefix: `${SNAPSHOTS}/`, names: SESSIONS, secret, hash: passphraseHash })
}
