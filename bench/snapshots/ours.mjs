// Our side of the rows with backup tools: files are streamed into snapshots, and streamed back to files.

import { createReadStream, createWriteStream, mkdirSync, readdirSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { openSnapshots, openStore } from '../../dist/index.js'

const SESSION = { agent: 'files', session: 'bench' }

export async function openOurs({ folder, compression, encryption }) {
  const store = await openStore('bench', { directory: folder })
  const secret = encryption ? { encryption: { key: new Uint8Array(32).fill(7) } } : {}
  const snapshots = await openSnapshots(store, { compression, ...secret })
  return {
    /** Of a file, or of each file of a folder. */
    async save(source) {
      for (const file of filesOf(source)) {
        await snapshots.save({
          ...SESSION,
          branch: basename(file),
          stream: Readable.toWeb(createReadStream(file, { highWaterMark: 2 ** 20 })),
        })
      }
    },
    /** The newest of each file; every byte is proved. */
    async restore(target) {
      mkdirSync(target, { recursive: true })
      const found = new Map()
      for await (const info of snapshots.list(SESSION)) if (!found.has(info.branch)) found.set(info.branch, info.id)
      for (const [name, id] of found) {
        await pipeline(Readable.fromWeb(await snapshots.stream(id)), createWriteStream(join(target, name)))
      }
    },
    async close() {
      await snapshots.close()
      await store.close()
    },
  }
}

function filesOf(source) {
  return statSync(source).isDirectory() ? readdirSync(source).map((name) => join(source, name)) : [source]
}
