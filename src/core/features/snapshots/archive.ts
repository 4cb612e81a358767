// Snapshots as one file, and back: the container that whole stores use, with nothing but snapshots in it.

import { utf8 } from '../../base/bytes.js'
import { StorageError } from '../../base/errors.js'
import type { ArchiveSource } from '../../codec/archive/byte-source.js'
import { sealArchive, secretOf } from '../../codec/archive/open.js'
import { ArchiveReader, type ReadSection } from '../../codec/archive/read.js'
import { type SectionToWrite, writeArchive } from '../../codec/archive/write.js'
import { SnapshotExport } from './archive-export.js'
import { type NextChunks, SnapshotImport } from './archive-import.js'
import type { SnapshotExportOptions, SnapshotImportOptions, SnapshotImportReport } from './archive-types.js'
import { checkFilter } from './list.js'
import type { SnapshotPlace } from './place.js'
import type { SnapshotInfo } from './types.js'

export async function* exportSnapshots(place: SnapshotPlace, options: SnapshotExportOptions): AsyncGenerator<Uint8Array> {
  const { signal, filter = {}, onProgress } = options
  checkFilter(filter, 'export')
  signal?.throwIfAborted()
  const { backend, clock } = place.context
  const snapshots = new SnapshotExport(place, filter, signal)
  await snapshots.fixCut()
  let [doneBytes, done] = [0, 0]
  const sections = async function* (): AsyncGenerator<SectionToWrite> {
    yield { type: 'contents', body: utf8(JSON.stringify({ backend: backend.name, queues: [], namespaces: [] })) }
    for await (const section of snapshots.sections()) {
      done += section.counts?.snapshots ?? 0
      yield section
    }
  }
  for await (const piece of sealArchive(writeArchive(sections(), clock.now()), secretOf(options, 'export'))) {
    doneBytes += piece.length
    onProgress?.({ phase: 'export', doneBytes, done })
    yield piece.slice()
  }
}

export async function importSnapshots(
  place: SnapshotPlace,
  source: ArchiveSource,
  options: SnapshotImportOptions,
  told: (info: SnapshotInfo) => void,
): Promise<SnapshotImportReport> {
  const { signal, onProgress } = options
  signal?.throwIfAborted()
  const reader = new ArchiveReader(source, secretOf(options, 'import'))
  const snapshots = new SnapshotImport(place, signal, told)
  const sections = reader.sections(signal)
  const next = nextChunks(sections)
  try {
    for (;;) {
      const { done, value } = await sections.next()
      if (done) return snapshots.report
      if (value.type === 'snapshot') await snapshots.take(value.body, next)
      const { imported, skipped } = snapshots.report
      onProgress?.({ phase: 'import', doneBytes: reader.position, done: imported + skipped })
    }
  } finally {
    await sections.return(undefined)
  }
}

/** Out of sections that somebody else goes through. */
export function nextChunks(sections: AsyncGenerator<ReadSection>): NextChunks {
  return async () => {
    const { done, value } = await sections.next()
    if (!done && value.type === 'chunks') return value.body
    if (!done && value.type === 'snapshotGone') return undefined
    throw new StorageError('corrupt', 'chunks of a snapshot are missing in the archive', { facts: done ? {} : { section: value.number } })
  }
}
