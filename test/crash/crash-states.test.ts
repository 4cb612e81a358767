import type { QueueOptions } from 'varve'
import { type CrashOptions, type CrashState, faultBackend, type FaultBackendOptions, seededRandom } from 'varve/testing'
import { beforeAll, describe, expect, test } from 'vitest'
import { SCALE, SEED, tally } from '../tally.js'
import { checkLife, type Checked, learnKeys } from './check-state.js'
import { live } from './workload.js'

const MOST_LIVES = 20_000

type Options = QueueOptions<string> & { readonly buckets: number }

interface Scenario {
  readonly name: string
  readonly backend: FaultBackendOptions
  readonly options: readonly Options[]
  /** Distinct states to reach, each with an acknowledged record at risk. */
  readonly states: number
  readonly sessions: number
  readonly rounds: number
  /** Where nothing is left unsynced, both failures leave the same. */
  readonly failures?: CrashOptions['failures']
}

const scenarios: readonly Scenario[] = [
  {
    name: 'files, every append synced',
    backend: {},
    options: [1, 2, 3].map((buckets) => ({ buckets, segmentBytes: 900 })),
    states: 14_000,
    sessions: 2,
    rounds: 8,
  },
  {
    name: 'files, synced now and then',
    backend: {},
    options: [
      { buckets: 1, segmentBytes: 900, sync: { everyRecords: 4 } },
      { buckets: 2, segmentBytes: 1500, sync: { everyRecords: 7 } },
      { buckets: 2, segmentBytes: 1500, sync: 'never' },
    ],
    states: 6_500,
    sessions: 2,
    rounds: 8,
  },
  {
    name: 'chunks',
    backend: { files: false },
    options: [1, 2, 4].map((buckets) => ({ buckets })),
    states: 11_000,
    sessions: 2,
    rounds: 4,
    failures: ['power'],
  },
  {
    name: 'chunks, put strictly where puts are relaxed',
    backend: { files: false, defaultDurability: 'relaxed' },
    options: [1, 3].map((buckets) => ({ buckets, durability: 'strict' })),
    states: 10_000,
    sessions: 2,
    rounds: 4,
  },
]

beforeAll(() => learnKeys(faultBackend(), [1, 2, 3, 4]))

describe('whatever a crash leaves', () => {
  for (const scenario of scenarios) {
    test(`keeps what was acknowledged: ${scenario.name}`, async () => {
      const from = performance.now()
      const { atRisk } = await reach(scenario)
      tally({ row: `crash at every write and sync: ${scenario.name}`, ran: atRisk, seed: SEED, ms: performance.now() - from })
      expect(atRisk).toBeGreaterThanOrEqual(scenario.states * SCALE)
    })
  }
})

/** One life after the other; each second one begins in what a crash of the one before it left. */
async function reach(scenario: Scenario): Promise<Checked> {
  const checked: Checked = { atRisk: 0, all: 0 }
  for (let seed = SEED; seed < SEED + MOST_LIVES * SCALE && checked.atRisk < scenario.states * SCALE; seed++) {
    const options = scenario.options[seed % scenario.options.length] as Options
    const plan = { options, sessions: scenario.sessions, rounds: scenario.rounds }
    const crashes = { seed, backend: scenario.backend, ...(scenario.failures === undefined ? {} : { failures: scenario.failures }) }
    const life = await live(faultBackend(scenario.backend), { ...plan, seed: 2 * seed })
    const states = await checkLife(life, checked, crashes)
    const next = await live(pick(states, seed).open(), { ...plan, seed: 2 * seed + 1, sessions: 1 })
    await checkLife(next, checked, crashes)
  }
  return checked
}

/** A state of the later half. */
function pick(states: readonly CrashState[], seed: number): CrashState {
  const half = states.length >> 1
  return states[half + Math.floor(seededRandom(seed)() * (states.length - half))] as CrashState
}
