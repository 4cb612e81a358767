import type { Attributes, Span, SpanStatusCode, Tracer } from '@opentelemetry/api'
import type { Trace, TraceAttributes } from '../../core/base/trace.js'

/** Its number, so that nothing of the library is loaded. */
const ERROR = 2 satisfies SpanStatusCode.ERROR

/**
 * Spans of a tracer of OpenTelemetry, for `openSnapshots(store, { trace })`: `varve.snapshots.save` and so on, below the span that is
 * active. Attributes begin with `varve.`; one that failed has the status error and its code as `error.type`, and no message, because
 * that may name what was stored.
 */
export function openTelemetryTrace(tracer: Tracer): Trace {
  return (name, attributes, run) =>
    tracer.startActiveSpan(`varve.${name}`, { attributes: named(attributes) }, async (span) => {
      try {
        return await run((more) => add(span, more))
      } finally {
        span.end()
      }
    })
}

function add(span: Span, { error, ...attributes }: TraceAttributes): void {
  span.setAttributes(named(attributes))
  if (error === undefined) return
  span.setAttribute('error.type', error)
  span.setStatus({ code: ERROR })
}

function named(attributes: TraceAttributes): Attributes {
  return Object.fromEntries(Object.entries(attributes).map(([name, value]) => [`varve.${name}`, value]))
}
