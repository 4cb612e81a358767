// A record stream and its groups, to look at: what would change them is refused by the store.

import type { GroupPort, RecordStream } from '../ports/stream-broker.js'
import type { StoreContext } from './store-context.js'

export function readOnlyStream(stream: RecordStream, context: StoreContext): RecordStream {
  const refuse = (operation: string) => async (): Promise<never> => {
    await context.writable(operation)
    throw new Error('a store that is read was writable')
  }
  return {
    append: refuse('append'),
    producer: (id) => stream.producer(id),
    read: (options) => stream.read(options),
    bounds: (options) => stream.bounds(options),
    stats: () => stream.stats(),
    flush: () => stream.flush(),
    listen: (wake) => stream.listen(wake),
    trim: refuse('trim'),
    compact: refuse('compact'),
    seal: refuse('seal'),
    group: async (name, options) => readOnlyGroup(await stream.group(name, { ...options, create: false }), refuse),
    groups: () => stream.groups(),
    deleteGroup: refuse('deleteGroup'),
    close: () => stream.close(),
  }
}

function readOnlyGroup(group: GroupPort, refuse: (operation: string) => () => Promise<never>): GroupPort {
  return {
    receive: refuse('receive'),
    settle: refuse('settle'),
    release: refuse('release'),
    claim: refuse('claim'),
    pending: (options) => group.pending(options),
    commit: refuse('commit'),
    seek: refuse('seek'),
    state: () => group.state(),
  }
}
