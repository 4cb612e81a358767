// Merged tables of packs are made anew from the packs, and the cell of the collection from the sessions that it stamped.

import { isStorageError } from '../../base/errors.js'
import { storedBlobs } from '../../derived/stored-blobs.js'
import { caughtUp, collectionCell, renewedCollection } from '../../engine/content/collection.js'
import { SNAPSHOTS } from './layout.js'
import type { SnapshotPlace } from './place.js'
import type { Quarantine } from './quarantine.js'
import { latestStamp } from './readable-sessions.js'
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

/** What is doomed stays so, where that can be read. */
async function renewCollection(place: SnapshotPlace): Promise<void> {
  const { context } = place
  const { blobs } = context.backend
  const cell = collectionCell(blobs, context.clock, SNAPSHOTS)
  const stamp = await latestStamp(place)
  try {
    await cell.update((stored) => caughtUp(stored, stamp))
  } catch (error) {
    if (!isStorageError(error, 'corrupt')) throw error
    const blob = await storedBlobs(blobs).get(`${SNAPSHOTS}/collection`)
    await cell.replace(renewedCollection(stamp), blob?.version)
  }
}
