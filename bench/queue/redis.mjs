// Our group on Redis next to what one would write by hand, on the same server.

import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createClient } from 'redis'
import { redis } from '../../dist/adapters/redis/index.js'
import { openQueue } from '../../dist/index.js'
import { TURNS } from '../harness.mjs'
import { startRedis } from '../log/server.mjs'
import { makeRecords } from '../payload.mjs'

const STREAM = 'by-hand'
const GROUP = 'workers'

/** Both sides find the records of all turns waiting. */
export async function redisSides(folder, { records, limit }) {
  const place = mkdtempSync(join(folder, 'varve-bench-'))
  const server = await startRedis(place, 'always')
  const client = createClient({ socket: { host: '127.0.0.1', port: server.port } })
  await client.connect()
  const backend = redis({ client })
  const queue = await openQueue(backend, 'orders')
  const payload = makeRecords(records)
  for (let turn = 0; turn < TURNS; turn++) {
    await queue.appendRecords(payload)
    await addByHand(client, payload)
  }
  await client.xGroupCreate(STREAM, GROUP, '0')
  const group = await queue.group(GROUP)
  const close = async () => {
    await backend.close()
    client.destroy()
    await server.stop()
    rmSync(place, { recursive: true, force: true })
  }
  return { ours: () => receive(group, records, limit), peer: () => receiveByHand(client, records, limit), close }
}

async function addByHand(client, payload) {
  const batch = client.multi()
  for (const { key, value, headers } of payload) batch.xAdd(STREAM, '*', { key, value: JSON.stringify(value), trace: headers.trace })
  await batch.exec()
}

async function receive(group, count, limit) {
  for (let done = 0; done < count; ) {
    const deliveries = await group.receive({ limit })
    await group.ack(deliveries)
    done += deliveries.length
  }
}

async function receiveByHand(client, count, limit) {
  for (let done = 0; done < count; ) {
    const [{ messages }] = await client.xReadGroup(GROUP, 'one', { key: STREAM, id: '>' }, { COUNT: limit })
    for (const { message } of messages) JSON.parse(message.value)
    await client.xAck(
      STREAM,
      GROUP,
      messages.map(({ id }) => id),
    )
    done += messages.length
  }
}
