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
  const sealed = await openSealed(plain, options)
  const compression = chooseCompression(options.compression, options.compressions)
  const codec = await chooseCodec(options.codec)
  const placeOver = (context: StoreContext): SnapshotPlace => plainPlace(sealed(context), { codec, compression })
  if (options.cache === undefined) return placeOver(plain)
  const { cachedPlace } = await loadPart('caching', () => import('./cached-place.js'))
  return cachedPlace(plain, options.cache, placeOver)
}

function plainPlace(context: StoreContext, { codec, compression }: Pick<SnapshotPlace, 'codec' | 'compression'>): SnapshotPlace {
  const { backend, clock } = context
  const unread = (): PackStore => new PackStore({ blobs: backend.blobs, clock, path: SNAPSHOTS, compression })
  return { context, index: new SnapshotIndex(backend, clock), packs: unread(), unread, codec, compression }
}

/** Makes of a store one in which everything is sealed, where that is asked for; `denied` where the secret is wrong, or is needed and not given. */
async function openSealed(
  context: StoreContext,
  { encryption, passphraseHash = 'pbkdf2' }: SnapshotsOptions,
): Promise<(context: StoreContext) => StoreContext> {
  const operation = 'openSnapshots'
  if (encryption === undefined) {
    const keyring = await context.backend.blobs.get(`${SNAPSHOTS}/keyring`, { range: { start: 0, end: 0 } })
    if (keyring === undefined) return (over) => over
    const message = 'the snapshots of this store are encrypted: open them with { encryption: secret }'
    throw new StorageError('denied', message, { backend: context.backend.name, operation })
  }
  checkPassphraseHash(passphraseHash, operation)
  const secret = takeSecret(encryption, operation)
  const { encryptedContexts } = await loadPart('encryption', () => import('../../derived/encrypted-context.js'))
  return await encryptedContexts(context, { prefix: `${SNAPSHOTS}/`, names: SESSIONS, secret, hash: passphraseHash })
}
