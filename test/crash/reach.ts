// Lives on the simulated disk, one after the other, until enough distinct crash states of them were checked.

import type { QueueOptions } from 'varve'
import { type CrashOptions, type CrashState, type FaultBackend, faultBackend, type FaultBackendOptions, seededRandom } from 'varve/testing'
import { expect, test } from 'vitest'
import { SCALE, SEED, tally } from '../tally.js'
import { checkLife, type Checked, learnKeys } from './check-state.js'
import { A_DAY_MS } from './group-diary.js'
import { live } from './workload.js'

const MOST_LIVES = 20_000
const BEGIN_MS = Date.UTC(2024, 0, 1)

export interface Scenario {
  readonly name: string
  readonly backend: FaultBackendOptions
  readonly options: readonly (QueueOptions<string> & { readonly buckets: number })[]
  /** Distinct states to reach, each with an acknowledged record at risk. */
  readonly states: number
  readonly sessions: number
  readonly rounds: number
  /** Where nothing is left unsynced, both failures leave the same. */
  readonly failures?: CrashOptions['failures']
  /** What stands between the store and the disk. */
  readonly over?: (disk: FaultBackend) => FaultBackend
}

export function testScenarios(scenarios: readonly Scenario[]): void {
  for (const scenario of scenarios) {
    test(`keeps what was acknowledged: ${scenario.name}`, async () => {
      const from = performance.now()
      await learnKeys(faultBackend(), [1, 2, 3, 4])
      const { atRisk } = await reach(scenario)
      tally({ row: `crash at every write and sync: ${scenario.name}`, ran: atRisk, seed: SEED, ms: performance.now() - from })
      expect(atRisk).toBeGreaterThanOrEqual(scenario.states * SCALE)
    })
  }
}

/** One life after the other; each second one begins in what a crash of the one before it left. */
async function reach(scenario: Scenario): Promise<Checked> {
  const checked: Checked = { atRisk: 0, all: 0 }
  for (let seed = SEED; seed < SEED + MOST_LIVES * SCALE && checked.atRisk < scenario.states * SCALE; seed++) {
    const options = scenario.options[seed % scenario.options.length] as Scenario['options'][number]
    const plan = { options, sessions: scenario.sessions, rounds: scenario.rounds, now: BEGIN_MS }
    const crashes = { seed, backend: scenario.backend, ...(scenario.failures === undefined ? {} : { failures: scenario.failures }) }
    const over = scenario.over ?? ((disk) => disk)
    const life = await live(over(faultBackend(scenario.backend)), { ...plan, seed: 2 * seed })
    const states = await checkLife(life, checked, crashes, over)
    const next = await live(pick(states, seed).open(), { ...plan, seed: 2 * seed + 1, sessions: 1, now: life.clock.now() + A_DAY_MS })
    await checkLife(next, checked, crashes, over)
  }
  return checked
}

/** A state of the later half. */
function pick(states: readonly CrashState[], seed: number): CrashState {
  const half = states.length >> 1
  return states[half + Math.floor(seededRandom(seed)() * (states.length - half))] as CrashState
}
