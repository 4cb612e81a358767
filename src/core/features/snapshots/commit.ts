// The end of every save: manifests, then the session's cell. What is lost on the way leaves blobs that nothing refers to,
// never a snapshot in part.

import { backOff, type BackoffOptions } from '../../base/backoff.js'
import { isStorageError, StorageError } from '../../base/errors.js'
import type { Json } from '../../codec/codec.js'
import type { CompressionName } from '../../codec/compression.js'
import { caughtUp, collectionCell } from '../../engine/content/collection.js'
import type { StoredContent } from '../../engine/content/content.js'
import type { Cell } from '../../engine/cell.js'
import type { PackBatch } from '../../engine/content/pack-batch.js'
import { adoptedKey, manifestKey, newAttempt, newBatchIds, newId, SNAPSHOTS } from './layout.js'
import { type HashedManifest, hashManifest, MAX_BATCH_BYTES, type Origin, type TreeManifest } from './manifest.js'
import { BATCH_MANIFESTS } from './manifests.js'
import type { SnapshotPlace } from './place.js'
import {
  advanced,
  closeSession,
  emptySession,
  headOf,
  nextTimestamp,
  openSession,
  ownedBy,
  passed,
  type SessionState,
  type StoredSession,
} from './session.js'
import { findSummary, isNewest } from './session-changes.js'
import type { SessionPages } from './session-pages.js'
import { summaryOf } from './summary.js'
import type { SessionRef } from './types.js'

const MAX_ATTEMPTS = 64
/** Of all that a manifest says besides its draft, names as JSON at their longest. */
const MAX_NAMES_BYTES = 4096
/** Of a character. */
const MAX_UTF8_BYTES = 3
const BACKOFF: BackoffOptions = { firstMs: 2, maxMs: 1_000 }

/** A snapshot whose content is stored. */
export interface Draft {
  readonly branch: string
  readonly tags: readonly string[]
  readonly description: string | undefined
  readonly metadata: Json | undefined
  readonly content: StoredContent
  readonly storedBytes: number
  readonly compression: CompressionName
  /** Default: the head of the branch. */
  readonly parents?: readonly string[]
  /** `conflict` where the branch exists. */
  readonly isNewBranch?: true
  /** Of a snapshot from another store. */
  readonly adopted?: Adopted
}

export interface Adopted {
  readonly id: string
  /** Higher where the session has come further. */
  readonly index: number
  readonly timestamp: number
  readonly clock: number | undefined
  readonly isPinned: boolean
  /** The end of its manifest's name: another for each attempt to commit. */
  readonly attempt?: string
}

/** The cell of a session, which exists from now on: so that a collection cannot miss what is going to be saved. */
export async function ensureSession({ index }: SnapshotPlace, ref: SessionRef, signal?: AbortSignal): Promise<Cell<StoredSession>> {
  const cell = index.cell(ref)
  const { value } = await cell.read(signal)
  if (value === undefined) await cell.update((stored) => (stored === undefined ? closeSession(emptySession(ref, 0)) : undefined), signal)
  return cell
}

export interface CommitOptions {
  readonly ref: SessionRef
  /** That made the contents, or kept them. */
  readonly batch: Pick<PackBatch, 'epoch' | 'relied'>
  readonly signal: AbortSignal | undefined
}

/**
 * All of the drafts or none, one after the other in their session. undefined where a collection later than that of the batch has
 * stamped the session, or packs are gone on which it relied: the content has to be kept first. None where what is adopted is there
 * already.
 */
