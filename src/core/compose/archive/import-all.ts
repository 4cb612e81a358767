// The inverse of an export: an archive becomes part of a store.

import type { ArchiveSource } from '../../codec/archive/byte-source.js'
import { loadPart } from '../../base/load-part.js'
import { contextOf } from '../../derived/resolve.js'
import { deleteQueue } from '../../features/queue/queues.js'
import type { Store } from '../../derived/store-context.js'
import type { Backend } from '../../ports/backend.js'
import type { ImportOptions, ImportReport } from './types.js'

export type { ArchiveSource } from '../../codec/archive/byte-source.js'
export type { ImportedNamespace, ImportedQueue, ImportOptions, ImportReport, OnExisting } from './types.js'

/**
 * Puts what an archive holds into a store, on any backend: records at their offsets, groups and marks where they stood, keys with what
 * is left of their time. Queues get an identity of their own. Every section is checked before anything of it is stored, so that
 * damage never gets into the store; what came before it stays. Called again with the same archive it goes on where it was cut, and what
 * is there already is compared. `source` is a web stream, a Blob or File, or anything that yields bytes.
 *
 * `onExisting` says what happens to a queue of the same name that did not come from this archive, and to a key with another value:
 * `refuse` (default) is a `conflict` and changes nothing of it, for queues before anything is stored at all; `skip` leaves it; `replace` deletes it
 * first.
 *
 * Errors: `corrupt` (the archive is damaged or cut; facts say in which section and at which byte), `unsupported` (a newer archive, or
 * a store that cannot keep queues), `conflict`, `denied` (the store is read only, or has another owner; the archive is encrypted with another passphrase or key), `quota`, `unavailable`.
 */
export async function importAll(target: Store | Backend, source: ArchiveSource, options: ImportOptions = {}): Promise<ImportReport> {
  contextOf(target).checkOpen('importAll')
  const { StoreImport } = await loadPart('archives', () => import('./import-store.js'))
  return await new StoreImport(target, options, deleteQueue).run(source)
}
