// A backend's own streams, at the time of the store, and untouched where it is only read.

import { loadPart } from '../base/load-part.js'
import type { StreamBroker } from '../ports/stream-broker.js'
import type { StoreContext } from './store-context.js'

export function nativeStreams(streams: StreamBroker, context: StoreContext): StreamBroker {
  const { clock, mode } = context
  return {
    async open(stream, options) {
      const open = await streams.open(stream, { ...options, clock })
      if (mode === 'write') return open
      const { readOnlyStream } = await loadPart('streams to read', () => import('./read-only-stream.js'))
      return readOnlyStream(open, context)
    },
    async delete(stream) {
      await context.writable('deleteQueue')
      await streams.delete(stream)
    },
  }
}
