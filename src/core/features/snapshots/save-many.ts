// Saving many: their chunks share packs, those of a session are committed at once.

import { isStorageError, StorageError } from '../../base/errors.js'
import { storeContent } from '../../engine/content/store-content.js'
import { streamContent } from '../../engine/content/read-content.js'
import type { PackBatch } from '../../engine/content/pack-batch.js'
import { commit, type Draft, ensureSession } from './commit.js'
import { sessionKey } from './layout.js'
import { infoOf } from './manifest.js'
import type { SnapshotPlace } from './place.js'
import { inBatch, keepChunks, MAX_RUNS, overtaken } from './publish.js'
import { takeItem } from './save-request.js'
import type { SaveItem, SaveManyOptions } from './save-types.js'
import type { SessionRef, SnapshotInfo } from './types.js'

const MAX_COLLECTIONS = 8

interface Group {
  readonly ref: SessionRef
  readonly drafts: Draft[]
  /** Where they stand in the input. */
  readonly places: number[]
}

/** In the order of the input. On failure the error carries `saved`. */
export async function saveMany<State>(
  place: SnapshotPlace,
  items: Iterable<SaveItem<State>> | AsyncIterable<SaveItem<State>>,
  options: SaveManyOptions,
  inTurn: (key: string, run: () => Promise<readonly SnapshotInfo[]>) => Promise<readonly SnapshotInfo[]>,
): Promise<readonly SnapshotInfo[]> {
  const { signal } = options
  const saved: (SnapshotInfo | undefined)[] = []
  try {
    const { batch, groups } = await storeWhole(place, items, options)
    const count = groups.reduce((sum, { drafts }) => sum + drafts.length, 0)
    saved.length = count
    if (options.verify) for (const { drafts } of groups) await readBack(place, drafts, signal)
    for (const group of groups) {
      const key = sessionKey(group.ref, place.context.backend.blobs.traits)
      const infos = await inTurn(key, () => commitGroup(place, group, batch, signal))
      for (const [at, info] of infos.entries()) saved[group.places[at] as number] = info
      options.onProgress?.({ phase: 'publish', doneBytes: 0, done: saved.filter((info) => info !== undefined).length })
    }
    return saved as SnapshotInfo[]
  } catch (error) {
    throw partialSave(error, saved)
  }
}

/** Again where what it relied on is gone at the end, or was taken; only a list can be gone through twice. */
async function storeWhole<State>(
  place: SnapshotPlace,
  items: Iterable<SaveItem<State>> | AsyncIterable<SaveItem<State>>,
  options: SaveManyOptions,
): Promise<{ readonly batch: PackBatch; readonly groups: readonly Group[] }> {
  const { signal } = options
  for (let runs = Array.isArray(items) ? MAX_RUNS : 1; ; runs--) {
    try {
      const { batch, result: groups } = await inBatch(place, signal, (batch) => storeAll(place, items, options, batch), { maxRuns: 1 })
      return { batch: await afterCells(place, batch, groups, signal), groups }
    } catch (error) {
      if (runs === 1 || !isStorageError(error, 'conflict')) throw error
    }
  }
}

async function storeAll<State>(
  place: SnapshotPlace,
  items: Iterable<SaveItem<State>> | AsyncIterable<SaveItem<State>>,
  { signal, onProgress }: SaveManyOptions,
  batch: PackBatch,
): Promise<readonly Group[]> {
  const groups = new Map<string, Group>()
  let [at, doneBytes, storedBefore] = [0, 0, 0]
  for await (const item of items) {
    signal?.throwIfAborted()
    const { details, content } = takeItem(item, place.codec)
    const key = sessionKey(details, place.context.backend.blobs.traits)
    if (details.parent !== undefined) await place.index.published(details.parent, signal)
    const group = groups.get(key) ?? (await newGroup(place, details, signal))
    groups.set(key, group)
    const stored = await storeContent(content, batch, signal === undefined ? {} : { signal })
    const storedNow = await batch.storedSoFar()
    const { branch, parent, tags, description, metadata } = details
    const draft = { branch, tags, description, metadata, content: stored, storedBytes: storedNow - storedBefore }
    group.drafts.push({ ...draft, compression: batch.compression, ...(parent === undefined ? {} : { parents: [parent] }) })
    group.places.push(at++)
    storedBefore = storedNow
    doneBytes += stored.bytes
    onProgress?.({ phase: 'store', doneBytes, done: at })
  }
  return [...groups.values()]
}

async function newGroup(place: SnapshotPlace, { agent, session }: SessionRef, signal: AbortSignal | undefined): Promise<Group> {
  const ref = { agent, session }
  await ensureSession(place, ref, signal)
  return { ref, drafts: [], places: [] }
}

/** Cells were made while the chunks were stored: a collection that began in between does not know of them. */
async function afterCells(
  place: SnapshotPlace,
  first: PackBatch,
  groups: readonly Group[],
  signal: AbortSignal | undefined,
): Promise<PackBatch> {
  const now = await place.packs.begin(signal === undefined ? {} : { signal })
  await now.abandon()
  if (now.epoch === first.epoch) return first
  return await keepAll(
    place,
    groups.flatMap(({ drafts }) => drafts),
    signal,
  )
}

async function readBack(place: SnapshotPlace, drafts: readonly Draft[], signal: AbortSignal | undefined): Promise<void> {
  const unread = place.unread()
  for (const { content } of drafts) for await (const _ of streamContent(unread, content, signal === undefined ? {} : { signal }));
}

async function commitGroup(
  place: SnapshotPlace,
  { ref, drafts }: Group,
  first: PackBatch,
  signal: AbortSignal | undefined,
): Promise<readonly SnapshotInfo[]> {
  let batch = first
  const cell = place.index.cell(ref)
  for (let passed = 0; passed < MAX_COLLECTIONS; passed++) {
    const manifests = await commit(place, cell, drafts, { ref, batch, signal })
    if (manifests !== undefined) return manifests.map(infoOf)
    batch = await keepAll(place, drafts, signal)
  }
  throw overtaken('saveMany')
}

async function keepAll(place: SnapshotPlace, drafts: readonly Draft[], signal: AbortSignal | undefined): Promise<PackBatch> {
  try {
    const roots = drafts.map(({ content }) => content.root)
    return (await inBatch(place, signal, (batch) => keepChunks(place, batch, roots))).batch
  } catch (error) {
    if (!isStorageError(error, 'missing')) throw error
    throw overtaken('saveMany', error)
  }
}

function partialSave(cause: unknown, saved: readonly (SnapshotInfo | undefined)[]): unknown {
  if (!isStorageError(cause)) return Object.isExtensible(cause) ? Object.assign(cause as object, { saved: [...saved] }) : cause
  const count = saved.filter((info) => info !== undefined).length
  const error = new StorageError(cause.code, `${count} snapshots were saved: ${cause.message}`, {
    cause,
    operation: 'saveMany',
    ...(cause.backend === undefined ? {} : { backend: cause.backend }),
  })
  return Object.assign(error, { saved: [...saved] })
}
