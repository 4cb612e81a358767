import { describe, expect, test } from 'vitest'
import { caseName, drawnCases, SCALE, SEED, seedOf, tally } from '../tally.js'
import { groupHistory } from './edges/group-history.js'
import { keyHistory } from './edges/key-history.js'
import { logHistory } from './edges/log-history.js'
import type { Outcome } from './edges/outcome.js'
import type { BucketFaults } from './edges/simulated-bucket.js'
import { staleHistory } from './edges/stale-history.js'

const HISTORIES = 500 * SCALE
const ROW = 'KV staleness, R2 and S3 faults, Redis restarts'
const FAULTS: readonly BucketFaults[] = [
  { rate: 0, isSlow: true },
  { rate: 0.03, isSlow: false },
  { rate: 0.1, isSlow: true },
  { rate: 0.25, isSlow: false },
]

const worlds: readonly { readonly what: string; readonly history: (seed: number, faults: BucketFaults) => Promise<Outcome> }[] = [
  { what: 'a log on a bucket', history: logHistory },
  { what: 'a group on a bucket', history: groupHistory },
  { what: 'keys on a bucket', history: keyHistory },
  { what: 'keys on KV in several places', history: staleHistory },
]

describe.each(worlds)('$what', ({ what, history }) => {
  test(`${HISTORIES} histories`, async () => {
    const begun = performance.now()
    const struck = new Map<string, number>()
    let calls = 0
    let ran = 0
    for (const n of drawnCases(HISTORIES)) {
      const outcome = await history(seedOf(n), FAULTS[n % FAULTS.length] as BucketFaults)
      expect(outcome.fault, caseName(n)).toBeUndefined()
      calls += outcome.calls
      ran++
      for (const [fault, count] of outcome.struck) struck.set(fault, (struck.get(fault) ?? 0) + count)
    }
    console.log(`${what}: ${ran} histories, ${calls} calls, ${[...struck].map(([fault, count]) => `${fault} ${count}`).join(', ')}`)
    tally({ row: `${ROW}: ${what}`, ran, seed: SEED, ms: performance.now() - begun })
  }, 300_000)
})
