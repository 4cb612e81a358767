// Packs and tables as blobs: each pack has the hash that is its name, and each table can be read.

import { isStorageError, StorageError } from '../../base/errors.js'
import { sha256Hex } from '../../codec/hash.js'
import { openIndex } from '../../engine/content/index-blob.js'
import { collectionCell, readCollection } from '../../engine/content/collection.js'
import { listPacks, packKey } from '../../engine/content/pack-catalogue.js'
import { SNAPSHOTS } from './layout.js'
import type { SnapshotPlace } from './place.js'
import { latestStamp } from './readable-sessions.js'
import type { SnapshotProblem } from './upkeep-types.js'
import { problemOf } from './verify-problem.js'

/** In the order of their names. */
export async function packsAfter({ context }: SnapshotPlace, after: string): Promise<string[]> {
  const names = [...(await listPacks(context.backend.blobs, SNAPSHOTS)).keys()]
  return names.filter((name) => name > after).sort()
}

/** One that is deleted meanwhile is no problem. */
export async function checkPack(
  { context }: SnapshotPlace,
  pack: string,
): Promise<{ readonly bytes: number; readonly problem?: SnapshotProblem }> {
  const key = packKey(SNAPSHOTS, pack)
  const blob = await context.backend.blobs.get(key).catch((error: unknown) => {
    // One that is sealed does not open at all.
    if (isStorageError(error, 'corrupt')) return error
    throw error
  })
  if (blob === undefined) return { bytes: 0 }
  if (isStorageError(blob)) return { bytes: 0, problem: problemOf({ id: key, key }, blob) }
  const actual = await sha256Hex(blob.data)
  const bytes = blob.data.length
  if (actual === pack) return { bytes }
  const error = new StorageError('corrupt', 'a pack does not have the hash that is its name', { facts: { expected: pack, actual } })
  return { bytes, problem: problemOf({ id: key, key }, error) }
}

/** Merged tables and the collection's cell: nothing is lost with them, and they can be made anew. */
export async function damagedTables(place: SnapshotPlace): Promise<SnapshotProblem[]> {
  const { context } = place
  const { blobs } = context.backend
  const problems: SnapshotProblem[] = []
  const look = async (key: string, run: () => Promise<unknown>): Promise<void> => {
    try {
      await run()
    } catch (error) {
      problems.push(problemOf({ id: key, key }, error))
    }
  }
  await look(`${SNAPSHOTS}/collection`, () => checkCollection(place))
  for await (const { key } of blobs.list({ prefix: `${SNAPSHOTS}/index/` })) {
    await look(key, async () => {
      const blob = await blobs.get(key)
      if (blob !== undefined) openIndex(blob.data, key)
    })
  }
  return problems
}

/** A collection is published before it stamps a session: the cell is there then. */
async function checkCollection(place: SnapshotPlace): Promise<void> {
  const { context } = place
  const { version } = await readCollection(collectionCell(context.backend.blobs, context.clock, SNAPSHOTS))
  if (version !== undefined) return
  const stamp = await latestStamp(place)
  if (stamp === 0) return
  throw new StorageError('missing', 'the cell of the collections is not there, but sessions know of one', { facts: { stamp } })
}
