// What a copy would bring to another store: the snapshots that it lacks, and of their chunks those that it lacks.

import { walkChunks } from '../../engine/content/walk-chunks.js'
import type { ChunkId } from '../../engine/content/chunks.js'
import { contentOf, explained } from './contents.js'
import { wantedOf } from './copy.js'
import { checkFilter } from './list.js'
import type { Manifest } from './manifest.js'
import type { SnapshotPlace } from './place.js'
import type { CopyOptions, CopyReport } from './upkeep-types.js'

export async function planCopy(source: SnapshotPlace, target: SnapshotPlace, options: CopyOptions): Promise<CopyReport> {
  const { filter = {}, onProgress, signal } = options
  checkFilter(filter, 'copy')
  const report = { dryRun: true, copied: 0, skipped: 0, storedBytes: 0 }
  const seen = new Set<ChunkId>()
  let doneBytes = 0
  await target.packs.refresh(signal)
  for await (const { located, info } of wantedOf(source, filter, signal)) {
    if ((await target.index.locateIn(info, { id: info.id, index: undefined }, signal)) !== undefined) report.skipped++
    else {
      const manifest = await source.index.manifestOf(located.summary, signal)
      report.storedBytes += await newBytes(source, target, manifest, { seen, signal })
      report.copied++
    }
    doneBytes += info.bytes
    onProgress?.({ phase: 'copy', doneBytes, done: report.copied + report.skipped })
  }
  return report
}

/** Each chunk counts once. A content of format 1 is not in chunks yet. */
async function newBytes(
  source: SnapshotPlace,
  target: SnapshotPlace,
  manifest: Manifest,
  { seen, signal }: { readonly seen: Set<ChunkId>; readonly signal: AbortSignal | undefined },
): Promise<number> {
  if (manifest.format === 1) return manifest.storedBytes
  const wanted: ChunkId[] = []
  await explained(source, manifest, () =>
    walkChunks(
      source.packs,
      contentOf(manifest).root,
      (id) => {
        if (seen.has(id)) return false
        seen.add(id)
        if (target.packs.packsOf(id).length === 0) wanted.push(id)
        return true
      },
      signal === undefined ? {} : { signal },
    ),
  )
  if (wanted.some((id) => source.packs.storedBytes(id) === undefined)) await source.packs.refresh(signal)
  return wanted.reduce((sum, id) => sum + (source.packs.storedBytes(id) ?? 0), 0)
}
