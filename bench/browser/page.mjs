// Measures on IndexedDB in the page; hands the cases of OPFS to the worker.

import { deleteDB, openDB } from 'idb'
import { destroy, openQueue, openStore } from '../../dist/index.js'
import { measure } from '../harness.mjs'
import { makeRecords } from '../payload.mjs'

const BATCH = 1000
const BATCHES = 4
const PEER = 'bench-rows'

const records = makeRecords(BATCH)

globalThis.benchIndexedDb = (runs) =>
  measure(
    {
      title: `Chromium, IndexedDB, batch of ${BATCH}`,
      peer: 'idb, one row a record, one transaction',
      gate: 5,
      records: BATCH * BATCHES,
      open: openSides,
    },
    runs,
  )

globalThis.benchOpfs = (runs) =>
  new Promise((resolve, reject) => {
    const worker = new Worker('/worker.js', { type: 'module' })
    worker.onerror = (event) => reject(new Error(event.message))
    worker.onmessage = ({ data }) => {
      worker.terminate()
      if (data.error === undefined) resolve(data.result)
      else reject(new Error(data.error))
    }
    worker.postMessage(runs)
  })

/** With one batch in the queue: its making is not part of an append. */
async function openSides() {
  const store = await openStore('bench')
  const queue = await openQueue(store, 'orders')
  const rows = await openDB(PEER, 1, { upgrade: (db) => void db.createObjectStore('rows', { autoIncrement: true }) })
  await queue.appendRecords(records)
  return {
    ours: async () => {
      for (let i = 0; i < BATCHES; i++) await queue.appendRecords(records)
    },
    peer: async () => {
      for (let i = 0; i < BATCHES; i++) await putRows(rows)
    },
    close: async () => {
      await queue.close()
      await store.close()
      rows.close()
      await Promise.all([destroy('bench'), deleteDB(PEER)])
    },
  }
}

/** Both at the durability that browsers have by default. */
async function putRows(rows) {
  const transaction = rows.transaction('rows', 'readwrite', { durability: 'relaxed' })
  for (const record of records) void transaction.store.put(record)
  await transaction.done
}
