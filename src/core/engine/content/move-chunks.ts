// What packs that are to be deleted hold and somebody still needs, copied as it is stored, proved on the way.

import { isStorageError } from '../../base/errors.js'
import type { ChunkId } from './chunks.js'
import type { PackBatch } from './pack-batch.js'
import type { KnownPack } from './pack-index.js'
import type { PackStore, WantedChunk } from './pack-store.js'

/** Read together. */
const GROUP = 128

export interface MoveOptions {
  readonly isLive: (id: ChunkId) => boolean
  readonly signal: AbortSignal | undefined
  readonly onMoved: (bytes: number) => void
}

export interface Moved {
  /** What the copies took. */
  readonly bytes: number
  /** Packs with a reachable chunk that could not be read: they are not to be deleted, somebody may mend it yet. */
  readonly kept: ReadonlySet<string>
}

/** All that is reachable lies elsewhere than in `doomed` when it resolves, but for `kept`. */
export async function moveChunks(packs: PackStore, doomed: readonly string[], options: MoveOptions): Promise<Moved> {
  const { signal, onMoved } = options
  await packs.refresh(signal)
  const batch = await packs.begin(signal === undefined ? {} : { signal })
  const kept = new Set<string>()
  for (const name of doomed) {
    const pack = packs.catalogue.index.pack(name)
    if (pack === undefined) continue
    const wanted = liveChunks(packs, pack, options)
    for (let at = 0; at < wanted.length; at += GROUP) {
      signal?.throwIfAborted()
      if (!(await moveGroup(packs, batch, wanted.slice(at, at + GROUP)))) kept.add(name)
    }
    onMoved(await batch.storedSoFar())
  }
  await batch.finish()
  return { bytes: batch.storedBytes, kept }
}

function liveChunks({ catalogue: { index } }: PackStore, { first, count }: KnownPack, { isLive }: MoveOptions): WantedChunk[] {
  const wanted: WantedChunk[] = []
  for (let entry = first; entry < first + count; entry++) {
    const id = index.idOf(entry)
    const kind = index.kindOf(entry)
    if (kind !== undefined && isLive(id)) wanted.push({ id, kind })
  }
  return wanted
}

/** False where one of them could not be read. */
async function moveGroup(packs: PackStore, batch: PackBatch, wanted: readonly WantedChunk[]): Promise<boolean> {
  const missing = wanted.filter(({ id }) => !batch.has(id))
  const records = await Promise.all(missing.map((chunk) => recordOf(packs, chunk)))
  for (const [i, record] of records.entries()) {
    if (record !== undefined) await batch.take((missing[i] as WantedChunk).id, record)
  }
  return records.every((record) => record !== undefined)
}

async function recordOf(packs: PackStore, { id, kind }: WantedChunk): Promise<Uint8Array | undefined> {
  try {
    return await packs.record(id, kind)
  } catch (error) {
    if (isStorageError(error, 'corrupt') || isStorageError(error, 'missing')) return undefined
    throw error
  }
}
