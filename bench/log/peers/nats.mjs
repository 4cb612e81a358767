// NATS JetStream on files, which syncs every two minutes: never on a row that promises the disk.

import { AckPolicy, connect } from 'nats'
import { pack, unpacker } from '../records.mjs'
import { startServer } from '../server.mjs'

const NAME = 'log'
const GROUP = 'workers'
const FETCH = 500

export async function open({ folder, format }) {
  const makeArgs = (port) => ['-js', '-sd', folder, '-a', '127.0.0.1', '-p', String(port)]
  const server = await startServer('nats-server', makeArgs, folder)
  const connection = await connect({ servers: `127.0.0.1:${server.port}` })
  const manager = await connection.jetstreamManager()
  await manager.streams.add({ name: NAME, subjects: [NAME], storage: 'file' })
  await manager.consumers.add(NAME, { durable_name: GROUP, ack_policy: AckPolicy.Explicit, max_ack_pending: -1 })
  const stream = connection.jetstream()
  const consumer = await stream.consumers.get(NAME, GROUP)
  const appendOne = (record) => stream.publish(NAME, pack(record))
  return {
    appendOne,
    appendBatch: (records) => Promise.all(records.map(appendOne)),
    consume: (count) => receive({ connection, consumer, unpack: unpacker(format) }, count),
    close: async () => {
      await connection.close()
      await server.stop()
    },
  }
}

async function receive({ connection, consumer, unpack }, count) {
  for (let done = 0; done < count; ) {
    for await (const message of await consumer.fetch({ max_messages: Math.min(FETCH, count - done) })) {
      unpack(Buffer.from(message.data))
      message.ack()
      done++
    }
  }
  await connection.flush()
}
