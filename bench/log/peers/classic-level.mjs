// LevelDB: a record is a value under a rising number.

import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { pack, unpacker } from '../records.mjs'

const READ = 1000

export async function open({ folder, format, sync }) {
  const db = new ClassicLevel(join(folder, 'level'), { keyEncoding: 'buffer', valueEncoding: 'buffer' })
  await db.open()
  const options = { sync: sync === 'always' }
  let next = 0
  const key = () => {
    const bytes = Buffer.allocUnsafe(8)
    bytes.writeBigUInt64BE(BigInt(next++))
    return bytes
  }
  return {
    appendOne: (record) => db.put(key(), pack(record), options),
    appendBatch: (records) =>
      db.batch(
        records.map((record) => ({ type: 'put', key: key(), value: pack(record) })),
        options,
      ),
    read: () => readAll(db, unpacker(format)),
    close: () => db.close(),
  }
}

async function readAll(db, unpack) {
  const values = db.values()
  let count = 0
  for (;;) {
    const stored = await values.nextv(READ)
    if (stored.length === 0) break
    stored.map(unpack)
    count += stored.length
  }
  await values.close()
  return count
}
