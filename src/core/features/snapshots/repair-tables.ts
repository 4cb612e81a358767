// Merged tables of packs are made anew from the packs, and the cell of the collection from the sessions that it stamped.

import { storedBlobs } from '../../derived/stored-blobs.js'
import { collectionCell, openCollection } from '../../engine/content/collection.js'
import { SNAPSHOTS } from './layout.js'
import type { SnapshotPlace } from './place.js'
import type { Quarantine } from './quarantine.js'
import { readableSessions } from './repair-sessions.js'
import { damagedTables } from './verify-packs.js'

export async function repairTables(place: SnapshotPlace, quarantine: Quarantine): Promise<void> {
  const damaged = (await damagedTables(place)).flatMap(({ key }) => key ?? [])
  for (const key of damaged) await quarantine.copy(key)
  if (damaged.includes(`${SNAPSHOTS}/collection`)) await renewCollection(place)
  if (damaged.some((key) => key.startsWith(`${SNAPSHOTS}/index/`))) {
    await place.packs.refresh()
    await place.packs.catalogue.rebuild()
  }
}

/** Later than all that were: whoever read the one before looks again. */
async function renewCollection(place: SnapshotPlace): Promise<void> {
  const { context } = place
  const { blobs } = context.backend
  const blob = await storedBlobs(blobs).get(`${SNAPSHOTS}/collection`)
  let epoch = 0
  for await (const { state } of readableSessions(place, undefined)) epoch = Math.max(epoch, state.swept)
  await collectionCell(blobs, context.clock, SNAPSHOTS).replace({ ...openCollection(undefined), epoch: epoch + 1 }, blob?.version)
}
