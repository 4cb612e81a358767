// The queue on files, through its public functions.

import { join } from 'node:path'
import { openQueue, openStore } from '../../../dist/index.js'

/** What `read` gives where nothing else is asked for; many more at once only live longer in memory. */
const READ = 100
const RECEIVE = 100

export async function open({ folder, sync, buckets }) {
  const store = await openStore('bench', { directory: join(folder, 'varve') })
  const queue = await openQueue(store, 'log', { buckets, sync: sync === 'always' ? 'always' : 'never' })
  return {
    appendOne: ({ key, value, headers }) => queue.append(value, { key, headers }),
    appendBatch: (records) => queue.appendRecords(records),
    read: () => readAll(queue),
    consume: async (count) => receive(await queue.group('workers'), count),
    close: () => store.close(),
  }
}

async function readAll(queue) {
  let next = 0
  for (;;) {
    const records = await queue.read({ from: next, limit: READ })
    if (records.length === 0) return next
    next = records.at(-1).offset + 1
  }
}

async function receive(group, count) {
  for (let done = 0; done < count; ) {
    const deliveries = await group.receive({ limit: RECEIVE })
    await group.ack(deliveries)
    done += deliveries.length
  }
}
