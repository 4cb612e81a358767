// Writers and readers of one log on a bucket, each of whom opens it again and again, as Workers do for every request.

import { isStorageError, openQueue, openStore, type Queue } from 'varve'
import { r2 } from 'varve/adapters/cloudflare-r2'
import type { Clock } from 'varve'
import { contentOf, LogClient } from '../log-client.js'
import { faultOf } from '../log-model.js'
import { Scheduler } from '../scheduler.js'
import { type BucketFaults, SimulatedBucket } from './simulated-bucket.js'
import type { Outcome } from './outcome.js'

const REQUESTS = 6
const CALLS = 5
const SEGMENT_BYTES = 900
const MINUTE_MS = 60_000

export async function logHistory(seed: number, faults: BucketFaults): Promise<Outcome> {
  const scheduler = new Scheduler(seed)
  const bucket = new SimulatedBucket(scheduler)
  await openQueue<string>(await openStore(r2({ bucket: bucket.quiet() })), 'q')
  const clients = Array.from({ length: 2 + scheduler.below(2) }, (_, name) => new LogClient(scheduler, `${name}`))
  const clocks = clients.map(() => scheduler.clock())
  await scheduler.run(
    clients.map(async (client, index) => {
      for (let n = 0; n < REQUESTS; n++) {
        if (scheduler.isChosen(0.2)) await scheduler.pass(scheduler.below(12) * MINUTE_MS)
        await request(client, bucket, faults, clocks[index] as Clock, scheduler)
      }
    }),
  )
  const queue = await openQueue<string>(await openStore(r2({ bucket: bucket.quiet() })), 'q')
  const calls = clients.flatMap((client) => client.calls)
  return { fault: faultOf(calls, await contentOf(queue)), calls: calls.length, struck: bucket.struck }
}

/** What a backend that fails for long cannot do is not done; nothing else may fail. */
async function request(
  client: LogClient,
  bucket: SimulatedBucket,
  faults: BucketFaults,
  clock: Clock,
  scheduler: Scheduler,
): Promise<void> {
  const store = await openStore(r2({ bucket: bucket.client(faults) }), { clock })
  try {
    const queue = await openQueue<string>(store, 'q', { segmentBytes: SEGMENT_BYTES })
    for (let n = 0; n < CALLS; n++) await act(client, queue, scheduler)
    await store.close()
  } catch (error) {
    if (!isStorageError(error, 'unavailable')) throw error
  }
}

async function act(client: LogClient, queue: Queue<string>, scheduler: Scheduler): Promise<void> {
  if (scheduler.isChosen(0.05)) await queue.compact()
  const code = await client.act(queue)
  if (code !== undefined && code !== 'unavailable') throw new Error(`an append failed with ${code}`)
}
