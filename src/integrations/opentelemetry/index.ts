export { openTelemetryObserver } from './observer.js'
export { openTelemetryTrace } from './trace.js'
