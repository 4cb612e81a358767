// Looks at every stored byte of every queue and says what is wrong, and changes nothing.

import { loadPart } from '../base/load-part.js'
import type { Store } from '../derived/store-context.js'
import type { Backend } from '../ports/backend.js'
import type { ScanOptions, ScanReport } from './scan-report.js'

export type { Anomaly, AnomalyKind, ScanOptions, ScanProgress, ScanReport, StoreAnomaly, StoreNotice } from './scan-report.js'

/**
 * Reads everything that the queues of a store are made of, checks it, and names each thing that is wrong, with its path,
 * its place and the offsets lost. Changes nothing, takes no lock, and works beside a running owner (`mode: 'read'`).
 *
 * Errors: `missing` (no such queue), `unsupported` (a newer format), `unavailable`. Damage is no error: it is reported.
 */
export async function scan(source: Store | Backend, options: ScanOptions = {}): Promise<ScanReport> {
  const { examineStore, reportOf } = await loadPart('the doctor', () => import('./examine-store.js'))
  return reportOf(await examineStore(source, options))
}
