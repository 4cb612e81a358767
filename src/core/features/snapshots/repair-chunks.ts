// Chunks that are damaged or gone are fetched from another store that has them, into new packs. Which packs are damaged their
// names say; of the others every chunk is taken for whole.

import type { ChunkId, ChunkKind, ChunkSource } from '../../engine/content/chunks.js'
import type { PackBatch } from '../../engine/content/pack-batch.js'
import { packKey } from '../../engine/content/pack-catalogue.js'
import { walkChunks } from '../../engine/content/walk-chunks.js'
import { contentOf } from './contents.js'
import { isDamage, unlessDamaged } from './damage.js'
import { SNAPSHOTS } from './layout.js'
import type { Manifest } from './manifest.js'
import type { SnapshotPlace } from './place.js'
import type { Quarantine } from './quarantine.js'
import { readableSessions } from './readable-sessions.js'
import { checkPack, packsAfter } from './verify-packs.js'

interface Suspect {
  readonly id: ChunkId
  readonly kind: ChunkKind
}

/** Their names; they are copied aside. */
export async function damagedPacks(
  place: SnapshotPlace,
  quarantine: Quarantine,
  signal: AbortSignal | undefined,
): Promise<ReadonlySet<string>> {
  const bad = new Set<string>()
  for (const pack of await packsAfter(place, '')) {
    signal?.throwIfAborted()
    if ((await checkPack(place, pack)).problem === undefined) continue
    bad.add(pack)
    await quarantine.copy(packKey(SNAPSHOTS, pack))
  }
  return bad
}

/** `bad` are the damaged packs. */
export async function healChunks(
  place: SnapshotPlace,
  mirror: SnapshotPlace | undefined,
  bad: ReadonlySet<string>,
  signal: AbortSignal | undefined,
): Promise<void> {
  await place.packs.refresh(signal)
  const batch = await place.packs.begin({ avoid: bad, ...(signal === undefined ? {} : { signal }) })
  const source = mirrored(place, mirror, batch)
  for await (const { state } of readableSessions(place, signal)) {
    await unlessDamaged(async () => {
      for await (const summary of place.index.summaries(state, signal))
        await unlessDamaged(async () => await heal(await place.index.manifestOf(summary, signal), { batch, source, signal }))
    })
  }
  await batch.finish()
}

interface Healing {
  readonly batch: PackBatch
  readonly source: ChunkSource
  readonly signal: AbortSignal | undefined
}

async function heal(manifest: Manifest, { batch, source, signal }: Healing): Promise<void> {
  if (manifest.format === 1) return
  const suspects: Suspect[] = []
  const visit = (id: ChunkId, kind: ChunkKind): boolean => {
    if (kind === 'leaf' && !batch.has(id)) suspects.push({ id, kind })
    return true
  }
  await unlessDamaged(() => walkChunks(source, contentOf(manifest).root, visit, signal === undefined ? {} : { signal }))
  for (const { id, kind } of suspects) await unlessDamaged(async () => void (await source.get(id, kind)))
}

/** Reads here, and where that fails there: what came from there is stored here. */
function mirrored({ packs }: SnapshotPlace, mirror: SnapshotPlace | undefined, batch: PackBatch): ChunkSource {
  return {
    async get(id, kind, options) {
      try {
        return await packs.get(id, kind, options)
      } catch (error) {
        if (!isDamage(error) || mirror === undefined) throw error
        const plain = await mirror.packs.get(id, kind, options)
        await batch.put(kind, plain)
        return plain
      }
    },
  }
}
