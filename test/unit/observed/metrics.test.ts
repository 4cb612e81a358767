import { Counter, Histogram, Registry } from 'prom-client'
import { describe, expect, test } from 'vitest'
import { openKv, openSnapshots, openStore } from 'varve'
import { memory } from 'varve/adapters/memory'
import { metrics, observed, type OperationMetrics, type StorageRequest } from 'varve/observe'
import { type FaultRule, faulty, ManualClock } from 'varve/testing'
import { LATENCY_SECONDS, METRICS, TRANSFER_SIZE_BYTES } from '../../../dist/core/derived/metric-names.js'
import { withBlobs } from '../snapshots/faulty-backend.js'

const request = (more: Partial<StorageRequest> = {}): StorageRequest => ({ backend: 'b', operation: 'blobs.get', durationMs: 1, ...more })
const of = (operations: readonly OperationMetrics[], operation: string) => operations.find((one) => one.operation === operation)

describe('metrics count', () => {
  test('requests, errors by code, retries, seconds and bytes, by backend and operation', () => {
    const counted = metrics()
    counted.request(request({ durationMs: 2, readBytes: 64 }))
    counted.request(request({ durationMs: 30_000, readBytes: 65 }))
    counted.request(request({ durationMs: 0.1, error: 'unavailable' }))
    counted.request(request({ durationMs: 3, error: 'denied' }))
    counted.request(request({ durationMs: 3, error: 'unavailable' }))
    counted.retry({ backend: 'b', operation: 'blobs.get', attempt: 1 })
    counted.request(request({ backend: 'a', operation: 'blobs.put', writtenBytes: 2 ** 30 }))
    const [put, get, ...more] = counted.read()
    expect(more).toEqual([])
    expect(get).toMatchObject({ backend: 'b', operation: 'blobs.get', requests: 5, errors: { denied: 1, unavailable: 2 }, retries: 1 })
    expect(get?.latencySeconds).toMatchObject({ count: 5, sum: 30.0081 })
    const at = Object.fromEntries(get?.latencySeconds.buckets.map(({ le, count }) => [le, count]) ?? [])
    expect([at[0.0001], at[0.001], at[0.0025], at[0.005], at[10]]).toEqual([1, 1, 2, 4, 4])
    expect(get?.transferSizeBytes).toMatchObject({ count: 2, sum: 129 })
    expect(get?.transferSizeBytes.buckets.slice(0, 2)).toEqual([
      { le: 64, count: 1 },
      { le: 256, count: 2 },
    ])
    expect(put).toMatchObject({ backend: 'a', operation: 'blobs.put', requests: 1, errors: {}, retries: 0 })
    expect(put?.transferSizeBytes.buckets.at(-1)).toEqual({ le: 2 ** 26, count: 0 })
  })

  test('what was aborted, or was to wait, in requests but not in latency', () => {
    const counted = metrics()
    counted.request(request({ aborted: true }))
    counted.request(request({ operation: 'stream.read', durationMs: 60_000, waited: true, readBytes: 5 }))
    const [get, read] = counted.read()
    expect(get).toMatchObject({ requests: 1, errors: {}, latencySeconds: { count: 0 }, transferSizeBytes: { count: 0 } })
    expect(read).toMatchObject({ requests: 1, latencySeconds: { count: 0 }, transferSizeBytes: { count: 1, sum: 5 } })
  })

  test('each attempt of a request that is made again', async () => {
    const clock = new ManualClock()
    const counted = metrics({ clock })
    const below = memory()
    await (await openKv<Record<string, number>>(below)).put('a', 1)
    const remote = withBlobs(below, ({ traits }) => ({ traits: { ...traits, durable: 'remote' } }))
    const rules: FaultRule[] = [{ on: 'blobs.get', key: 'kv', n: 1, effect: 'fail' }]
    const store = await openStore(observed(faulty(remote, rules), counted, { clock }), { clock })
    const reading = (await openKv<Record<string, number>>(store)).get('a')
    await clock.advance(10_000)
    expect(await reading).toBe(1)
    expect(of(counted.read(), 'blobs.get')).toMatchObject({ requests: 2, errors: { unavailable: 1 }, retries: 1 })
  })

  test('saves and loads beside the requests they make', async () => {
    const counted = metrics()
    const snapshots = await openSnapshots<string>(observed(memory(), counted), { trace: counted.trace })
    const { id, bytes } = await snapshots.save({ agent: 'a', session: 's', state: 'x'.repeat(100) })
    await snapshots.load(id)
    await snapshots.load('00000000-0000-4000-8000-000000000000').catch(() => {})
    await snapshots.load(id, { signal: AbortSignal.abort() }).catch(() => {})
    const operations = counted.read()
    expect(of(operations, 'snapshots.save')).toMatchObject({
      backend: 'memory',
      requests: 1,
      errors: {},
      transferSizeBytes: { count: 1, sum: bytes },
    })
    expect(of(operations, 'snapshots.load')).toMatchObject({
      requests: 3,
      errors: { missing: 1 },
      latencySeconds: { count: 2 },
      transferSizeBytes: { count: 1 },
    })
    expect(of(operations, 'blobs.put')?.transferSizeBytes.sum).toBeGreaterThan(bytes)
  })

  test('no bytes of what failed in the middle', async () => {
    const counted = metrics()
    const failing = counted.trace('snapshots.load', { backend: 'b' }, async (add) => {
      add({ bytes: 100 })
      add({ error: 'corrupt' })
      throw new Error('damaged')
    })
    await expect(failing).rejects.toThrow('damaged')
    expect(counted.read()).toMatchObject([{ requests: 1, errors: { corrupt: 1 }, transferSizeBytes: { count: 0 } }])
  })

  test('a span by the clock', async () => {
    const clock = new ManualClock()
    const counted = metrics({ clock })
    await counted.trace('snapshots.save', { backend: 'b' }, () => clock.advance(250))
    expect(counted.read()[0]?.latencySeconds).toMatchObject({ count: 1, sum: 0.25 })
  })
})

