// All sequences of a few operations, each crashed in every way: most known crash bugs need no more.

import { type CrashState, crashStates, type DiskImage, type FaultBackend, faultBackend, type FaultBackendOptions } from 'varve/testing'
import { describe, expect, test } from 'vitest'
import { SCALE, tally } from '../tally.js'
import { carried, checkWorld, NOTHING_HAPPENED, placed } from './check-world.js'
import { imageOf } from './images.js'
import { type Operation, sequences } from './operations.js'
import { NOTHING, type Notes, SmallWorld, type SmallWorldOptions } from './small-world.js'

const LONGEST = SCALE > 1 ? 3 : 2
/** The recovery itself is cut in one of so many states. */
const RECOVERY_CUT_EVERY = 64

const backends: readonly { readonly name: string; readonly options: FaultBackendOptions }[] = [
  { name: 'files', options: {} },
  { name: 'chunks', options: { files: false } },
  { name: 'chunks, put relaxedly', options: { files: false, defaultDurability: 'relaxed', relaxedLoss: 'suffix' } },
]

interface Start {
  readonly image: DiskImage
  readonly notes: Notes
}

const EMPTY: Start = { image: { files: new Map(), blobs: new Map() }, notes: NOTHING }

describe('whatever a crash leaves of a few operations', () => {
  for (const { name, options } of backends) {
    test(`keeps what was acknowledged: ${name}`, async () => {
      const from = performance.now()
      let states = 0
      for (const start of [EMPTY, await furnished(options)]) {
        for (let length = 1; length <= LONGEST; length++) {
          for (const sequence of sequences(length)) states += await checkSequence(start, options, sequence)
        }
      }
      tally({ row: `exhaustive small workloads: ${name}, up to ${LONGEST} operations`, ran: states, ms: performance.now() - from })
      expect(states).toBeGreaterThan(1_000)
    })
  }
})

async function furnished(options: FaultBackendOptions): Promise<Start> {
  const backend = faultBackend(options)
  const world = new SmallWorld(worldOptions(backend, NOTHING))
  await world.furnish()
  await world.abandon()
  return { image: await imageOf(backend.another()), notes: carried(world.notes, NOTHING_HAPPENED) }
}

function worldOptions(backend: FaultBackend, notes: Notes): SmallWorldOptions {
  const isStrict = backend.blobs.traits.durable === 'disk'
  return { recording: backend.recording, connect: () => backend.another(), isStrict, notes }
}

/** Crashes in the last operation only: the ones before it were the last of a shorter sequence. */
async function checkSequence(start: Start, options: FaultBackendOptions, sequence: readonly Operation[]): Promise<number> {
  const name = sequence.map((operation) => operation.name).join(', ')
  const backend = faultBackend({ ...options, image: start.image, lastLockToken: 10 })
  const world = new SmallWorld(worldOptions(backend, start.notes))
  let from = 0
  for (const operation of sequence) {
    from = world.count
    await operation.run(world).catch((cause) => {
      throw placed(`${operation.name} of ${name}`, cause)
    })
  }
  const seen = new Set<string>()
  for (const state of crashStates(backend.recording, { from, backend: options, samples: 2 })) {
    const identity = `${state.identity} ${state.failure}`
    if (seen.has(identity)) continue
    seen.add(identity)
    await checkState(state, world.notes).catch((cause) => {
      throw placed(`${name}; ${state.description}`, cause)
    })
    if (seen.size % RECOVERY_CUT_EVERY === 0) await checkCutRecovery(state, world.notes, options, name)
  }
  return seen.size
}

async function checkState(state: CrashState, notes: Notes): Promise<void> {
  const backend = state.open()
  await checkWorld(() => backend.another(), notes, state)
}

/** A session after the crash crashes in its first append. */
async function checkCutRecovery(state: CrashState, notes: Notes, options: FaultBackendOptions, name: string): Promise<void> {
  const backend = state.open()
  const world = new SmallWorld(worldOptions(backend, carried(notes, state)))
  await world.append(['a'])
  for (const again of crashStates(backend.recording, { backend: options, samples: 2 })) {
    await checkState(again, world.notes).catch((cause) => {
      throw placed(`${name}; ${state.description}; then ${again.description}`, cause)
    })
  }
}
