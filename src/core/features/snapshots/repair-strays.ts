// Manifests that cannot be read and that no session refers to, because it was made anew without them: the snapshots come from
// another store under their ids, where it has them. Then, or where there is none, the manifests are moved aside.

import { copyTo } from './copy.js'
import { adoptedKey, MANIFESTS, manifestKey } from './layout.js'
import type { SnapshotPlace } from './place.js'
import type { Quarantine } from './quarantine.js'
import type { SnapshotProblem } from './upkeep-types.js'
import { strayManifests } from './verify-session.js'

/** Those that no other store had. */
export async function moveStrays(
  place: SnapshotPlace,
  mirror: SnapshotPlace | undefined,
  quarantine: Quarantine,
): Promise<readonly SnapshotProblem[]> {
  const strays = (await strayManifests(place, await referredManifests(place))).filter(
    ({ id, key, code }) => id === key && code === 'corrupt',
  )
  const lost: SnapshotProblem[] = []
  for (const stray of strays) {
    await quarantine.copy(stray.id)
    if (mirror === undefined || !(await copyStray(mirror, place, stray.id))) lost.push(stray)
    // Last: whoever is cut before begins with it again.
    await place.context.backend.blobs.delete([stray.id])
  }
  return lost
}

async function referredManifests(place: SnapshotPlace): Promise<ReadonlySet<string>> {
  const seen = new Set<string>()
  for await (const { state } of place.index.sessions()) {
    for await (const { id, attempt } of place.index.summaries(state))
      seen.add(attempt === undefined ? manifestKey(id) : adoptedKey(id, attempt))
  }
  return seen
}

/** False where the other store has none that lay under this key. */
async function copyStray(mirror: SnapshotPlace, place: SnapshotPlace, key: string): Promise<boolean> {
  let isFound = false
  for await (const { state } of mirror.index.sessions()) {
    for await (const { id, timestamp } of mirror.index.summaries(state)) {
      if (manifestKey(id) !== key && !key.startsWith(`${MANIFESTS}${id}.`)) continue
      isFound = true
      const { agent, session } = state
      await copyTo(mirror, place, { filter: { agent, session, after: timestamp - 1, before: timestamp + 1 } })
    }
  }
  return isFound
}
