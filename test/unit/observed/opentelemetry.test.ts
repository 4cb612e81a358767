import { SpanStatusCode } from '@opentelemetry/api'
import { AggregationTemporality, InMemoryMetricExporter, MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics'
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base'
import { afterAll, describe, expect, test } from 'vitest'
import { openSnapshots } from 'varve'
import { memory } from 'varve/adapters/memory'
import { openTelemetryObserver, openTelemetryTrace } from 'varve/integrations/opentelemetry'
import { metrics, observed } from 'varve/observe'

const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })
const meters = new MeterProvider({ readers: [reader] })
const spans = new InMemorySpanExporter()
const tracers = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] })
afterAll(() => Promise.all([meters.shutdown(), tracers.shutdown()]))

describe('spans of OpenTelemetry', () => {
  test('have names, sizes and the code of what failed, and no message', async () => {
    spans.reset()
    const snapshots = await openSnapshots<string>(memory(), { trace: openTelemetryTrace(tracers.getTracer('test')) })
    const { id, bytes, storedBytes } = await snapshots.save({ agent: 'a', session: 's', state: 'secret words' })
    await expect(snapshots.load({ agent: 'a', session: 'none' })).rejects.toMatchObject({ code: 'missing' })
    await expect(snapshots.load(id, { signal: AbortSignal.abort() })).rejects.toThrow()
    const [save, failed, aborted, ...more] = spans.getFinishedSpans()
    expect(more).toEqual([])
    expect(save).toMatchObject({ name: 'varve.snapshots.save', status: { code: SpanStatusCode.UNSET } })
    expect(save?.attributes).toEqual({
      'varve.backend': 'memory',
      'varve.agent': 'a',
      'varve.session': 's',
      'varve.id': id,
      'varve.bytes': bytes,
      'varve.storedBytes': storedBytes,
      'varve.compression': 'none',
    })
    expect(failed).toMatchObject({ name: 'varve.snapshots.load', status: { code: SpanStatusCode.ERROR } })
    expect(failed?.attributes).toEqual({ 'varve.backend': 'memory', 'varve.agent': 'a', 'varve.session': 'none', 'error.type': 'missing' })
    expect(failed?.events).toEqual([])
    expect(aborted?.status.code).toBe(SpanStatusCode.UNSET)
    expect(aborted?.attributes).toMatchObject({ 'varve.aborted': true })
    expect(JSON.stringify(spans.getFinishedSpans().map(({ attributes, events, status }) => [attributes, events, status]))).not.toContain(
      'secret',
    )
  })
})

describe('metrics of OpenTelemetry', () => {
  test('are those that metrics() has', async () => {
    const counted = metrics()
    const observer = openTelemetryObserver(meters.getMeter('test'))
    const { blobs } = observed(memory(), {
      request(request) {
        counted.request(request)
        observer.request(request)
      },
    })
    await blobs.put('a', new Uint8Array(1_000))
    await blobs.get('a')
    await blobs.put('a', new Uint8Array(1), { when: 'absent' }).catch(() => {})
    await blobs.get('a', { signal: AbortSignal.abort() }).catch(() => {})
    counted.retry({ backend: 'memory', operation: 'blobs.get', attempt: 1 })
    observer.retry?.({ backend: 'memory', operation: 'blobs.get', attempt: 1 })
    await reader.forceFlush()
    const found = exporter.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((scope) => scope.metrics))
    expect(found.map(({ descriptor: { name, unit } }) => [name, unit])).toEqual([
      ['varve.requests', ''],
      ['varve.errors', ''],
      ['varve.retries', ''],
      ['varve.latency', 's'],
      ['varve.transfer_size', 'By'],
    ])
    const points = (name: string) =>
      Object.fromEntries(
        found
          .filter(({ descriptor }) => descriptor.name === name)
          .flatMap(({ dataPoints }) =>
            dataPoints.map(({ attributes, value }) => [[attributes.operation, attributes.code].filter(Boolean).join(), value]),
          ),
      ) as Record<string, unknown>
    const [get, put] = counted.read()
    expect(points('varve.requests')).toEqual({ 'blobs.get': get?.requests, 'blobs.put': put?.requests })
    expect(points('varve.errors')).toEqual({ 'blobs.put,conflict': put?.errors.conflict })
    expect(points('varve.retries')).toEqual({ 'blobs.get': get?.retries })
    for (const [operation, ours] of [
      ['blobs.get', get],
      ['blobs.put', put],
    ] as const) {
      expect(points('varve.latency')[operation]).toMatchObject({ count: ours?.latencySeconds.count, sum: ours?.latencySeconds.sum })
      const theirs = points('varve.transfer_size')[operation] as {
        count: number
        sum: number
        buckets: { boundaries: number[]; counts: number[] }
      }
      expect(theirs).toMatchObject({ count: ours?.transferSizeBytes.count, sum: 1_000 })
      expect(theirs.buckets.boundaries).toEqual(ours?.transferSizeBytes.buckets.map(({ le }) => le))
    }
  })
})
