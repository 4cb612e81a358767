// LMDB: a record is a value under a rising number. `flushed` is what says that a commit is on disk.

import { join } from 'node:path'
import { open as openDatabase } from 'lmdb'
import { pack, unpacker } from '../records.mjs'

export async function open({ folder, format, sync }) {
  const isSynced = sync === 'always'
  const db = openDatabase({ path: join(folder, 'lmdb'), encoding: 'binary', noSync: !isSynced })
  let next = 0
  const settled = () => (isSynced ? db.flushed : undefined)
  return {
    appendOne: async (record) => {
      await db.put(next++, pack(record))
      await settled()
    },
    appendBatch: async (records) => {
      db.transactionSync(() => {
        for (const record of records) db.putSync(next++, pack(record))
      })
      await settled()
    },
    read: async () => readAll(db, unpacker(format)),
    close: () => db.close(),
  }
}

function readAll(db, unpack) {
  let count = 0
  for (const { value } of db.getRange({})) {
    unpack(value)
    count++
  }
  return count
}
