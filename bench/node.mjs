// The queue on files against plain files in the same directory.

import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { openQueue, openStore } from '../dist/index.js'
import { murmur3 } from '../dist/core/codec/murmur3.js'
import { makeRecords } from './payload.mjs'
import { RawLog } from './raw-log.mjs'

const CALLERS = 64
const APPENDS_A_CALLER = 100
const SINGLE_APPENDS = 500
const BATCH = 1000
const BATCHES = 10

const records = makeRecords(BATCH)

/** The cases; `folder` says on which file system. */
export function nodeCases(folder) {
  const manyCallers = (files) => ({
    title: `Node, durable append, ${CALLERS} callers, ${files === 1 ? '1 bucket' : `${files} buckets`}`,
    peer: `raw group commit, ${files === 1 ? '1 file' : `${files} files`}`,
    gate: 0.5,
    records: CALLERS * APPENDS_A_CALLER,
    open: () => openSides(folder, files, callersSides),
  })
  return [
    manyCallers(1),
    manyCallers(4),
    {
      title: 'Node, durable append, 1 caller',
      peer: 'raw writeSync + fdatasync',
      gate: 0.7,
      records: SINGLE_APPENDS,
      open: () => openSides(folder, 1, singleSides),
    },
    {
      title: `Node, durable batch of ${BATCH}`,
      peer: 'raw, same encoding, one write + fdatasync',
      gate: 0.4,
      records: BATCH * BATCHES,
      open: () => openSides(folder, 1, batchSides),
    },
  ]
}

/** With one batch in each: making files and taking ownership is not part of an append. */
async function openSides(folder, files, work) {
  const place = mkdtempSync(join(folder, 'varve-bench-'))
  const store = await openStore('bench', { directory: join(place, 'store') })
  const queue = await openQueue(store, 'orders', { buckets: files })
  const logs = Array.from({ length: files }, (_, index) => new RawLog(join(place, `raw-${index}`)))
  await queue.appendRecords(records)
  for (const log of logs) await log.write(records)
  const close = async () => {
    await queue.close()
    await store.close()
    for (const log of logs) log.close()
    rmSync(place, { recursive: true, force: true })
  }
  return { ...work(queue, logs), close }
}

/** Each caller waits for its answer before it appends again. The peer's files get the records that our buckets get. */
function callersSides(queue, logs) {
  const fileOf = records.map(({ key }) => murmur3(Buffer.from(key)) % logs.length)
  const callers = async (append) => {
    const caller = async (number) => {
      for (let i = 0; i < APPENDS_A_CALLER; i++) await append((number * APPENDS_A_CALLER + i) % BATCH)
    }
    await Promise.all(Array.from({ length: CALLERS }, (_, number) => caller(number)))
  }
  return {
    ours: () => callers((index) => appendOne(queue, records[index])),
    peer: () => callers((index) => logs[fileOf[index]].append(records[index])),
  }
}

function singleSides(queue, [log]) {
  return {
    ours: async () => {
      for (let i = 0; i < SINGLE_APPENDS; i++) await appendOne(queue, records[i])
    },
    peer: async () => {
      for (let i = 0; i < SINGLE_APPENDS; i++) await log.write([records[i]])
    },
  }
}

function batchSides(queue, [log]) {
  return {
    ours: async () => {
      for (let i = 0; i < BATCHES; i++) await queue.appendRecords(records)
    },
    peer: async () => {
      for (let i = 0; i < BATCHES; i++) await log.write(records)
    },
  }
}

function appendOne(queue, { key, value, headers }) {
  return queue.append(value, { key, headers })
}
