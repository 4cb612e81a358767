// Reads a whole queue and ends: its process is watched for memory.

import { openQueue, openStore } from '../../dist/index.js'

const LIMIT = 1000

const store = await openStore('bench', { directory: process.argv[2], mode: 'read' })
const queue = await openQueue(store, 'log')
let next = 0
for (let isMore = true; isMore; ) {
  const records = await queue.read({ from: next, limit: LIMIT })
  isMore = records.length > 0
  if (isMore) next = records.at(-1).offset + 1
}
if (next === 0) throw new Error('nothing was read')
await store.close()
