// Snapshots of format 1 that are damaged. What another store has of them is stored here as snapshots are today: nothing is
// written in the old format again.

import { isStorageError } from '../../base/errors.js'
import { transfer } from './copy.js'
import { unlessDamaged } from './damage.js'
import { contentPrefix, manifestKey } from './layout.js'
import { type HashedManifest, hashManifest, type Manifest } from './manifest.js'
import { readOldContent } from './old-content.js'
import type { SnapshotPlace } from './place.js'
import { inBatch, overtaken } from './publish.js'
import type { Quarantine } from './quarantine.js'
import { readableSessions } from './readable-sessions.js'
import { withSummary } from './session-changes.js'
import type { Located } from './snapshot-index.js'
import { originOf, type Summary, summaryOf } from './summary.js'

/** Collections that may pass while one is renewed. */
const MAX_COLLECTIONS = 8

interface Renewal {
  readonly place: SnapshotPlace
  readonly mirror: SnapshotPlace | undefined
  readonly quarantine: Quarantine
  /** The damaged packs. */
  readonly bad: ReadonlySet<string>
  readonly signal: AbortSignal | undefined
}

export async function renewOld(renewal: Renewal): Promise<void> {
  const { place, signal } = renewal
  for await (const { state } of readableSessions(place, signal)) {
    await unlessDamaged(async () => {
      for await (const summary of place.index.summaries(state, signal))
        if (summary.contentId !== undefined) await renewUnlessWhole(renewal, { state, summary })
    })
  }
}

async function renewUnlessWhole(renewal: Renewal, located: Located): Promise<void> {
  const { place, quarantine, signal } = renewal
  const { id, contentId = '' } = located.summary
  const { blobs } = place.context.backend
  let manifest: Manifest | undefined
  const isRead = await isWhole(async () => {
    manifest = await place.index.manifestOf(located.summary, signal)
  })
  if (!isRead) await quarantine.copy(manifestKey(id))
  else if (manifest === undefined) return
  else if (manifest.format === 1) {
    const old = manifest
    if (await isWhole(async () => void (await readOldContent(blobs, old, signal)))) return
    for await (const { key } of blobs.list({ prefix: contentPrefix(contentId) })) await quarantine.copy(key)
  }
  await unlessDamaged(() => renew(renewal, located, manifest))
}

/** False for what is damaged or gone; what a newer version wrote, or this one lacks a module for, is left to those who can read it. */
async function isWhole(read: () => Promise<void>): Promise<boolean> {
  try {
    await read()
    return true
  } catch (error) {
    if (isStorageError(error, 'unsupported')) return true
    if (isStorageError(error, 'corrupt') || isStorageError(error, 'missing')) return false
    throw error
  }
}

/** `here` is its manifest, where that can be read: of format 2 where a repair was cut before the session knew of it. */
async function renew(renewal: Renewal, located: Located, here: Manifest | undefined): Promise<void> {
  const { place, mirror, bad, signal } = renewal
  for (let passed = 0; passed < MAX_COLLECTIONS; passed++) {
    const source = here?.format === 2 ? place : mirror
    const from = source === undefined ? undefined : await source.index.published(located.summary.id, signal)
    if (source === undefined || from === undefined || !isSame(located, from, here)) return
    // What is here and damaged is healed later, as that of any other.
    const avoid = source === place ? [] : bad
    const { batch, result: content } = await inBatch(place, signal, (batch) => transfer(source, from.manifest, batch, signal), { avoid })
    const { storedBytes, compression } = batch
    const made = await manifestLike(located, from.manifest, { root: content.root, storedBytes, compression })
    await place.index.manifests.put(made)
    let isOvertaken = false
    await place.index.change(place.index.cell(located.state), async (state) => {
      isOvertaken = state.swept > batch.epoch
      return isOvertaken ? undefined : await withSummary(state, place.index.pages, summaryOf(made.manifest))
    })
    if (!isOvertaken) return
  }
  throw overtaken('repair')
}

/** The same id is the same snapshot, unless somebody made it up. */
function isSame({ state, summary }: Located, other: Located & { readonly manifest: Manifest }, here: Manifest | undefined): boolean {
  const known: Partial<Summary> | undefined = here ?? (summary.isBare === undefined ? summary : undefined)
  if (known !== undefined && known.contentHash !== other.manifest.contentHash) return false
  const { index, timestamp } = originOf(other.summary)
  const place = [other.state.agent, other.state.session, other.summary.branch, index, timestamp]
  return [state.agent, state.session, summary.branch, summary.index, summary.timestamp].every((part, at) => part === place[at])
}

/** Without a link to the one before: those of format 1 had none. */
async function manifestLike(
  { state, summary }: Located,
  { parents, contentHash, tags, description, metadata, bytes, codec, clock }: Manifest,
  stored: Pick<Parameters<typeof hashManifest>[0], 'root' | 'storedBytes' | 'compression'>,
): Promise<HashedManifest> {
  const { agent, session } = state
  const { id, branch, index, timestamp } = summary
  const { root, storedBytes, compression } = stored
  return await hashManifest({
    ...{ id, agent, session, branch, index, timestamp, parents, contentHash, tags },
    ...(description === undefined ? {} : { description }),
    ...(metadata === undefined ? {} : { metadata }),
    ...{ bytes, storedBytes, compression, codec, root },
    ...(clock === undefined ? {} : { clock }),
  })
}
