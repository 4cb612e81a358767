// Run by itself, so that its memory can be measured: streams so many MiB into a snapshot and back out again.
// node stream-through.mjs <folder> <MiB>

import { openSnapshots, openStore } from '../../dist/index.js'
import { numbers } from './data.mjs'

const [folder, mib] = process.argv.slice(2)
const MIB = 2 ** 20
const store = await openStore('bench', { directory: folder })
const snapshots = await openSnapshots(store)

async function* blocks() {
  const next = numbers(1)
  for (let block = 0; block < Number(mib); block++) yield new Uint8Array(Uint32Array.from({ length: MIB / 4 }, next).buffer)
}

const info = await snapshots.save({ agent: 'files', session: 'bench', stream: blocks() })
let read = 0
for await (const part of await snapshots.stream(info.id)) read += part.length
if (read !== Number(mib) * MIB) throw new Error(`read ${read} bytes`)
await store.close()
