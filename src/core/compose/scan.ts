// Looks at every stored byte of every queue and says what is wrong, and changes nothing.

import { loadPart } from '../base/load-part.js'
import type { Store } from '../derived/store-context.js'
import type { Anomaly } from '../engine/doctor/anomaly.js'
import type { Backend } from '../ports/backend.js'
import type { Cancellable } from '../ports/options.js'

export type { Anomaly, AnomalyKind } from '../engine/doctor/anomaly.js'

export interface StoreAnomaly extends Anomaly {
  readonly queue?: string
  readonly bucket?: number
}

export interface ScanReport {
  readonly backend: string
  /** Nothing was found. */
  readonly healthy: boolean
  readonly anomalies: readonly StoreAnomaly[]
  /** Offsets that cannot be read any more, over all anomalies. */
  readonly lostRecords: number
  readonly scanned: { readonly queues: number; readonly records: number; readonly bytes: number }
}

export interface ScanProgress {
  readonly queue: string
  readonly bucket: number
  /** Bytes looked at so far, in all. */
  readonly bytes: number
}

export interface ScanOptions extends Cancellable {
  /** Only this one. */
  readonly queue?: string
  readonly progress?: (progress: ScanProgress) => void
}

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
