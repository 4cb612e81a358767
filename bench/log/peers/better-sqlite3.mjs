// SQLite with a write-ahead log: a record is a row.

import { join } from 'node:path'
import Database from 'better-sqlite3'
import { packValue, unpacker } from '../records.mjs'

export async function open({ folder, format, sync }) {
  const db = new Database(join(folder, 'log.sqlite'))
  db.pragma('journal_mode = WAL')
  db.pragma(`synchronous = ${sync === 'always' ? 'FULL' : 'OFF'}`)
  db.exec('CREATE TABLE log (seq INTEGER PRIMARY KEY, key TEXT, value, trace TEXT)')
  const insert = db.prepare('INSERT INTO log (key, value, trace) VALUES (?, ?, ?)')
  const select = db.prepare('SELECT key, value, trace FROM log ORDER BY seq')
  const add = (record) => insert.run(record.key, packValue(record), record.headers.trace)
  const addAll = db.transaction((records) => records.forEach(add))
  return {
    appendOne: async (record) => add(record),
    appendBatch: async (records) => addAll(records),
    read: async () => readAll(select, unpacker(format)),
    close: async () => db.close(),
  }
}

function readAll(select, unpack) {
  let count = 0
  for (const { value } of select.iterate()) {
    unpack(value)
    count++
  }
  return count
}
