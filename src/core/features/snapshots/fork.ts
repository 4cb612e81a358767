// A fork is a new snapshot of the same content: a manifest and one compare-and-set, however large the state is.

import { checkName } from '../../base/key.js'
import type { PackBatch } from '../../engine/content/pack-batch.js'
import { storeContent } from '../../engine/content/store-content.js'
import { cutContent } from '../../engine/content/cut-content.js'
import { bytesOf, contentOf } from './contents.js'
import { commit, type Draft, ensureSession } from './commit.js'
import type { Manifest, TreeManifest } from './manifest.js'
import type { SnapshotPlace } from './place.js'
import { inBatch, keepChunks, overtaken } from './publish.js'
import { checkSession } from './save-request.js'
import type { Located } from './snapshot-index.js'
import type { ForkTarget, SessionRef } from './types.js'

const MAX_COLLECTIONS = 8
const MAIN_BRANCH = 'main'

export function checkTarget(target: ForkTarget): void {
  if (target.agent !== undefined) checkName('agent', target.agent)
  if (target.session !== undefined) checkName('session', target.session)
  if (target.branch !== undefined) checkName('branch', target.branch)
}

/** Where a fork goes that says no more than `target`. */
export function forkRef(
  source: Manifest,
  { agent = source.agent, session = source.session, branch }: ForkTarget,
): SessionRef & { branch: string } {
  const isSame = agent === source.agent && session === source.session
  return { agent, session, branch: branch ?? (isSame ? `fork-${source.index}` : MAIN_BRANCH) }
}

/** `which` gives the newest of a branch, or one by id; it is asked again after every collection that passes. */
export async function fork(
  place: SnapshotPlace,
  which: () => Promise<Located & { readonly manifest: Manifest }>,
  target: ForkTarget,
): Promise<TreeManifest> {
  const { signal } = target
  const ref = forkRef((await which()).manifest, target)
  checkSession(ref)
  const cell = await ensureSession(place, ref, signal)
  for (let passed = 0; passed < MAX_COLLECTIONS; passed++) {
    // The batch first: a source that is there after it was begun is one that its collection knows of.
    const { batch, result } = await inBatch(place, signal, async (batch) => {
      const source = await which()
      return { source, content: await contentIn(place, batch, source.manifest, signal) }
    })
    const { manifest, summary } = result.source
    const draft: Draft = {
      branch: ref.branch,
      tags: [],
      description: manifest.description,
      metadata: manifest.metadata,
      content: result.content,
      storedBytes: batch.storedBytes,
      compression: manifest.compression,
      parents: [summary.id],
      isNewBranch: true,
    }
    const [made] = (await commit(place, cell, [draft], { ref, epoch: batch.epoch, signal })) ?? []
    if (made !== undefined) return made
  }
  throw overtaken('fork')
}

/** One of format 1 is stored anew: its blobs go when it is deleted. */
async function contentIn(
  place: SnapshotPlace,
  batch: PackBatch,
  manifest: Manifest,
  signal: AbortSignal | undefined,
): Promise<Draft['content']> {
  if (manifest.format === 1) {
    const bytes = await bytesOf(place, manifest, { signal })
    return await storeContent(cutContent({ codec: manifest.codec, bytes }), batch, signal === undefined ? {} : { signal })
  }
  const content = contentOf(manifest)
  if (batch.isCollecting) await keepChunks(place, batch, [content.root])
  return content
}
