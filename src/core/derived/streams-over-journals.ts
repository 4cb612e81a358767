import type { StreamBroker } from '../ports/stream-broker.js'
import type { StoreContext } from './resolve.js'
export function streamsOverJournals(_context: StoreContext): StreamBroker {
  throw new Error('under construction')
}
