// A whole store as one stream of bytes.

import { loadPart } from '../../base/load-part.js'
import { contextOf } from '../../derived/resolve.js'
import type { Store } from '../../derived/store-context.js'
import type { Backend } from '../../ports/backend.js'
import { streamOf } from './stream-of.js'
import type { ExportOptions } from './types.js'

export type { ArchiveGap, ArchiveProgress, ExportOptions } from './types.js'

/**
 * Everything in a store as one archive: queues with their records, groups and marks, and keys with their expiry. The store may be
 * written to meanwhile, and may be open with `mode: 'read'` beside its owner: the archive holds one cut of it. First it is read how
 * far groups have come, then where each bucket ends, then all up to there; a group never stands behind what the archive holds.
 * What retention takes before it was copied is a gap that the archive names. Nothing is read before the stream is; memory stays
 * bounded, and cancelling the stream ends the work.
 *
 * The stream fails with `missing` (a queue that was asked for), `corrupt` (damage in the store), `unavailable`, or the signal's reason.
 */
export function exportAll(source: Store | Backend, options: ExportOptions = {}): ReadableStream<Uint8Array> {
  const context = contextOf(source)
  context.checkOpen('exportAll')
  return streamOf(async function* () {
    const { exportStore } = await loadPart('archives', () => import('./export-store.js'))
    yield* exportStore(source, options)
  })
}
