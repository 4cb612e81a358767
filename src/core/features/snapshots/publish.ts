// Saving one: its chunks into packs, then manifest and cell. Where a collection passed meanwhile, the chunks are looked at
// again before anything refers to them.

import { isStorageError, StorageError } from '../../base/errors.js'
import type { ChunkId, ChunkKind, ChunkSink } from '../../engine/content/chunks.js'
import type { ContentNode, StoredContent } from '../../engine/content/content.js'
import type { ContentCut } from '../../engine/content/cut-content.js'
import type { PackBatch } from '../../engine/content/pack-batch.js'
import type { BeginOptions } from '../../engine/content/pack-store.js'
import { streamContent } from '../../engine/content/read-content.js'
import { storeContent, storeStream } from '../../engine/content/store-content.js'
import { walkChunks } from '../../engine/content/walk-chunks.js'
import { commit, type Draft, ensureSession } from './commit.js'
import type { TreeManifest } from './manifest.js'
import type { SnapshotPlace } from './place.js'
import type { SaveRequest } from './save-request.js'
import type { ProgressListener } from './save-types.js'

/** Collections that may pass during one save. */
const MAX_COLLECTIONS = 8
/** How often packs may turn out to be gone on which it relied. */
export const MAX_RUNS = 3

export async function publish(place: SnapshotPlace, request: SaveRequest): Promise<TreeManifest> {
  const { details, signal } = request
  if (details.parent !== undefined) await place.index.published(details.parent, signal)
  const cell = await ensureSession(place, details, signal)
  let stored: StoredContent | undefined
  for (let passed = 0; passed < MAX_COLLECTIONS; passed++) {
    const kept = stored
    const { batch, result } = await inBatch(
      place,
      signal,
      async (batch) =>
        kept === undefined || 'tree' in request.content ? await store(request, batch) : await keepStream(place, batch, kept),
      { maxRuns: 'tree' in request.content ? MAX_RUNS : 1 },
    )
    stored = result
    if (request.isVerified) await readBack(place, stored, request)
    request.onProgress?.({ phase: 'publish', doneBytes: stored.bytes, totalBytes: stored.bytes })
    const draft = draftOf(request, stored, batch)
    const [manifest] = (await commit(place, cell, [draft], { ref: details, batch, signal })) ?? []
    if (manifest !== undefined) return manifest
  }
  throw overtaken('save')
}

interface BatchRuns extends Pick<BeginOptions, 'avoid'> {
  readonly maxRuns?: number
}

/**
 * Runs with a batch that is finished then, or abandoned where it fails; again with another where packs that it relied on are
 * gone. `conflict` where they are so after `maxRuns` runs.
 */
export async function inBatch<Result>(
  place: SnapshotPlace,
  signal: AbortSignal | undefined,
  run: (batch: PackBatch) => Promise<Result>,
  { maxRuns = MAX_RUNS, avoid = [] }: BatchRuns = {},
): Promise<{ readonly batch: PackBatch; readonly result: Result }> {
  for (let runs = 0; runs < maxRuns; runs++) {
    const done = await runInBatch(place, { avoid, ...(signal === undefined ? {} : { signal }) }, run)
    if (await place.packs.areThere(done.batch.relied(), signal)) return done
  }
  throw new StorageError('conflict', 'packs with some of its chunks are gone that were there before; try again', { operation: 'save' })
}

async function runInBatch<Result>(
  { packs }: SnapshotPlace,
  options: BeginOptions,
  run: (batch: PackBatch) => Promise<Result>,
): Promise<{ readonly batch: PackBatch; readonly result: Result }> {
  const batch = await packs.begin(options)
  try {
    const result = await run(batch)
    await batch.finish()
    return { batch, result }
  } catch (error) {
    await batch.abandon()
    throw error
  }
}

async function store({ content, onProgress, signal }: SaveRequest, batch: PackBatch): Promise<StoredContent> {
  const options = signal === undefined ? {} : { signal }
  if ('tree' in content) return await storeContent(content, countingSink(batch, content, onProgress), options)
  const onBytes = (doneBytes: number): void => onProgress?.({ phase: 'store', doneBytes })
  return await storeStream(content.stream, batch, { ...options, onBytes })
}

function countingSink(batch: PackBatch, { bytes }: ContentCut, onProgress: ProgressListener | undefined): ChunkSink {
  if (onProgress === undefined) return batch
  let doneBytes = 0
  return {
    async put(kind, plain) {
      const id = await batch.put(kind, plain)
      if (kind === 'leaf') doneBytes = Math.min(bytes.length, doneBytes + plain.length)
      onProgress({ phase: 'store', doneBytes, totalBytes: bytes.length })
      return id
    },
  }
}

/** A stream cannot be read again, but its chunks may still be there. */
async function keepStream(place: SnapshotPlace, batch: PackBatch, stored: StoredContent): Promise<StoredContent> {
  try {
    await keepChunks(place, batch, [stored.root])
    return stored
  } catch (error) {
    if (!isStorageError(error, 'missing')) throw error
    throw overtaken('save', error)
  }
}

/** So that a collection under way leaves what these roots need. `missing` where some of it is gone already. */
export async function keepChunks({ packs }: SnapshotPlace, batch: PackBatch, roots: readonly ContentNode[]): Promise<void> {
  const seen = new Set<ChunkId>()
  for (const root of roots) {
    const found: { readonly id: ChunkId; readonly kind: ChunkKind }[] = []
    await walkChunks(packs, root, (id, kind) => {
      if (seen.has(id)) return false
      seen.add(id)
      found.push({ id, kind })
      return true
    })
    for (const { id, kind } of found) await batch.keep(id, kind)
  }
}

export function overtaken(operation: string, cause?: unknown): StorageError {
  return new StorageError('conflict', 'a collection passed in the middle and took what was not saved yet; try again', { operation, cause })
}

async function readBack(place: SnapshotPlace, stored: StoredContent, { onProgress, signal }: SaveRequest): Promise<void> {
  let doneBytes = 0
  for await (const piece of streamContent(place.unread(), stored, signal === undefined ? {} : { signal })) {
    doneBytes += piece.length
    onProgress?.({ phase: 'check', doneBytes, totalBytes: stored.bytes })
  }
}

function draftOf({ details }: SaveRequest, content: StoredContent, batch: PackBatch): Draft {
  const { branch, parent, tags, description, metadata } = details
  const { storedBytes, compression } = batch
  const draft = { branch, tags, description, metadata, content, storedBytes, compression }
  return parent === undefined ? draft : { ...draft, parents: [parent] }
}
