// A process that replicates live until it is killed, and says how far it has come. The source is the store of another process.

import { writeSync } from 'node:fs'
import { openStore, replicate } from 'varve'
import { nodeFs } from 'varve/adapters/node-fs'

const [source, target] = process.argv.slice(2)
await replicate(await openStore(nodeFs({ directory: source }), { mode: 'read' }), await openStore(nodeFs({ directory: target })), {
  live: true,
  onProgress: ({ bucket, next }) => writeSync(1, `${bucket} ${next}\n`),
})
