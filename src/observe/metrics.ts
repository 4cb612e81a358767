// Counts what an observed backend and a tracer tell, by backend and operation.

import { type Clock, stopwatch } from '../core/base/clock.js'
import type { Outcome } from '../core/base/outcome.js'
import type { Trace, TraceAttributes } from '../core/base/trace.js'
import { LATENCY_SECONDS, TRANSFER_SIZE_BYTES } from '../core/derived/metric-names.js'
import type { StorageObserver, StorageRequest, StorageRetry } from '../core/derived/observer.js'
import { Histogram } from './histogram.js'
import type { OperationMetrics } from './operation-metrics.js'
import { exposition } from './prometheus.js'

export interface MetricsOptions {
  /** For tests. */
  readonly clock?: Pick<Clock, 'now'>
}

export interface Metrics extends StorageObserver {
  retry(retry: StorageRetry): void
  /** For `openSnapshots(store, { trace })`: counts saves, loads and so on as operations beside the requests they make. */
  readonly trace: Trace
  /** All so far, by backend, then by operation. */
  read(): readonly OperationMetrics[]
  /** The same as text for Prometheus (exposition format 0.0.4: `text/plain; version=0.0.4`). */
  prometheus(): string
}

/** Counters and histograms since it was made; a few kilobytes, however much is counted. */
export function metrics(options: MetricsOptions = {}): Metrics {
  return new Counters(options.clock ?? stopwatch)
}

interface Ended extends Outcome {
  readonly durationMs: number
  readonly bytes?: number | undefined
  readonly waited?: true | undefined
}

class Counters implements Metrics {
  readonly #clock: Pick<Clock, 'now'>
  readonly #backends = new Map<string, Map<string, OperationCounter>>()

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock
  }

  request(request: StorageRequest): void {
    this.#counter(request.backend, request.operation).ended({ ...request, bytes: request.readBytes ?? request.writtenBytes })
  }

  retry({ backend, operation }: StorageRetry): void {
    this.#counter(backend, operation).retries++
  }

  readonly trace: Trace = async (name, attributes, run) => {
    const begun = this.#clock.now()
    const known: Record<string, TraceAttributes[string]> = { ...attributes }
    try {
      return await run((more) => Object.assign(known, more))
    } finally {
      const { backend, bytes } = known
      const durationMs = Math.max(0, this.#clock.now() - begun)
      const counter = this.#counter(String(backend), name)
      counter.ended({ ...(known as Outcome), durationMs, bytes: typeof bytes === 'number' ? bytes : undefined })
    }
  }

  read(): readonly OperationMetrics[] {
    return sorted(this.#backends).flatMap(([backend, operations]) =>
      sorted(operations).map(([operation, counter]) => ({ backend, operation, ...counter.read() })),
    )
  }

  prometheus(): string {
    return exposition(this.read())
  }

  #counter(backend: string, operation: string): OperationCounter {
    const operations = this.#backends.get(backend) ?? new Map<string, OperationCounter>()
    this.#backends.set(backend, operations)
    const counter = operations.get(operation) ?? new OperationCounter()
    operations.set(operation, counter)
    return counter
  }
}

class OperationCounter {
  retries = 0
  #requests = 0
  readonly #errors = new Map<string, number>()
  readonly #latency = new Histogram(LATENCY_SECONDS)
  readonly #sizes = new Histogram(TRANSFER_SIZE_BYTES)

  ended({ durationMs, bytes, error, aborted, waited }: Ended): void {
    this.#requests++
    if (error !== undefined) this.#errors.set(error, (this.#errors.get(error) ?? 0) + 1)
    if (aborted !== true && waited !== true) this.#latency.add(durationMs / 1_000)
    if (error === undefined && bytes !== undefined) this.#sizes.add(bytes)
  }

  read(): Omit<OperationMetrics, 'backend' | 'operation'> {
    return {
      requests: this.#requests,
      errors: Object.fromEntries(sorted(this.#errors)),
      retries: this.retries,
      latencySeconds: this.#latency.read(),
      transferSizeBytes: this.#sizes.read(),
    }
  }
}

function sorted<Value>(map: ReadonlyMap<string, Value>): readonly (readonly [string, Value])[] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1))
}
