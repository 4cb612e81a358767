// Taking snapshots away: the cell first. From then on they do not exist, whatever becomes of their blobs.

import { isStorageError } from '../../base/errors.js'
import { adoptedKey, contentPrefix, isOfBatch, manifestKey } from './layout.js'
import type { SnapshotPlace } from './place.js'
import { withoutAll, withoutSummaries } from './session-changes.js'
import type { Located } from './snapshot-index.js'
import { infoWithoutManifest, type Summary } from './summary.js'
import type { SessionRef, SnapshotInfo } from './types.js'

export async function removeSession(place: SnapshotPlace, ref: SessionRef, signal?: AbortSignal): Promise<readonly Located[]> {
  const { index } = place
  let gone: Located[] = []
  await index.change(
    index.cell(ref),
    async (state) => {
      gone = []
      for await (const summary of index.summaries(state, signal)) gone.push({ state, summary })
      return withoutAll(state)
    },
    signal,
  )
  await removeBlobs(
    place,
    gone.map(({ summary }) => summary),
    signal,
  )
  return gone
}

export async function removeOne(place: SnapshotPlace, id: string, signal?: AbortSignal): Promise<readonly Located[]> {
  const { index } = place
  const located = await index.locate(id, signal)
  if (located === undefined) return []
  const gone = new Map([[id, located.summary.index]])
  const after = await index.change(index.cell(located.state), (state) => withoutSummaries(state, index.pages, gone), signal)
  if (after === undefined) return []
  await removeBlobs(place, [located.summary], signal)
  return [located]
}

/** Manifests, and contents of format 1; chunks, and manifests that lie with others, are left to the collection. */
export async function removeBlobs(place: SnapshotPlace, gone: readonly Summary[], signal?: AbortSignal): Promise<void> {
  const { blobs } = place.context.backend
  const options = signal === undefined ? {} : { signal }
  const keys: string[] = []
  for (const { id, attempt, contentId } of gone) {
    if (attempt !== undefined) keys.push(adoptedKey(id, attempt))
    else if (!isOfBatch(id)) keys.push(manifestKey(id))
    if (contentId === undefined) continue
    for await (const { key } of blobs.list({ prefix: contentPrefix(contentId), ...options })) keys.push(key)
  }
  if (keys.length > 0) await blobs.delete(keys, options)
}

/** What is to be told of one that goes; its manifest may be gone or damaged already. */
export async function unlessGone(place: SnapshotPlace, located: Located, signal?: AbortSignal): Promise<SnapshotInfo> {
  try {
    const info = await place.index.info(located, signal)
    if (info !== undefined) return info
  } catch (error) {
    if (!isStorageError(error)) throw error
  }
  return infoWithoutManifest(located.state, located.summary)
}
