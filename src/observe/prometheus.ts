// The text that Prometheus scrapes: exposition format 0.0.4
// (https://prometheus.io/docs/instrumenting/exposition_formats/).

import { METRICS } from '../core/derived/metric-names.js'
import type { HistogramReading } from './histogram.js'
import type { OperationMetrics } from './operation-metrics.js'

type Labels = Readonly<Record<string, string>>

export function exposition(operations: readonly OperationMetrics[]): string {
  const lines = [
    ...counter('varve_requests_total', METRICS.requests, operations, ({ requests }) => [[{}, requests]]),
    ...counter('varve_errors_total', METRICS.errors, operations, ({ errors }) =>
      Object.entries(errors).map(([code, count]) => [{ code }, count]),
    ),
    ...counter('varve_retries_total', METRICS.retries, operations, ({ retries }) => (retries === 0 ? [] : [[{}, retries]])),
    ...histogram('varve_latency_seconds', METRICS.latency, operations, ({ latencySeconds }) => latencySeconds),
    ...histogram('varve_transfer_size_bytes', METRICS.transferSize, operations, ({ transferSizeBytes }) => transferSizeBytes),
  ]
  return `${lines.join('\n')}\n`
}

function* counter(
  name: string,
  help: string,
  operations: readonly OperationMetrics[],
  read: (one: OperationMetrics) => readonly (readonly [Labels, number])[],
): Generator<string> {
  yield* heading(name, help, 'counter')
  for (const one of operations) for (const [labels, value] of read(one)) yield sample(name, { ...labelsOf(one), ...labels }, value)
}

function* histogram(
  name: string,
  help: string,
  operations: readonly OperationMetrics[],
  read: (one: OperationMetrics) => HistogramReading,
): Generator<string> {
  yield* heading(name, help, 'histogram')
  for (const one of operations) {
    const { count, sum, buckets } = read(one)
    if (count === 0) continue
    const labels = labelsOf(one)
    for (const bucket of buckets) yield sample(`${name}_bucket`, { ...labels, le: String(bucket.le) }, bucket.count)
    yield sample(`${name}_bucket`, { ...labels, le: '+Inf' }, count)
    yield sample(`${name}_sum`, labels, sum)
    yield sample(`${name}_count`, labels, count)
  }
}

function* heading(name: string, help: string, type: 'counter' | 'histogram'): Generator<string> {
  yield `# HELP ${name} ${help}`
  yield `# TYPE ${name} ${type}`
}

const labelsOf = ({ backend, operation }: OperationMetrics): Labels => ({ backend, operation })

function sample(name: string, labels: Labels, value: number): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escaped(text)}"`)
  return `${name}{${pairs.join(',')}} ${value}`
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}
