import { openQueue, openStore } from 'varve'
import { faultBackend } from 'varve/testing'
import { describe, expect, test } from 'vitest'
import { caseName, drawnCases, SCALE, SEED, seedOf, tally } from '../tally.js'
import { contentOf, LogClient } from './log-client.js'
import { faultOf } from './log-model.js'
import { type Faults, Scheduler } from './scheduler.js'

const HISTORIES = 150 * SCALE
const CALLS = 30
const FAULTS: readonly Faults[] = [
  { fail: 0, lose: 0 },
  { fail: 0.05, lose: 0.05 },
]
const SEGMENT_BYTES = 900
const MINUTE_MS = 60_000

/** What lies on the disk at the end, besides the outcome. */
interface History {
  readonly fault: string | undefined
  readonly segments: number
  readonly chunks: number
}

/**
 * Writers that share a log while its chunks are merged and deleted, by roll points and by calls of `compact`. Time passes in
 * steps that are long against the grace, for those who wait for their turn too: they are the stalled writers.
 */
async function history(seed: number, faults: Faults, batch: boolean): Promise<History> {
  const scheduler = new Scheduler(seed, faults)
  const disk = faultBackend({ files: false })
  await openQueue<string>(await openStore(disk.another()), 'q')
  const clients = Array.from({ length: 2 + scheduler.below(3) }, (_, name) => new LogClient(scheduler, `${name}`))
  await scheduler.run(
    clients.map(async (client) => {
      const store = await openStore(scheduler.client(disk.another(), batch), { clock: scheduler.clock() })
      const queue = await openQueue<string>(store, 'q', { segmentBytes: SEGMENT_BYTES })
      for (let n = 0; n < CALLS; n++) {
        if (scheduler.isChosen(0.1)) await scheduler.pass(scheduler.below(12) * MINUTE_MS)
        if (scheduler.isChosen(0.05)) await queue.compact().catch((error) => expect(error).toMatchObject({ code: 'unavailable' }))
        const code = await client.act(queue)
        if (code !== undefined) expect(code).toBe('unavailable')
      }
      await store.close()
    }),
  )
  const content = await contentOf(await openQueue<string>(await openStore(disk.another()), 'q'))
  const fault = faultOf(
    clients.flatMap(({ calls }) => calls),
    content,
  )
  const keys: string[] = []
  for await (const { key } of disk.another().blobs.list()) keys.push(key)
  const holding = (folder: string): number => keys.filter((key) => key.includes(folder)).length
  return { fault, segments: holding('/seg/'), chunks: holding('/log/0') }
}

describe.each([
  { what: 'the manifest checked in each commit', batch: true },
  { what: 'one write a commit', batch: false },
])('a log whose chunks are merged, with $what', ({ what, batch }) => {
  test(
    `${HISTORIES} histories: offsets once, compare-and-append and reads linearizable`,
    async () => {
      const begun = performance.now()
      let segments = 0
      let chunks = 0
      for (const n of drawnCases(HISTORIES)) {
        const made = await history(seedOf(n), FAULTS[n % FAULTS.length] as Faults, batch)
        expect(made.fault, caseName(n)).toBeUndefined()
        segments += made.segments
        chunks += made.chunks
      }
      expect(segments).toBeGreaterThan(HISTORIES)
      console.log(`${HISTORIES} histories, ${segments} segments and ${chunks} chunks at their ends`)
      tally({ row: `several writers while chunks are merged: ${what}`, ran: HISTORIES, seed: SEED, ms: performance.now() - begun })
    },
    300_000 * SCALE,
  )
})
