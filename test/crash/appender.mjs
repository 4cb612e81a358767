// A process that appends until it is killed, and says each receipt at once.

import { writeSync } from 'node:fs'
import { openQueue, openStore } from 'varve'
import { nodeFs } from 'varve/adapters/node-fs'

const [directory, round, callers] = process.argv.slice(2)
const store = await openStore(nodeFs({ directory }))
const queue = await openQueue(store, 'q', { buckets: 2, segmentBytes: 20_000 })

async function appendForEver(caller) {
  for (let n = 0; ; n++) {
    const values = Array.from({ length: 1 + (n % 3) }, (_, i) => `${round}.${caller}.${n}.${i}.${'x'.repeat(n % 100)}`)
    const receipts = await queue.appendRecords(values.map((value) => ({ value, key: `${caller}` })))
    const lines = receipts.map(({ bucket, offset }, i) => JSON.stringify([bucket, offset, values[i]]))
    writeSync(1, `${lines.join('\n')}\n`)
  }
}

await Promise.all(Array.from({ length: Number(callers) }, (_, caller) => appendForEver(caller)))
