// A signed append-only log; it leaves syncing to the system.

import { join } from 'node:path'
import Hypercore from 'hypercore'
import { pack, unpacker } from '../records.mjs'

export async function open({ folder, format }) {
  const core = new Hypercore(join(folder, 'hypercore'))
  await core.ready()
  return {
    appendOne: (record) => core.append(pack(record)),
    appendBatch: (records) => core.append(records.map(pack)),
    read: () => readAll(core, unpacker(format)),
    close: () => core.close(),
  }
}

/** One `get` after the other, as there is none for several. */
async function readAll(core, unpack) {
  for (let index = 0; index < core.length; index++) unpack(await core.get(index))
  return core.length
}
