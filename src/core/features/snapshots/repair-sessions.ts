// Cells and pages of sessions are made anew from the manifests, which say of themselves where they belong. Tags and pins that were
// changed later are lost with a cell; a snapshot that was deleted comes back where its manifest is still there.

import { isStorageError } from '../../base/errors.js'
import { storedBlobs } from '../../derived/stored-blobs.js'
import { collectionCell, readCollection } from '../../engine/content/collection.js'
import { unlessDamaged } from './damage.js'
import { isManifestKey, MANIFESTS, pageKey, SNAPSHOTS, sessionKey } from './layout.js'
import { type FoundManifest, manifestsAt } from './manifests-at.js'
import type { SnapshotPlace } from './place.js'
import type { Quarantine } from './quarantine.js'
import { latestStamp } from './readable-sessions.js'
import { closeSession, emptySession, headsOf, type PageRef, passed, type SessionState } from './session.js'
import type { OpenedSession } from './snapshot-index.js'
import { type Summary, summaryOf } from './summary.js'
import type { SessionRef } from './types.js'

export async function rebuildSessions(place: SnapshotPlace, quarantine: Quarantine, signal: AbortSignal | undefined): Promise<void> {
  const manifests = await allManifests(place, signal)
  const sessions = new Map<string, FoundManifest[]>()
  for (const found of manifests) {
    const key = sessionKey(found.manifest, place.context.backend.blobs.traits)
    sessions.set(key, [...(sessions.get(key) ?? []), found])
  }
  for (const [key, found] of sessions) {
    // One that a newer version wrote is left to that.
    await unlessDamaged(async () => {
      const opened = await openCell(place, key, signal)
      if (opened === undefined) await rebuildCell(place, key, found, quarantine)
      else await rebuildPages(place, opened, found, quarantine)
    })
  }
}

/** undefined where it is gone or damaged. Listings may hide names: each is looked for by its own. */
async function openCell(place: SnapshotPlace, key: string, signal: AbortSignal | undefined): Promise<OpenedSession | undefined> {
  try {
    return await place.index.open(key, signal)
  } catch (error) {
    if (isStorageError(error, 'corrupt')) return undefined
    throw error
  }
}

/** All that can be read. */
async function allManifests(place: SnapshotPlace, signal: AbortSignal | undefined): Promise<FoundManifest[]> {
  const { blobs } = place.context.backend
  const found: FoundManifest[] = []
  for await (const { key } of blobs.list({ prefix: MANIFESTS, ...(signal === undefined ? {} : { signal }) })) {
    if (!isManifestKey(key)) continue
    await unlessDamaged(async () => {
      found.push(...(await manifestsAt(blobs, key)))
    })
  }
  return found
}

async function rebuildCell(place: SnapshotPlace, key: string, found: readonly FoundManifest[], quarantine: Quarantine): Promise<void> {
  await quarantine.copy(key)
  const blob = await storedBlobs(place.context.backend.blobs).get(key)
  const ref: SessionRef = (found[0] as FoundManifest).manifest
  const recent = summariesOf(found)
  const state = await place.index.pages.settle({
    ...recent.reduce(passed, emptySession(ref, await epochOf(place))),
    heads: headsOf(recent),
    recent,
  })
  await place.index.cell(ref).replace(closeSession(state), blob?.version)
}

/** The latest collection that is known of: its cell may be damaged, or lost. */
async function epochOf(place: SnapshotPlace): Promise<number> {
  const { context } = place
  let epoch = 0
  await unlessDamaged(async () => {
    epoch = (await readCollection(collectionCell(context.backend.blobs, context.clock, SNAPSHOTS))).epoch
  })
  return Math.max(epoch, await latestStamp(place))
}

/**
 * Ascending by index. Of several with one index, that which a later one names: the others never were in the session. Of several
 * with one id the last: it was deleted and came back, and others keep the blob that it was saved in.
 */
function summariesOf(found: readonly FoundManifest[]): Summary[] {
  const named = new Set(found.flatMap(({ manifest }) => (manifest.format === 1 ? [] : (manifest.previous?.hash ?? []))))
  const byIndex = new Map<number, FoundManifest>()
  for (const one of found) {
    const other = byIndex.get(one.manifest.index)
    if (other === undefined || (one.manifest.hash !== undefined && named.has(one.manifest.hash))) byIndex.set(one.manifest.index, one)
  }
  const ascending = [...byIndex.values()].sort((a, b) => a.manifest.index - b.manifest.index)
  const last = new Map(ascending.map(({ manifest }) => [manifest.id, manifest.index]))
  return ascending.filter(({ manifest }) => last.get(manifest.id) === manifest.index).map(summaryFrom)
}

function summaryFrom({ manifest, attempt }: FoundManifest): Summary {
  const summary = summaryOf(manifest, attempt)
  return manifest.format === 1 ? { ...summary, contentId: manifest.content.id } : summary
}

async function rebuildPages(
  place: SnapshotPlace,
  { state }: OpenedSession,
  found: readonly FoundManifest[],
  quarantine: Quarantine,
): Promise<void> {
  const { lost, known } = await lookAtPages(place, state)
  const isIn = ([, first, last]: PageRef, index: number): boolean => index >= first && index <= last
  const inLost = summariesOf(found.filter(({ manifest }) => lost.some((page) => isIn(page, manifest.index))))
  for (const page of lost) {
    const summaries = inLost.filter(({ id, index }) => isIn(page, index) && !known.has(id))
    if (summaries.length === 0) continue
    await quarantine.copy(pageKey(page[0]))
    const pages = await place.index.pages.write(state, summaries)
    await place.index.change(place.index.cell(state), (now) => withPages(now, page[0], pages))
  }
}

/** Pages that cannot be read, and the ids of all that the session is known to have. */
async function lookAtPages(
  place: SnapshotPlace,
  { pages, recent }: SessionState,
): Promise<{ readonly lost: readonly PageRef[]; readonly known: ReadonlySet<string> }> {
  const lost: PageRef[] = []
  const known = new Set(recent.map(({ id }) => id))
  for (const page of pages) {
    let summaries: readonly Summary[] | undefined
    await unlessDamaged(async () => {
      summaries = await place.index.pages.read(page[0])
    })
    if (summaries === undefined) lost.push(page)
    else for (const { id } of summaries) known.add(id)
  }
  return { lost, known }
}

function withPages(state: SessionState, replaced: string, pages: readonly PageRef[]): SessionState | undefined {
  if (!state.pages.some(([page]) => page === replaced)) return undefined
  return { ...state, pages: state.pages.flatMap((page) => (page[0] === replaced ? pages : [page])) }
}
