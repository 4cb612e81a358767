// Whatever a crash leaves of snapshots being saved, forked, labelled, pruned, deleted and collected. Puts of snapshots are
// strict: a crash leaves a prefix of them. A delete of many keys may be cut between any two.

import type { Backend } from 'varve'
import { crashStates, faultBackend, type FaultBackend, type FaultBackendOptions } from 'varve/testing'
import { describe, expect, test } from 'vitest'
import { caseName, drawnCases, SCALE, SEED, seedOf, tally } from '../tally.js'
import { checkSnapshots, placed } from './check-snapshots.js'
import { AGENT, drawProgram, EVERY_STEP, MANY_PACKS, SESSIONS, stateOf, type Step } from './snapshot-programs.js'
import { oneByOne, openWorld, type SnapshotNote, SnapshotWorld } from './snapshot-world.js'

const OPTIONS: FaultBackendOptions = { files: false }
const DRAWN = 8 * SCALE
const COLLECTION = 'snapshots/collection'
const DRAWN_STEPS = 12
/** The collection after the crash crashes too, everywhere, in one of so many states. */
const RECOVERY_CUT_EVERY = SCALE > 1 ? 5 : 16

async function run(steps: readonly Step[]): Promise<{ readonly backend: FaultBackend; readonly notes: readonly SnapshotNote[] }> {
  const backend = faultBackend(OPTIONS)
  const world = new SnapshotWorld(
    () => oneByOne(backend.another()),
    () => backend.recording.operations.length,
  )
  for (const [at, step] of steps.entries()) {
    await world.run(step).catch((cause) => {
      throw placed(`step ${at}, ${step.kind}`, cause)
    })
  }
  await world.close()
  return { backend, notes: world.notes }
}

/** How many states there were. */
async function crashEverywhere(steps: readonly Step[]): Promise<number> {
  const { backend, notes } = await run(steps)
  const seen = new Set<string>()
  for (const state of crashStates(backend.recording, { failures: ['power'], backend: OPTIONS })) {
    if (seen.has(state.identity)) continue
    seen.add(state.identity)
    const left = state.open()
    await checkSnapshots(() => left.another(), notes, state.operations).catch((cause) => {
      throw placed(state.description, cause)
    })
    if (seen.size % RECOVERY_CUT_EVERY !== 0) continue
    for (const image of await cutRecoveries(state.open())) {
      seen.add(image.identity)
      await checkSnapshots(() => image.backend.another(), notes, state.operations).catch((cause) => {
        throw placed(`${state.description}; then, in the collection after it, ${image.description}`, cause)
      })
    }
  }
  return seen.size
}

/** With saves into each session behind it, which are deleted again. False where there is no such cell yet. */
async function loseCollection(backend: Backend): Promise<boolean> {
  if ((await backend.blobs.get(COLLECTION)) === undefined) return false
  await backend.blobs.delete([COLLECTION])
  const { store, snapshots } = await openWorld(oneByOne(backend))
  for (const session of SESSIONS) {
    const { id } = await snapshots.save({ agent: AGENT, session, branch: 'later', state: stateOf(50) })
    await snapshots.delete(id)
  }
  await store.close()
  return true
}

interface CutRecovery {
  readonly description: string
  readonly identity: string
  readonly backend: FaultBackend
}

/** What crashes leave of the collection after a crash. */
async function cutRecoveries(backend: FaultBackend): Promise<CutRecovery[]> {
  const { store, snapshots } = await openWorld(oneByOne(backend.another()))
  await snapshots.collect()
  await store.close()
  const states = [...crashStates(backend.recording, { failures: ['power'], backend: OPTIONS })]
  return states.map((state) => ({ description: state.description, identity: state.identity, backend: state.open() }))
}

describe('whatever a crash leaves of snapshots', () => {
  test('the steps of a world do what they are there for', async () => {
    const { backend, notes } = await run(MANY_PACKS)
    const prefixes = ['packs', 'index', 'pages', 'manifests'].map((name) => `snapshots/${name}/`)
    const touched = keysTouched(backend.recording)
    for (const prefix of prefixes) expect([prefix, touched.some((key) => key.startsWith(prefix))]).toEqual([prefix, true])
    expect(notes.filter(({ gone }) => gone !== undefined).length).toBeGreaterThan(10)
  })

  test.each([
    ['every kind of step', EVERY_STEP],
    ['many packs, tables and pages', MANY_PACKS],
  ] as const)('keeps what was acknowledged: %s', async (name, steps) => {
    const from = performance.now()
    const states = await crashEverywhere(steps)
    tally({ row: `crash at every write and sync: snapshots, ${name}`, ran: states, ms: performance.now() - from })
    expect(states).toBeGreaterThan(40)
  })

  test('keeps what was acknowledged where the cell of the collections is lost too', async () => {
    const from = performance.now()
    const { backend, notes } = await run(EVERY_STEP)
    const seen = new Set<string>()
    let states = 0
    for (const state of crashStates(backend.recording, { failures: ['power'], backend: OPTIONS })) {
      if (seen.has(state.identity)) continue
      seen.add(state.identity)
      const left = state.open()
      if (!(await loseCollection(left.another()))) continue
      await checkSnapshots(() => left.another(), notes, state.operations).catch((cause) => {
        throw placed(`${state.description}, and the cell of the collections lost`, cause)
      })
      states++
    }
    tally({
      row: 'crash at every write and sync: snapshots, every kind of step, collections forgotten',
      ran: states,
      ms: performance.now() - from,
    })
    expect(states).toBeGreaterThan(40)
  })

  test('keeps what was acknowledged: drawn programs', async () => {
    const from = performance.now()
    let states = 0
    for (const n of drawnCases(DRAWN)) {
      states += await crashEverywhere(drawProgram(seedOf(n), DRAWN_STEPS)).catch((cause) => {
        throw placed(caseName(n), cause)
      })
    }
    tally({ row: 'crash at every write and sync: snapshots, drawn programs', ran: states, seed: SEED, ms: performance.now() - from })
    expect(states).toBeGreaterThan(10)
  })
})

function keysTouched({ operations }: FaultBackend['recording']): string[] {
  return operations.flatMap((operation) => (operation.kind === 'blobs' ? operation.changes.map(({ key }) => key) : []))
}
