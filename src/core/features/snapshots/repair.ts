// Repairing: what can be made anew from what is left, or is fetched from another store, is; what cannot is named, with the exact
// parts that are lost. Damaged blobs are copied aside before anything takes their place.

import { collect } from '../../engine/content/collect.js'
import type { Store } from '../../derived/resolve.js'
import type { Backend } from '../../ports/backend.js'
import { CollectedSessionCells } from './collect.js'
import { SNAPSHOTS } from './layout.js'
import { unlessDamaged } from './damage.js'
import { openPlace } from './open-place.js'
import type { SnapshotPlace } from './place.js'
import { Quarantine } from './quarantine.js'
import { damagedPacks, healChunks } from './repair-chunks.js'
import { rebuildManifests } from './repair-manifests.js'
import { renewOld } from './repair-old.js'
import { rebuildSessions } from './repair-sessions.js'
import { moveStrays } from './repair-strays.js'
import { repairTables } from './repair-tables.js'
import { SnapshotIndex } from './snapshot-index.js'
import type { RepairOptions, RepairReport, SnapshotProblem } from './upkeep-types.js'
import { verify } from './verify.js'

export async function repair(place: SnapshotPlace, options: RepairOptions<Store | Backend>): Promise<RepairReport> {
  const { from, encryption, signal, onProgress } = options
  const watched = { ...(signal === undefined ? {} : { signal }), ...(onProgress === undefined ? {} : { onProgress }) }
  const before = await verify(place, undefined, watched)
  if (before.ok) return { ok: true, repaired: [], lost: [], quarantined: [] }
  const quarantine = new Quarantine(place.context.backend.blobs)
  const mirror = from === undefined ? undefined : await openPlace(from, encryption === undefined ? {} : { encryption })
  await rebuildSessions(fresh(place), quarantine, signal)
  await rebuildManifests(fresh(place), mirror, quarantine, signal)
  await repairTables(fresh(place), quarantine)
  const bad = await damagedPacks(place, quarantine, signal)
  await renewOld({ place: fresh(place), mirror, quarantine, bad, signal })
  await healChunks(fresh(place), mirror, bad, signal)
  // Where a session cannot be read nobody knows what it needs.
  if (bad.size > 0) await unlessDamaged(() => replacePacks(fresh(place), bad, signal))
  let strays: readonly SnapshotProblem[] = []
  // A session that cannot be read goes on being told as it is.
  await unlessDamaged(async () => {
    strays = await moveStrays(fresh(place), mirror, quarantine)
  })
  const after = await verify(place, undefined, watched)
  const lost = [...after.problems, ...strays]
  const isLeft = new Set(lost.map(nameOf))
  const repaired = before.problems.filter((problem) => !isLeft.has(nameOf(problem)))
  return { ok: lost.length === 0, repaired, lost, quarantined: quarantine.keys }
}

/** With nothing remembered of what was read before. */
function fresh(place: SnapshotPlace): SnapshotPlace {
  return { ...place, packs: place.unread(), index: new SnapshotIndex(place.context.backend, place.context.clock) }
}

/** What is whole in damaged packs is copied into new ones, by the rules of a collection: others are saving. */
async function replacePacks(place: SnapshotPlace, bad: ReadonlySet<string>, signal: AbortSignal | undefined): Promise<void> {
  const { backend, clock } = place.context
  await collect({
    blobs: backend.blobs,
    clock,
    path: SNAPSHOTS,
    packs: place.packs,
    sessions: new CollectedSessionCells(place, signal),
    only: bad,
    ...(signal === undefined ? {} : { signal }),
  })
}

function nameOf({ id, key, code }: SnapshotProblem): string {
  return [id, key ?? '', code].join('\n')
}
