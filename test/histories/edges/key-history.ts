// Keys and values on a bucket, changed by several Workers: linearizable for each key.

import { openKv, openStore } from 'varve'
import { r2 } from 'varve/adapters/cloudflare-r2'
import { KvClient, type Numbers, unlinearizable } from '../kv-client.js'
import { Scheduler } from '../scheduler.js'
import type { Outcome } from './outcome.js'
import { type BucketFaults, SimulatedBucket } from './simulated-bucket.js'

const CALLS = 20

export async function keyHistory(seed: number, faults: BucketFaults): Promise<Outcome> {
  const scheduler = new Scheduler(seed)
  const bucket = new SimulatedBucket(scheduler)
  const opening = Array.from({ length: 2 + scheduler.below(3) }, async (_, name) => {
    const store = await openStore(r2({ bucket: bucket.client({ ...faults, canBeSettled: true }) }), { clock: scheduler.clock() })
    return new KvClient(scheduler, await openKv<Numbers>(store, 'kv'), name)
  })
  const clients = await Promise.all(opening)
  await scheduler.run(clients.map((client) => client.live(CALLS)))
  return { fault: unlinearizable(clients), calls: clients.length * CALLS, struck: bucket.struck }
}