describe('the text for Prometheus', () => {
  /** As its client for Node writes what was counted the same. */
  async function byItsClient(requests: readonly StorageRequest[], retries: readonly { backend: string; operation: string }[]) {
    const registry = new Registry()
    const registers = [registry]
    const by = ['backend', 'operation'] as const
    const total = new Counter({ name: 'varve_requests_total', help: METRICS.requests, labelNames: by, registers })
    const failed = new Counter({ name: 'varve_errors_total', help: METRICS.errors, labelNames: [...by, 'code'], registers })
    const again = new Counter({ name: 'varve_retries_total', help: METRICS.retries, labelNames: by, registers })
    const seconds = new Histogram({
      name: 'varve_latency_seconds',
      help: METRICS.latency,
      labelNames: by,
      buckets: [...LATENCY_SECONDS],
      registers,
    })
    const sizes = new Histogram({
      name: 'varve_transfer_size_bytes',
      help: METRICS.transferSize,
      labelNames: by,
      buckets: [...TRANSFER_SIZE_BYTES],
      registers,
    })
    for (const { backend, operation, durationMs, error, readBytes } of requests) {
      total.inc({ backend, operation })
      seconds.observe({ backend, operation }, durationMs / 1_000)
      if (error !== undefined) failed.inc({ backend, operation, code: error })
      if (readBytes !== undefined) sizes.observe({ backend, operation }, readBytes)
    }
    for (const { backend, operation } of retries) again.inc({ backend, operation })
    return await registry.metrics()
  }

  const samplesOf = (text: string) => text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  /** `name{a="1",b="2"} 3`, whatever the order of its labels. */
  const normal = (line: string) => {
    const [, name, labels = '', value] = /^(\w+)\{(.*)\} (\S+)$/.exec(line) ?? []
    return `${name} ${[...labels.matchAll(/\w+="(?:[^"\\]|\\.)*"/g)]
      .map(([pair]) => pair)
      .sort()
      .join()} ${value}`
  }

  const requests = [
    request({ durationMs: 0.07, readBytes: 10 }),
    request({ durationMs: 7, readBytes: 100_000 }),
    request({ durationMs: 700, error: 'quota' }),
    request({ durationMs: 70_000, operation: 'blobs.put', error: 'unavailable' }),
    request({ backend: 'odd "name"\\ of\ntwo lines', operation: 'file.read', readBytes: 2 ** 31 }),
  ]
  const retries = [{ backend: 'b', operation: 'blobs.put', attempt: 1 }] as const

  test('is what its own client writes', async () => {
    const counted = metrics()
    for (const one of requests) counted.request(one)
    for (const one of retries) counted.retry(one)
    const [ours, theirs] = [counted.prometheus(), await byItsClient(requests, retries)]
    expect(samplesOf(ours).map(normal).sort()).toEqual(samplesOf(theirs).map(normal).sort())
    const headings = (text: string) => text.split('\n').filter((line) => line.startsWith('#'))
    expect(headings(ours)).toEqual(headings(theirs))
    expect(samplesOf(ours).length).toBeGreaterThan(60)
  })

  test('keeps to the format: samples of a metric together behind its heading, cumulative buckets, +Inf the count', () => {
    const counted = metrics()
    for (const one of requests) counted.request(one)
    const text = counted.prometheus()
    expect(text.endsWith('\n')).toBe(true)
    expect(text).not.toMatch(/\n\n|\r/)
    let metric = ''
    const seen = new Set<string>()
    let [before, series] = [0, '']
    for (const line of text.trimEnd().split('\n')) {
      const heading = /^# (HELP|TYPE) (varve_[a-z_]+) /.exec(line)
      if (heading?.[1] === 'HELP') {
        metric = heading[2] ?? ''
        expect(seen).not.toContain(metric)
        seen.add(metric)
      }
      if (heading !== null) continue
      const [, name = '', labels = '', value = ''] =
        /^([a-z_]+)\{((?:[a-z]+="(?:[^"\\\n]|\\["\\n])*",?)+)\} (\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/.exec(line) ?? []
      expect(name.replace(/_(?:bucket|sum|count)$/, ''), line).toBe(metric)
      if (!name.endsWith('_bucket')) continue
      const [ofSeries, le = ''] = labels.split(/,?le="/)
      if (`${name}{${ofSeries}` !== series) before = 0
      series = `${name}{${ofSeries}`
      expect(Number(value)).toBeGreaterThanOrEqual(before)
      before = Number(value)
      if (le.startsWith('+Inf')) expect(text).toContain(`${metric}_count{${ofSeries}} ${value}\n`)
    }
    expect(seen.size).toBe(5)
  })

  test('of nothing is its headings', () => {
    expect(metrics().prometheus().trimEnd().split('\n').length).toBe(10)
  })
})
