// What a scan tells.

import type { Anomaly, Notice } from '../engine/doctor/anomaly.js'
import type { Cancellable } from '../ports/options.js'

export type { Anomaly, AnomalyKind } from '../engine/doctor/anomaly.js'

export interface StoreAnomaly extends Anomaly {
  readonly queue?: string
  readonly bucket?: number
}

/** No damage, but good to know. */
export interface StoreNotice extends Notice {
  readonly queue: string
  readonly bucket: number
}

export interface ScanReport {
  readonly backend: string
  /** Nothing was found. */
  readonly healthy: boolean
  readonly anomalies: readonly StoreAnomaly[]
  /** Offsets that cannot be read any more, over all anomalies. */
  readonly lostRecords: number
  /** What `recover` with `salvage` can bring back. */
  readonly notices: readonly StoreNotice[]
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
