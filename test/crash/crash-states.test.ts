import type { QueueOptions } from 'varve'
import { type CrashOptions, type CrashState, faultBackend, type FaultBackendOptions, seededRandom } from 'varve/testing'
import { beforeAll, describe, expect, test } from 'vitest'
import { checkLife, learnKeys, type Tally } from './check-state.js'
import { live } from './workload.js'

const SCALE = Number(process.env.VARVE_TORTURE ?? 1)
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
      const tally = await reach(scenario)
      console.log(`${scenario.name}: ${tally.counted} distinct states with an acknowledged record at risk, ${tally.checked} checked`)
      expect(tally.counted).toBeGreaterThanOrEqual(scenario.states * SCALE)
    })
  }
})

/** One life after the other; each second one begins in what a crash of the one before it left. */
async function reach(scenario: Scenario): Promise<Tally> {
  const tally: Tally = { counted: 0, checked: 0 }
  for (let seed = 1; seed <= MOST_LIVES * SCALE && tally.counted < scenario.states * SCALE; seed++) {
    const options = scenario.options[seed % scenario.options.length] as Options
    const plan = { options, sessions: scenario.sessions, rounds: scenario.rounds }
    const crashes = { seed, backend: scenario.backend, ...(scenario.failures === undefined ? {} : { failures: scenario.failures }) }
    const life = await live(faultBackend(scenario.backend), { ...plan, seed: 2 * seed })
    const states = await checkLife(life, tally, crashes)
    const next = await live(pick(states, seed).open(), { ...plan, seed: 2 * seed + 1, sessions: 1 })
    await checkLife(next, tally, crashes)
  }
  return tally
}

/** A state of the later half. */
function pick(states: readonly CrashState[], seed: number): CrashState {
  const half = states.length >> 1
  return states[half + Math.floor(seededRandom(seed)() * (states.length - half))] as CrashState
}
