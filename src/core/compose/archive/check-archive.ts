// An archive looked at without a store: whether it is whole, and what it holds.

import type { ArchiveSource } from '../../codec/archive/byte-source.js'
import { loadPart } from '../../base/load-part.js'
import type { ArchiveReport, CheckArchiveOptions } from './types.js'

export type { ArchiveBucket, ArchivedQueueSummary, ArchiveReport, CheckArchiveOptions } from './types.js'

/**
 * Reads all of an archive, checks every sum and everything that an import would, and tells what is in it. Nothing is stored.
 *
 * Errors: `corrupt` (damaged or cut; facts say in which section and at which byte), `unsupported` (a newer one), `denied` (encrypted with
 * another passphrase or key).
 */
export async function checkArchive(source: ArchiveSource, options: CheckArchiveOptions = {}): Promise<ArchiveReport> {
  const { ArchiveCheck } = await loadPart('archives', () => import('./archive-check.js'))
  return await new ArchiveCheck(options).run(source)
}
