// A Redis stream: XADD, XRANGE, XREADGROUP and XACK. A batch is one transaction.

import { createClient, RESP_TYPES } from 'redis'
import { packValue, unpacker } from '../records.mjs'
import { startRedis } from '../server.mjs'

const STREAM = 'log'
const GROUP = 'workers'
const READ = 1000
const RECEIVE = 100

export async function open({ folder, format, sync }) {
  const server = await startRedis(folder, sync)
  const plain = createClient({ socket: { host: '127.0.0.1', port: server.port } })
  await plain.connect()
  const client = format === 'json' ? plain : plain.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer })
  await client.xGroupCreate(STREAM, GROUP, '0', { MKSTREAM: true })
  const unpack = unpacker(format)
  return {
    appendOne: (record) => client.xAdd(STREAM, '*', fields(record)),
    appendBatch: async (records) => {
      const batch = client.multi()
      for (const record of records) batch.xAdd(STREAM, '*', fields(record))
      await batch.exec()
    },
    read: () => readAll(client, unpack),
    consume: (count) => receive(client, count, unpack),
    close: async () => {
      plain.destroy()
      await server.stop()
    },
  }
}

function fields(record) {
  return { key: record.key, value: packValue(record), trace: record.headers.trace }
}

async function readAll(client, unpack) {
  let count = 0
  for (let from = '-'; ; ) {
    const entries = await client.xRange(STREAM, from, '+', { COUNT: READ })
    for (const { message } of entries) unpack(message.value)
    count += entries.length
    if (entries.length < READ) return count
    from = `(${entries.at(-1).id}`
  }
}

async function receive(client, count, unpack) {
  for (let done = 0; done < count; ) {
    const [{ messages }] = await client.xReadGroup(GROUP, 'one', { key: STREAM, id: '>' }, { COUNT: RECEIVE })
    for (const { message } of messages) unpack(message.value)
    const ids = messages.map(({ id }) => id)
    await client.xAck(STREAM, GROUP, ids)
    done += messages.length
  }
}
