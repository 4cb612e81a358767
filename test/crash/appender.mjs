// A process that appends until it is killed, and says each receipt at once. It has read its modules and waits when it says
// `ready`; the line that it gets then says how to live.

import { writeSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { openQueue, openStore } from 'varve'
import { nodeFs } from 'varve/adapters/node-fs'

createInterface({ input: process.stdin }).once('line', (line) => live(JSON.parse(line)))
writeSync(1, 'ready\n')

async function live({ directory, life, callers, batch, bytes, options }) {
  const store = await openStore(nodeFs({ directory }))
  const queue = await openQueue(store, 'q', options)
  await Promise.all(Array.from({ length: callers }, (_, caller) => appendForEver(queue, { life, caller, batch, bytes })))
}

async function appendForEver(queue, { life, caller, batch, bytes }) {
  for (let n = 0; ; n++) {
    const values = Array.from({ length: 1 + (n % batch) }, (_, i) => `${life}.${caller}.${n}.${i}.${'x'.repeat((n * 7) % bytes)}`)
    const receipts = await queue.appendRecords(values.map((value, i) => ({ value, key: `${caller}.${i}` })))
    const lines = receipts.map(({ bucket, offset }, i) => JSON.stringify([bucket, offset, values[i]]))
    writeSync(1, `${lines.join('\n')}\n`)
  }
}
