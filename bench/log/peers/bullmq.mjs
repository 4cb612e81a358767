// BullMQ: jobs on a Redis, taken by one worker with 64 handlers at once that do nothing.

import { Queue, Worker } from 'bullmq'
import { startRedis } from '../server.mjs'

const CONCURRENCY = 64

export async function open({ folder, sync }) {
  const server = await startRedis(folder, sync)
  const connection = { host: '127.0.0.1', port: server.port, maxRetriesPerRequest: null }
  const queue = new Queue('log', { connection })
  const jobOf = (record) => ({ name: 'record', data: record, opts: { removeOnComplete: true } })
  let worker
  return {
    appendOne: (record) => queue.addBulk([jobOf(record)]),
    appendBatch: async (records) => {
      await worker?.close()
      await queue.addBulk(records.map(jobOf))
    },
    consume: (count) =>
      new Promise((resolve, reject) => {
        worker = new Worker('log', async () => {}, { connection, concurrency: CONCURRENCY })
        worker.on('completed', () => --count === 0 && resolve())
        worker.on('error', reject)
      }),
    close: async () => {
      await worker?.close()
      await queue.close()
      await server.stop()
    },
  }
}