export async function commit(
  place: SnapshotPlace,
  cell: Cell<StoredSession>,
  wanted: readonly Draft[],
  { ref, batch, signal }: CommitOptions,
): Promise<readonly TreeManifest[] | undefined> {
  const { context, index, packs } = place
  const { epoch } = batch
  const adoptedId = wanted[0]?.adopted?.id
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const drafts = wanted.map(withAttempt)
    if (adoptedId !== undefined && (await index.locateIn(ref, { id: adoptedId, index: undefined }, signal, cell)) !== undefined) return []
    // As it was read before, at first or just now: where that is no longer so, the commit is refused.
    const stored = ((attempt === 0 || adoptedId !== undefined ? cell.known : undefined) ?? (await cell.read(signal))).value
    const seen = stored === undefined ? emptySession(ref, 0) : ownedBy(ref, openSession(stored))
    if (seen.swept > epoch) {
      await catchUp(place, seen.swept)
      return undefined
    }
    const made = await manifestsFor(seen, drafts, context.clock.now())
    signal?.throwIfAborted()
    await putManifests(place, made, drafts)
    // It may have taken long until here.
    const isThere = await packs.areThere(batch.relied(), signal)
    const outcome = isThere ? await append(place, cell, { made, drafts, epoch, nextIndex: seen.nextIndex }) : 'overtaken'
    if (outcome === 'committed') return made.map(({ manifest }) => manifest)
    await removeLeftovers(place, made, drafts)
    if (outcome === 'overtaken') return undefined
    await backOff(context.clock, attempt, BACKOFF, signal)
  }
  throw new StorageError('unavailable', 'too many writers saved to the same session at once', {
    backend: context.backend.name,
    operation: 'save',
    facts: { agent: ref.agent, session: ref.session, attempts: MAX_ATTEMPTS },
  })
}

/** Where the cell of the collections was lost nobody could commit any more: it goes on behind what it stamped. */
async function catchUp({ context }: SnapshotPlace, swept: number): Promise<void> {
  await collectionCell(context.backend.blobs, context.clock, SNAPSHOTS).update((stored) => caughtUp(stored, swept))
}

function withAttempt(draft: Draft): Draft {
  return draft.adopted === undefined ? draft : { ...draft, adopted: { ...draft.adopted, attempt: newAttempt() } }
}

async function manifestsFor(seen: SessionState, drafts: readonly Draft[], now: number): Promise<HashedManifest[]> {
  const made: HashedManifest[] = []
  const ids = idsFor(drafts)
  let state = seen
  for (const [at, draft] of drafts.entries()) {
    const hashed = await manifestFor(state, draft, ids[at] as string, now)
    made.push(hashed)
    state = advanced(state, summaryOf(hashed.manifest))
  }
  return made
}

/** Those whose manifests are to lie together get ids that say so. */
function idsFor(drafts: readonly Draft[]): string[] {
  return batchesOf(drafts).flatMap((batch) => (batch.length > 1 ? newBatchIds(batch.length) : (batch[0]?.adopted?.id ?? newId())))
}

/** So many together at most, and so much text. */
function batchesOf(drafts: readonly Draft[]): Draft[][] {
  const batches: Draft[][] = []
  let bytes = 0
  for (const draft of drafts) {
    const own = mostTextBytes(draft)
    const last = batches.at(-1)
    if (last === undefined || last.length === BATCH_MANIFESTS || bytes + own > MAX_BATCH_BYTES) {
      batches.push([draft])
      bytes = own
    } else {
      last.push(draft)
      bytes += own
    }
  }
  return batches
}

/** No manifest made of it is longer. */
function mostTextBytes(draft: Draft): number {
  return MAX_NAMES_BYTES + JSON.stringify(draft).length * MAX_UTF8_BYTES
}

