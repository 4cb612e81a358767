// Repairs what a scan found, and scans again.

import { StorageError } from '../base/errors.js'
import { loadPart } from '../base/load-part.js'
import { contextOf } from '../derived/resolve.js'
import type { Store } from '../derived/store-context.js'
import { openStreams } from '../derived/streams-over-journals.js'
import type { Quarantine } from '../engine/doctor/quarantine.js'
import type { Backend } from '../ports/backend.js'
import type { ScanOptions, ScanReport } from './scan.js'

export type { Quarantine } from '../engine/doctor/quarantine.js'

export interface RecoverOptions extends ScanOptions {
  /** `ignore` only reports, `repair` mends in place, `quarantine` keeps a copy of what it replaces or removes first. */
  readonly mode: 'ignore' | 'repair' | 'quarantine'
  /** Takes the copies; needed for `quarantine`. */
  readonly quarantine?: Quarantine
  /**
   * Also appends again what lies whole in torn tails: as new records, with the header `varve-salvaged-offset`. Nobody was
   * told that they are durable; their writers may have appended them again. Cut short, it may append some twice.
   */
  readonly salvage?: boolean
}

export interface RecoveryReport {
  readonly before: ScanReport
  /** A scan of what is there now. */
  readonly after: ScanReport
  /** How many were appended again. */
  readonly salvagedRecords: number
}

/**
 * Makes the queues of a store whole again with everything that can still be read: good records stay at their offsets, what
 * is lost becomes a gap, what nothing points to is removed. Can be cut short at any point and run again.
 *
 * Errors: `invalid` (mode), `conflict` (a queue is open: close it first), `denied` (another process owns the store).
 */
export async function recover(source: Store | Backend, options: RecoverOptions): Promise<RecoveryReport> {
  const { mode, quarantine, salvage = false } = options
  checkMode(mode, quarantine)
  const { examineStore, reportOf } = await loadPart('the doctor', () => import('./examine-store.js'))
  const context = contextOf(source)
  // Before it looks: what another owner writes meanwhile must not be taken for a torn tail.
  if (mode !== 'ignore') await context.writable('recover')
  const found = await examineStore(source, options)
  const before = reportOf(found)
  const isWanted = !before.healthy || (salvage && before.notices.length > 0)
  if (mode === 'ignore' || !isWanted) return { before, after: before, salvagedRecords: 0 }
  const open = openStreams(context)
  if (open.length > 0)
    throw new StorageError('conflict', 'close all queues before a recovery', { operation: 'recover', facts: { open: open.length } })
  const access = { beforeWrite: async () => context.writable('recover'), checkFence: () => context.checkFence() }
  const how = { quarantine: mode === 'quarantine' ? quarantine : undefined, salvage: salvage ? access : undefined }
  let salvagedRecords = 0
  for (const repair of found.repairs) {
    options.signal?.throwIfAborted()
    salvagedRecords += await repair(how)
  }
  return { before, after: reportOf(await examineStore(source, options)), salvagedRecords }
}

function checkMode(mode: unknown, quarantine: unknown): void {
  if (mode !== 'ignore' && mode !== 'repair' && mode !== 'quarantine') {
    throw new StorageError('invalid', 'mode is ignore, repair or quarantine', { operation: 'recover', facts: { mode: String(mode) } })
  }
  if (mode === 'quarantine' && typeof quarantine !== 'function') {
    throw new StorageError('invalid', 'mode quarantine needs a function that keeps the copies', { operation: 'recover' })
  }
}
