// What a user of OpenTelemetry writes, checked by the compiler where it is installed.

import { metrics, trace } from '@opentelemetry/api'
import { openSnapshots, openStore, type Snapshots, type Trace } from 'varve'
import { memory } from 'varve/adapters/memory'
import { openTelemetryObserver, openTelemetryTrace } from 'varve/integrations/opentelemetry'
import { observed, type StorageObserver } from 'varve/observe'

export async function snapshots(): Promise<Snapshots<{ step: number }>> {
  const observer: StorageObserver = openTelemetryObserver(metrics.getMeter('shop'))
  const traced: Trace = openTelemetryTrace(trace.getTracer('shop'))
  return await openSnapshots(await openStore(observed(memory(), observer)), { trace: traced })
}

export function wrong(): unknown {
  // @ts-expect-error a tracer is not a meter
  return openTelemetryObserver(trace.getTracer('shop'))
}
