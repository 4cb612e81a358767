// Copying to another store: session by session, oldest first, chunk by chunk, proved as they are read. What is there already
// is passed by, so a copy that was cut is begun again.

import { storeContent } from '../../engine/content/store-content.js'
import { cutContent } from '../../engine/content/cut-content.js'
import type { ChunkId, ChunkKind } from '../../engine/content/chunks.js'
import type { StoredContent } from '../../engine/content/content.js'
import type { PackBatch } from '../../engine/content/pack-batch.js'
import { walkChunks } from '../../engine/content/walk-chunks.js'
import { adopt } from './adopt.js'
import { bytesOf, contentOf, explained } from './contents.js'
import { checkFilter, hasMetadata, select } from './list.js'
import type { Manifest } from './manifest.js'
import type { SnapshotPlace } from './place.js'
import type { Located } from './snapshot-index.js'
import { asFirstSaved } from './summary.js'
import type { SnapshotFilter, SnapshotInfo } from './types.js'
import type { CopyOptions, CopyReport } from './upkeep-types.js'

export async function copyTo(source: SnapshotPlace, target: SnapshotPlace, options: CopyOptions): Promise<CopyReport> {
  const { filter = {}, onProgress, signal } = options
  checkFilter(filter, 'copy')
  const report = { dryRun: false, copied: 0, skipped: 0, storedBytes: 0 }
  let doneBytes = 0
  for await (const { located, info } of wantedOf(source, filter, signal)) {
    const manifest = await source.index.manifestOf(located.summary, signal)
    let storedBytes = 0
    const isNew = await adopt(
      target,
      asFirstSaved(info, located.summary),
      async (batch) => {
        const content = await transfer(source, manifest, batch, signal)
        storedBytes = await batch.storedSoFar()
        return content
      },
      signal,
    )
    if (isNew) report.copied++
    else report.skipped++
    report.storedBytes += storedBytes
    doneBytes += info.bytes
    onProgress?.({ phase: 'copy', doneBytes, done: report.copied + report.skipped })
  }
  return report
}

export async function oldestFirst(
  source: SnapshotPlace,
  filter: CopyOptions['filter'],
  signal: AbortSignal | undefined,
): Promise<Located[]> {
  const { limit = Number.POSITIVE_INFINITY, ...rest } = filter ?? {}
  const found: Located[] = []
  for await (const located of select(source.index, signal === undefined ? rest : { ...rest, signal })) {
    if (found.length >= limit) break
    found.push(located)
  }
  return found.reverse()
}

/** What a copy is to bring, oldest first; what is deleted meanwhile is left out. */
export async function* wantedOf(
  source: SnapshotPlace,
  filter: Omit<SnapshotFilter, 'signal'>,
  signal: AbortSignal | undefined,
): AsyncGenerator<{ readonly located: Located; readonly info: SnapshotInfo }> {
  for (const located of await oldestFirst(source, filter, signal)) {
    signal?.throwIfAborted()
    const info = await source.index.info(located, signal)
    if (info !== undefined && hasMetadata(info, filter.metadata)) yield { located, info }
  }
}

/** Into the batch, chunk by chunk; one of format 1 is cut as states are today. */
export async function transfer(
  source: SnapshotPlace,
  manifest: Manifest,
  batch: PackBatch,
  signal: AbortSignal | undefined,
): Promise<StoredContent> {
  const options = signal === undefined ? {} : { signal }
  if (manifest.format === 1) {
    return await storeContent(cutContent({ codec: manifest.codec, bytes: await bytesOf(source, manifest, { signal }) }), batch, options)
  }
  const content = contentOf(manifest)
  await explained(source, manifest, async () => {
    const found: { readonly id: ChunkId; readonly kind: ChunkKind }[] = []
    const seen = new Set<ChunkId>()
    await walkChunks(source.packs, content.root, (id, kind) => {
      if (seen.has(id)) return false
      seen.add(id)
      found.push({ id, kind })
      return true
    })
    for (const { id, kind } of found) {
      signal?.throwIfAborted()
      if (!batch.has(id)) await batch.put(kind, await source.packs.get(id, kind, options))
    }
  })
  return content
}
