import type { Snapshots } from '../../core/features/snapshots/snapshots.js'
import type { SnapshotFilter, SnapshotInfo } from '../../core/features/snapshots/types.js'
import { formatBytes } from '../output.js'
import { copyInto } from './copy-into.js'
import { infoName } from './info-table.js'
import { findSnapshot } from './which.js'
import { withSnapshots } from './with-snapshots.js'

/** Copies one snapshot to another store; one that is there already stays as it is. */
export function restoreTo(from: string, which: string, to: string): Promise<void> {
  return withSnapshots(from, { mode: 'read' }, async (source, signal) => {
    const info = await findSnapshot(source, which, signal)
    const { copied, storedBytes } = await copyInto(to, source, { filter: await filterOfOne(source, info, signal) }, signal)
    console.log(copied === 0 ? `${infoName(info)} was there before` : `copied ${infoName(info)}; added ${formatBytes(storedBytes)}`)
  })
}

/** What no other snapshot passes: the first of its branch behind the one that comes before it in a list. */
async function filterOfOne(
  snapshots: Snapshots<unknown>,
  info: SnapshotInfo,
  signal: AbortSignal,
): Promise<Omit<SnapshotFilter, 'signal'>> {
  const { id, agent, session, branch, timestamp } = info
  const filter = { agent, session, branch, before: timestamp + 1 }
  let startAfter: string | undefined
  for await (const other of snapshots.list({ ...filter, signal })) {
    if (other.id === id) break
    startAfter = other.id
  }
  return { ...filter, limit: 1, ...(startAfter === undefined ? {} : { startAfter }) }
}
