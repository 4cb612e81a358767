// A snapshot from another store, under its own id: what copies and archives end in.

import type { StoredContent } from '../../engine/content/content.js'
import type { PackBatch } from '../../engine/content/pack-batch.js'
import { commit, type Draft, ensureSession } from './commit.js'
import type { SnapshotPlace } from './place.js'
import { inBatch, overtaken } from './publish.js'
import type { ComingSnapshot } from './summary.js'

const MAX_COLLECTIONS = 8

/**
 * False where a session has the id already. `store` puts the content's chunks; it runs again where a collection passes. The
 * index is kept where the session has not come that far yet, and so is the time; it is the head of its branch where it is newer
 * by those that it came with.
 */
export async function adopt(
  place: SnapshotPlace,
  info: ComingSnapshot,
  store: (batch: PackBatch) => Promise<StoredContent>,
  signal?: AbortSignal,
): Promise<boolean> {
  const { index } = place
  const cell = await ensureSession(place, info, signal)
  if ((await index.locateIn(info, { id: info.id, index: undefined }, signal)) !== undefined) return false
  for (let passed = 0; passed < MAX_COLLECTIONS; passed++) {
    const { batch, result: content } = await inBatch(place, signal, store)
    const draft: Draft = {
      branch: info.branch,
      tags: info.tags,
      description: info.description,
      metadata: info.metadata,
      content,
      storedBytes: batch.storedBytes,
      compression: info.compression,
      parents: info.parents,
      adopted: {
        id: info.id,
        index: info.index,
        timestamp: info.timestamp,
        clock: info.clock,
        isPinned: info.pinned === true,
      },
    }
    const made = await commit(place, cell, [draft], { ref: info, batch, signal })
    if (made !== undefined) return made.length > 0
  }
  throw overtaken('copy')
}