async function manifestFor(state: SessionState, draft: Draft, id: string, now: number): Promise<HashedManifest> {
  const { branch, tags, description, metadata, content, storedBytes, compression, adopted, isNewBranch } = draft
  const head = headOf(state, branch)
  if (isNewBranch && head !== undefined) {
    const facts = { agent: state.agent, session: state.session, branch }
    throw new StorageError('conflict', 'the branch exists already', { operation: 'fork', facts })
  }
  const { last } = state
  const index = Math.max(state.nextIndex, adopted?.index ?? 0)
  const timestamp = nextTimestamp(state, adopted?.timestamp ?? now)
  const origin = adopted === undefined ? undefined : originUnless(adopted, { index, timestamp })
  const clock = adopted === undefined ? (now < timestamp ? now : undefined) : adopted.clock
  return await hashManifest({
    id,
    agent: state.agent,
    session: state.session,
    branch,
    index,
    timestamp,
    parents: draft.parents ?? (head === undefined ? [] : [head[1]]),
    contentHash: content.contentHash,
    tags,
    ...(description === undefined ? {} : { description }),
    ...(metadata === undefined ? {} : { metadata }),
    bytes: content.bytes,
    storedBytes,
    compression,
    codec: content.codec,
    root: content.root,
    ...(origin === undefined ? {} : { origin }),
    ...(clock === undefined ? {} : { clock }),
    ...(last === undefined || last.hash === '' ? {} : { previous: { index: last.index, hash: last.hash } }),
  })
}

function originUnless({ index, timestamp }: Adopted, here: Origin): Origin | undefined {
  return index === here.index && timestamp === here.timestamp ? undefined : { index, timestamp }
}

async function putManifests({ index }: SnapshotPlace, made: readonly HashedManifest[], drafts: readonly Draft[]): Promise<void> {
  for (let at = 0, end = 0; at < made.length; at = end) {
    const key = keyOf(made[at])
    do end++
    while (keyOf(made[end]) === key)
    if (end - at === 1) await index.manifests.put(made[at] as HashedManifest, drafts[at]?.adopted?.attempt)
    else await index.manifests.putBatch(made.slice(at, end))
  }
}

function keyOf(made: HashedManifest | undefined): string | undefined {
  return made === undefined ? undefined : manifestKey(made.manifest.id)
}

interface Attempt {
  readonly made: readonly HashedManifest[]
  readonly drafts: readonly Draft[]
  readonly epoch: number
  /** Of the session when the manifests were made. */
  readonly nextIndex: number
}

/** `lost` when the index was taken meanwhile. What is there already came through although its answer was lost. */
async function append(
  { index }: SnapshotPlace,
  cell: Cell<StoredSession>,
  { made, drafts, epoch, nextIndex }: Attempt,
): Promise<'committed' | 'lost' | 'overtaken'> {
  const last = (made.at(-1) as HashedManifest).manifest
  let outcome: 'committed' | 'lost' | 'overtaken' = 'lost'
  await index.change(cell, async (state) => {
    outcome = 'lost'
    if (state.nextIndex !== nextIndex) {
      const found = state.nextIndex > last.index ? await findSummary(state, index.pages, last) : undefined
      // Under another name it is somebody else's.
      if (found !== undefined && found.attempt === drafts.at(-1)?.adopted?.attempt) outcome = 'committed'
      return undefined
    }
    if (state.swept > epoch) {
      outcome = 'overtaken'
      return undefined
    }
    outcome = 'committed'
    return await withAll(index.pages, state, made, drafts)
  })
  return outcome
}

async function withAll(
  pages: SessionPages,
  state: SessionState,
  made: readonly HashedManifest[],
  drafts: readonly Draft[],
): Promise<SessionState> {
  const summaries = made.map(({ manifest }, at) => {
    const adopted = drafts[at]?.adopted
    const summary = summaryOf(manifest, adopted?.attempt)
    return adopted?.isPinned ? { ...summary, pinned: true as const } : summary
  })
  let after = state
  for (const summary of summaries) after = (await isNewest(after, pages, summary)) ? advanced(after, summary) : passed(after, summary)
  return { ...after, recent: [...state.recent, ...summaries] }
}

async function removeLeftovers({ context }: SnapshotPlace, made: readonly HashedManifest[], drafts: readonly Draft[]): Promise<void> {
  const keys = made.map(({ manifest: { id } }, at) => {
    const attempt = drafts[at]?.adopted?.attempt
    return attempt === undefined ? manifestKey(id) : adoptedKey(id, attempt)
  })
  try {
    await context.backend.blobs.delete([...new Set(keys)])
  } catch (error) {
    // Nothing refers to them: they cost room, not truth.
    if (!isStorageError(error)) throw error
  }
}
