// A fork is a new snapshot of the same content: a manifest and one compare-and-set, however large the state is.

import { isStorageError } from '../../base/errors.js'
import { checkName } from '../../base/key.js'
import type { PackBatch } from '../../engine/content/pack-batch.js'
import { storeContent } from '../../engine/content/store-content.js'
import { cutContent } from '../../engine/content/cut-content.js'
import { bytesOf, contentOf } from './contents.js'
import { missing } from './damage.js'
import { commit, type Draft, ensureSession } from './commit.js'
import type { Manifest, TreeManifest } from './manifest.js'
import type { SnapshotPlace } from './place.js'
import { inBatch, keepChunks, overtaken } from './publish.js'
import { checkSession } from './save-request.js'
import { openSession, type StoredSession } from './session.js'
import type { ForkTarget, SessionRef } from './types.js'

const MAX_COLLECTIONS = 8
const MAIN_BRANCH = 'main'

export function checkTarget(target: ForkTarget): void {
  if (target.agent !== undefined) checkName('agent', target.agent)
  if (target.session !== undefined) checkName('session', target.session)
  if (target.branch !== undefined) checkName('branch', target.branch)
}

/** Where a fork goes that says no more than `target`; a name that was not asked for may be taken already. */
export function forkRef(
  source: Manifest,
  { agent = source.agent, session = source.session, branch }: ForkTarget,
): SessionRef & { branch: string } {
  const isSame = agent === source.agent && session === source.session
  return { agent, session, branch: branch ?? (isSame ? `fork-${source.index}` : MAIN_BRANCH) }
}

export async function fork(place: SnapshotPlace, source: Manifest, target: ForkTarget): Promise<TreeManifest> {
  const { signal } = target
  const ref = forkRef(source, target)
  checkSession(ref)
  const isSame = ref.agent === source.agent && ref.session === source.session
  const cell = isSame ? place.index.cell(ref) : await ensureSession(place, ref, signal)
  for (let passed = 0; passed < MAX_COLLECTIONS; passed++) {
    // The batch first: a source that is there after it was begun is one that its collection knows of.
    const { batch, result: content } = await inBatch(place, signal, async (batch) => {
      if ((await place.index.locateIn(source, source, signal, isSame ? cell : undefined)) === undefined) throw missing({ id: source.id })
      return await contentIn(place, batch, source, signal)
    })
    const isNamed = target.branch !== undefined || !isSame
    const draft: Draft = {
      branch: isNamed ? ref.branch : freeBranch(ref.branch, cell.known?.value),
      tags: [],
      description: source.description,
      metadata: source.metadata,
      content,
      storedBytes: batch.storedBytes,
      compression: source.compression,
      parents: [source.id],
      isNewBranch: true,
    }
    try {
      const [made] = (await commit(place, cell, [draft], { ref, batch, signal })) ?? []
      if (made !== undefined) return made
    } catch (error) {
      // Somebody else took the name that was free.
      if (isNamed || !isStorageError(error, 'conflict')) throw error
    }
    if (!isSame) await cell.read(signal)
  }
  throw overtaken('fork')
}

/** The name, or the first of `name-2`, `name-3`, … that no branch of the session has. */
function freeBranch(name: string, stored: StoredSession | undefined): string {
  if (stored === undefined) return name
  const taken = new Set(openSession(stored).heads.map(([branch]) => branch))
  let free = name
  for (let next = 2; taken.has(free); next++) free = `${name}-${next}`
  return free
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
