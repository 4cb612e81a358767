// Run by itself, so that its memory can be measured: streams so many MiB into a snapshot and back out again.
// node stream-through.mjs <folder> <MiB>

import { openSnapshots, openStore } from '../../dist/index.js'
import { numbers } from './data.mjs'

const [folder, mib] = process.argv.slice(2)
const MIB = 2 ** 20
const store = await openStore('bench', { directory: folder })
const snapshots = await openSnapshots(store)

/** In the same memory again and again: what is measured is not the source. */
async function* blocks() {
  const next = numbers(1)
  const words = new Uint32Array(MIB / 4)
  for (let block = 0; block < Number(mib); block++) {
    for (let at = 0; at < words.length; at++) words[at] = next()
    yield new Uint8Array(words.buffer)
  }
}

const info = await snapshots.save({ agent: 'files', session: 'bench', stream: blocks() })
let read = 0
for await (const part of await snapshots.stream(info.id)) read += part.length
if (read !== Number(mib) * MIB) throw new Error(`read ${read} bytes`)
await store.close()
