// A session: that its cell and pages can be read, its heads are there, and each manifest is the one that the session and the
// manifest after it say.

import { StorageError } from '../../base/errors.js'
import { storedBlobs } from '../../derived/stored-blobs.js'
import { isManifestKey, MANIFESTS, pageKey, sessionKey } from './layout.js'
import type { Manifest } from './manifest.js'
import { manifestsAt } from './manifests-at.js'
import type { SnapshotPlace } from './place.js'
import type { PageRef, SessionState } from './session.js'
import type { Summary } from './summary.js'
import type { SnapshotProblem } from './upkeep-types.js'
import { problemOf } from './verify-problem.js'

/** A session is read again so often while its pages are being replaced. */
const MAX_READINGS = 8
/** Whether it is there, and nothing of it. */
const AT_ALL = { range: { start: 0, end: 0 } }

export interface CheckedSession {
  readonly state: SessionState
  /** Newest first; without those of damaged pages. */
  readonly summaries: readonly Summary[]
  /** Of manifests, by index. */
  readonly hashes: ReadonlyMap<number, string>
  readonly problems: readonly SnapshotProblem[]
}

/** undefined where there is no such session. `corrupt` or `unsupported` where its cell cannot be read. */
export async function checkSession(place: SnapshotPlace, key: string, signal?: AbortSignal): Promise<CheckedSession | undefined> {
  for (let reading = 1; ; reading++) {
    const opened = await place.index.open(key, signal)
    if (opened === undefined) return undefined
    const { state } = opened
    const pages = await Promise.all(state.pages.map((page) => readPage(place, state, page)))
    const isReplaced =
      pages.some(({ problem }) => problem?.code === 'missing') && (await place.index.open(key, signal))?.version !== opened.version
    if (isReplaced && reading < MAX_READINGS) continue
    const summaries = [...pages.flatMap((page) => page.summaries), ...state.recent]
    const hashes = new Map(summaries.map(({ index, hash }) => [index, hash]))
    const damaged = pages.flatMap(({ problem }) => problem ?? [])
    const problems = [...damaged, ...(damaged.length > 0 ? [] : checkHeads(state, summaries))]
    return { state, summaries: summaries.reverse(), hashes, problems }
  }
}

interface ReadPage {
  readonly summaries: readonly Summary[]
  readonly problem?: SnapshotProblem
}

async function readPage(place: SnapshotPlace, state: SessionState, [page, first, last, , , count]: PageRef): Promise<ReadPage> {
  const at = { id: `${state.agent}/${state.session}`, key: pageKey(page) }
  try {
    const summaries = await place.index.pages.read(page)
    const actual = `${summaries[0]?.index}-${summaries.at(-1)?.index}, ${summaries.length}`
    const expected = `${first}-${last}, ${count}`
    if (actual === expected) return { summaries }
    throw new StorageError('corrupt', 'a page of summaries is another than its session says', { facts: { expected, actual } })
  } catch (error) {
    return { summaries: [], problem: problemOf(at, error) }
  }
}

function checkHeads(state: SessionState, summaries: readonly Summary[]): SnapshotProblem[] {
  return state.heads.flatMap(([branch, id, index]) => {
    const found = summaries.find((summary) => summary.id === id)
    if (found?.index === index && found.branch === branch) return []
    const facts = {
      branch,
      expected: `${id} ${index}`,
      actual: found === undefined ? 'nothing' : `${found.id} ${found.index} ${found.branch}`,
    }
    return [
      problemOf(
        { id: `${state.agent}/${state.session}` },
        new StorageError('corrupt', 'the head of a branch is not in its session', { facts }),
      ),
    ]
  })
}

/** The manifest, in its place in the chain. */
export async function checkManifest(
  { index }: SnapshotPlace,
  { state, summary, hashes }: { readonly state: SessionState; readonly summary: Summary; readonly hashes: ReadonlyMap<number, string> },
  signal?: AbortSignal,
): Promise<Manifest> {
  const manifest = await index.manifestOf(summary, signal)
  const expected = `${state.agent}/${state.session} ${summary.index} ${summary.hash}`
  const actual = `${manifest.agent}/${manifest.session} ${manifest.index} ${manifest.hash ?? ''}`
  if (actual !== expected) throw wrong('the manifest is not the one that the session refers to', summary, expected, actual)
  const previous = manifest.format === 1 ? undefined : manifest.previous
  if (previous === undefined) return manifest
  const before = hashes.get(previous.index)
  if (before !== undefined && before !== previous.hash) {
    throw wrong(
      'the manifest before it in the session is another than it says',
      summary,
      `${previous.index} ${previous.hash}`,
      `${previous.index} ${before}`,
    )
  }
  return manifest
}

function wrong(message: string, { id }: Summary, expected: string, actual: string): StorageError {
  return new StorageError('corrupt', message, { key: id, facts: { expected, actual } })
}

/**
 * What manifests say that no session refers to: sessions that are not there at all (one that was deleted still has its cell),
 * and manifests that cannot be read, whose session was made anew without them.
 */
export async function strayManifests(place: SnapshotPlace, seen: ReadonlySet<string>): Promise<SnapshotProblem[]> {
  const { blobs } = place.context.backend
  const found = new Map<string, SnapshotProblem>()
  for await (const { key } of blobs.list({ prefix: MANIFESTS })) {
    if (seen.has(key) || !isManifestKey(key)) continue
    try {
      for (const { manifest } of await manifestsAt(blobs, key)) {
        const cell = sessionKey(manifest, blobs.traits)
        if (found.has(cell) || (await storedBlobs(blobs).get(cell, AT_ALL)) !== undefined) continue
        const error = new StorageError('missing', 'the cell of a session is not there, but its manifests are')
        found.set(cell, problemOf({ id: `${manifest.agent}/${manifest.session}`, key: cell }, error))
      }
    } catch (error) {
      found.set(key, problemOf({ id: key, key }, error))
    }
  }
  return [...found.values()]
}
