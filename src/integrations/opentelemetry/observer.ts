import type { Meter } from '@opentelemetry/api'
import { LATENCY_SECONDS, METRICS, TRANSFER_SIZE_BYTES } from '../../core/derived/metric-names.js'
import type { StorageObserver } from '../../core/derived/observer.js'

/**
 * Counters and histograms of a meter of OpenTelemetry, for `observed(backend, observer)`: `varve.requests`, `varve.errors`, `varve.retries`,
 * `varve.latency` (s) and `varve.transfer_size` (By), with the attributes `backend`, `operation` and, of errors, `code`. An exporter for
 * Prometheus gives them the names that `metrics()` has.
 */
export function openTelemetryObserver(meter: Meter): StorageObserver {
  const requests = meter.createCounter('varve.requests', { description: METRICS.requests })
  const errors = meter.createCounter('varve.errors', { description: METRICS.errors })
  const retries = meter.createCounter('varve.retries', { description: METRICS.retries })
  const latency = meter.createHistogram('varve.latency', {
    description: METRICS.latency,
    unit: 's',
    advice: { explicitBucketBoundaries: [...LATENCY_SECONDS] },
  })
  const sizes = meter.createHistogram('varve.transfer_size', {
    description: METRICS.transferSize,
    unit: 'By',
    advice: { explicitBucketBoundaries: [...TRANSFER_SIZE_BYTES] },
  })
  return {
    request({ backend, operation, durationMs, readBytes, writtenBytes, error, aborted, waited }) {
      const labels = { backend, operation }
      const bytes = readBytes ?? writtenBytes
      requests.add(1, labels)
      if (error !== undefined) errors.add(1, { ...labels, code: error })
      if (aborted !== true && waited !== true) latency.record(durationMs / 1_000, labels)
      if (bytes !== undefined) sizes.record(bytes, labels)
    },
    retry: ({ backend, operation }) => retries.add(1, { backend, operation }),
  }
}
