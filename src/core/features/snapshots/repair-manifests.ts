// A manifest that is damaged or gone is put together again out of its summary and of the same snapshot in another store. Its hash
// says whether it is the one that was: any other is not written.

import { isDamage, unlessDamaged } from './damage.js'
import { adoptedKey, isOfBatch, manifestKey } from './layout.js'
import { type HashedManifest, hashManifest, type PreviousManifest, type TreeManifest } from './manifest.js'
import type { SnapshotPlace } from './place.js'
import type { Quarantine } from './quarantine.js'
import { readableSessions } from './readable-sessions.js'
import type { SessionState } from './session.js'
import type { Summary } from './summary.js'

export async function rebuildManifests(
  place: SnapshotPlace,
  mirror: SnapshotPlace | undefined,
  quarantine: Quarantine,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (mirror === undefined) return
  const batches = new Map<string, HashedManifest[]>()
  for await (const { state } of readableSessions(place, signal)) {
    await unlessDamaged(async () => {
      for (const [key, found] of await rebuildSession(place, mirror, state, quarantine))
        batches.set(key, [...(batches.get(key) ?? []), ...found])
    })
  }
  for (const [key, manifests] of batches) {
    await quarantine.copy(key)
    await place.index.manifests.putBatch(manifests)
  }
}

/** Gives back those that lie together with others, by their key: of one blob, all that are still there. */
async function rebuildSession(
  place: SnapshotPlace,
  mirror: SnapshotPlace,
  state: SessionState,
  quarantine: Quarantine,
): Promise<ReadonlyMap<string, HashedManifest[]>> {
  const together = new Map<string, HashedManifest[]>()
  const summaries: Summary[] = []
  for await (const summary of place.index.summaries(state)) summaries.push(summary)
  for (const [at, summary] of summaries.entries()) {
    if (await isWhole(place, summary)) continue
    const found = await rebuild(mirror, state, { summary, before: summaries[at + 1] })
    if (found === undefined) continue
    const key = summary.attempt === undefined ? manifestKey(summary.id) : adoptedKey(summary.id, summary.attempt)
    if (summary.attempt === undefined && isOfBatch(summary.id)) together.set(key, [found, ...(together.get(key) ?? [])])
    else {
      await quarantine.copy(key)
      await place.index.manifests.put(found, summary.attempt)
    }
  }
  return together
}

async function isWhole(place: SnapshotPlace, summary: Summary): Promise<boolean> {
  try {
    await place.index.manifestOf(summary)
    return true
  } catch (error) {
    if (!isDamage(error)) throw error
    return error.code === 'unsupported'
  }
}

/** undefined where the other store does not have it, or nothing that is tried has its hash. */
async function rebuild(
  mirror: SnapshotPlace,
  state: SessionState,
  { summary, before }: { readonly summary: Summary; readonly before: Summary | undefined },
): Promise<HashedManifest | undefined> {
  const other = await manifestThere(mirror, summary.id)
  if (other === undefined) return undefined
  const previous = before === undefined || before.hash === '' ? undefined : { index: before.index, hash: before.hash }
  for (const tags of [summary.tags, other.tags]) {
    for (const chained of [previous, other.previous, undefined]) {
      const made = await manifestWith(state, summary, other, { tags, previous: chained })
      if (made.manifest.hash === summary.hash) return made
    }
  }
  return undefined
}

async function manifestThere(mirror: SnapshotPlace, id: string): Promise<TreeManifest | undefined> {
  let found: TreeManifest | undefined
  await unlessDamaged(async () => {
    const { manifest } = await mirror.index.published(id)
    if (manifest.format !== 1) found = manifest
  })
  return found
}

/** With all its fields in the order in which they are written. */
async function manifestWith(
  { agent, session }: SessionState,
  { id, branch, index, timestamp, parents, contentHash, bytes, storedBytes, compression, origin, clock, isBrief, ...own }: Summary,
  other: TreeManifest,
  { tags, previous }: { readonly tags: readonly string[]; readonly previous: PreviousManifest | undefined },
): Promise<HashedManifest> {
  const { description, metadata } = isBrief ? other : own
  return await hashManifest({
    id,
    agent,
    session,
    branch,
    index,
    timestamp,
    parents,
    contentHash,
    tags,
    ...(description === undefined ? {} : { description }),
    ...(metadata === undefined ? {} : { metadata }),
    bytes,
    storedBytes,
    compression,
    codec: other.codec,
    root: other.root,
    ...(origin === undefined ? {} : { origin }),
    ...(clock === undefined ? {} : { clock }),
    ...(previous === undefined ? {} : { previous }),
  })
}
