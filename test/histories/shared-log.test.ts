import { openQueue, openStore } from 'varve'
import { faultBackend } from 'varve/testing'
import { expect, test } from 'vitest'
import { caseName, drawnCases, SCALE, SEED, seedOf, tally } from '../tally.js'
import { contentOf, LogClient } from './log-client.js'
import { faultOf } from './log-model.js'
import { type Faults, Scheduler } from './scheduler.js'

const HISTORIES = 500 * SCALE
const CALLS = 30
const FAULTS: readonly Faults[] = [
  { fail: 0, lose: 0 },
  { fail: 0.05, lose: 0.05 },
]

/** Everybody may write: two to five clients, some with a clock that is set back on the way. */
async function faultOfHistory(seed: number, faults: Faults): Promise<{ fault: string | undefined; calls: number }> {
  const scheduler = new Scheduler(seed, faults)
  const disk = faultBackend({ files: false })
  await openQueue<string>(await openStore(disk.another()), 'q')
  const clients = Array.from({ length: 2 + scheduler.below(4) }, (_, name) => new LogClient(scheduler, `${name}`))
  await scheduler.run(
    clients.map(async (client) => {
      const clock = scheduler.clock()
      const queue = await openQueue<string>(await openStore(scheduler.client(disk.another()), { clock }), 'q')
      for (let n = 0; n < CALLS; n++) {
        if (scheduler.isChosen(0.03)) await clock.set(clock.now() - scheduler.below(3_600_000))
        const code = await client.act(queue)
        if (code !== undefined) expect(code).toBe('unavailable')
      }
    }),
  )
  const content = await contentOf(await openQueue<string>(await openStore(disk.another()), 'q'))
  const calls = clients.flatMap((client) => client.calls)
  return { fault: faultOf(calls, content), calls: calls.length }
}

test(
  `${HISTORIES} histories of writers that share a log: offsets once, compare-and-append and reads linearizable`,
  async () => {
    const begun = performance.now()
    let made = 0
    for (const n of drawnCases(HISTORIES)) {
      const { fault, calls } = await faultOfHistory(seedOf(n), FAULTS[n % FAULTS.length] as Faults)
      expect(fault, caseName(n)).toBeUndefined()
      made += calls
    }
    console.log(`${HISTORIES} histories, ${made} calls`)
    tally({ row: 'several writers: chunks', ran: HISTORIES, seed: SEED, ms: performance.now() - begun })
  },
  300_000 * SCALE,
)
