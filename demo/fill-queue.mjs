// Brings the input into the queue exactly once: a key-value entry says which input is there and whether all of it is. A run
// that was stopped in the middle is taken up where it ended, because records of one key keep their order.

import { openKv } from 'varve'
import { keyOf } from './analysis.mjs'
import { InputError, readValues } from './input.mjs'

const BATCH = 1000
const PAGE = 1000

/** Appends what is missing; resolves to { appended, ms }. InputError when the store holds another input. */
export async function fillQueue({ store, queue, input, plain, onProgress = () => {} }) {
  const marks = await openKv(store, 'demo')
  const mark = await marks.get('input')
  if (mark !== undefined && mark.identity !== plain.identity) throw otherInput(mark)
  if (mark?.complete) return { appended: 0, ms: 0 }
  const entry = { identity: plain.identity, name: input.name, records: plain.records, bytes: plain.bytes }
  await marks.put('input', { ...entry, complete: false })
  const begun = performance.now()
  const stored = mark === undefined ? new Map() : await countKeys(queue)
  const appended = await appendMissing({ queue, input, stored, onProgress })
  await marks.put('input', { ...entry, complete: true })
  return { appended, ms: performance.now() - begun }
}

function otherInput(mark) {
  return new InputError(
    `the store holds another input: ${mark.name}, ${mark.records} records (or the same with another --key or --sum)\n` +
      'give another --directory, or delete that one',
  )
}

async function appendMissing({ queue, input, stored, onProgress }) {
  let [bytes, appended, batch] = [0, 0, []]
  const flush = async () => {
    if (batch.length > 0) await queue.appendRecords(batch)
    appended += batch.length
    batch = []
    onProgress(bytes)
  }
  const onChunk = (chunk) => {
    bytes += chunk.length
  }
  for await (const value of readValues(input, { onChunk })) {
    const key = keyOf(value, input.keyField)
    if (takeStored(stored, key)) continue
    batch.push({ value, key })
    if (batch.length === BATCH) await flush()
  }
  await flush()
  return appended
}

/** True while this key has records in the log that were not passed over yet. */
function takeStored(stored, key) {
  const left = stored.get(key) ?? 0
  if (left > 0) stored.set(key, left - 1)
  return left > 0
}

async function countKeys(queue) {
  const counts = new Map()
  for (let bucket = 0; bucket < queue.buckets; bucket++) {
    for (let from = 0; ; ) {
      const records = await queue.read({ bucket, from, limit: PAGE })
      if (records.length === 0) break
      for (const { key } of records) counts.set(key, (counts.get(key) ?? 0) + 1)
      from = records.at(-1).offset + 1
    }
  }
  return counts
}
