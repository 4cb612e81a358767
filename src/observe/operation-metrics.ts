import type { HistogramReading } from './histogram.js'

/** What was counted of one operation on one backend. */
export interface OperationMetrics {
  readonly backend: string
  /** `blobs.get`, `file.sync`, …; those that a tracer was told of: `snapshots.save`, … */
  readonly operation: string
  /** All of them, each attempt counted. */
  readonly requests: number
  /** By the code of the error; only those that occurred. */
  readonly errors: { readonly [code: string]: number }
  /** Requests that were made again because the backend was `unavailable`. */
  readonly retries: number
  /** Of all but those that were aborted, or were to wait for something to happen. */
  readonly latencySeconds: HistogramReading
  /** Bytes of data, of those that carried some. */
  readonly transferSizeBytes: HistogramReading
}
