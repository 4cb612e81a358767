import { openKv, openStore } from 'varve'
import { faultBackend } from 'varve/testing'
import { expect, test } from 'vitest'
import { caseName, drawnCases, SCALE, SEED, seedOf, tally } from '../tally.js'
import { KvClient, type Numbers, unlinearizable } from './kv-client.js'
import { type Faults, Scheduler } from './scheduler.js'

const HISTORIES = 500 * SCALE
const CLIENTS = 5
const CALLS = 100
const FAULTS: readonly Faults[] = [
  { fail: 0, lose: 0 },
  { fail: 0.02, lose: 0.05 },
]

async function history(seed: number, faults: Faults): Promise<KvClient[]> {
  const scheduler = new Scheduler(seed, faults)
  const disk = faultBackend({ files: false })
  const opening = Array.from({ length: CLIENTS }, async (_, name) => {
    const store = await openStore(scheduler.client(disk.another()), { clock: scheduler.clock() })
    return new KvClient(scheduler, await openKv<Numbers>(store, 'kv'), name)
  })
  const clients = await Promise.all(opening)
  await scheduler.run(clients.map((client) => client.live(CALLS)))
  return clients
}

test(
  `${HISTORIES} histories of ${CLIENTS} clients with ${CALLS} calls each are linearizable for every key`,
  async () => {
    const begun = performance.now()
    let unknown = 0
    for (const n of drawnCases(HISTORIES)) {
      const seed = seedOf(n)
      const clients = await history(seed, FAULTS[n % FAULTS.length] as Faults)
      const calls = clients.flatMap((client) => client.calls)
      unknown += calls.filter(({ call }) => call.returned === Number.POSITIVE_INFINITY).length
      const fault = unlinearizable(clients)
      if (fault !== undefined) expect.fail(`${caseName(n)}, ${fault}`)
    }
    console.log(`${HISTORIES} histories, ${HISTORIES * CLIENTS * CALLS} calls, ${unknown} of unknown outcome`)
    tally({ row: 'linearizability', ran: HISTORIES, seed: SEED, ms: performance.now() - begun })
  },
  300_000 * SCALE,
)
