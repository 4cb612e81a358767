// All sequences of a few calls of snapshots, each crashed at every write and within every delete of its last call.

import { isStorageError } from 'varve'
import { crashStates, type DiskImage, faultBackend, type FaultBackendOptions } from 'varve/testing'
import { describe, expect, test } from 'vitest'
import { SCALE, tally } from '../tally.js'
import { checkSnapshots, placed } from './check-snapshots.js'
import { imageOf } from './images.js'
import { EVERY_STEP, type Step } from './snapshot-programs.js'
import { oneByOne, type SnapshotNote, SnapshotWorld } from './snapshot-world.js'

const OPTIONS: FaultBackendOptions = { files: false }
const LONGEST = SCALE > 1 ? 3 : 2

const calls: readonly Step[] = [
  { kind: 'save', session: 's', branch: 'main', state: 30 },
  { kind: 'stream', session: 's', state: 31 },
  { kind: 'saveMany', sessions: ['s', 't', 's'], state: 32 },
  { kind: 'fork', of: 0, session: 's', branch: 'new' },
  { kind: 'fork', of: 0, session: 'v', branch: 'new' },
  { kind: 'tag', of: 0 },
  { kind: 'delete', of: 0 },
  { kind: 'deleteSession', session: 's' },
  { kind: 'prune', last: 1 },
  { kind: 'collect' },
  { kind: 'import', state: 2 },
  { kind: 'copy', state: 33 },
]

interface Start {
  readonly image: DiskImage
  readonly notes: readonly SnapshotNote[]
}

const EMPTY: Start = { image: { files: new Map(), blobs: new Map() }, notes: [] }

/** All that was promised there is certain, before the first operation of what follows. */
async function furnished(): Promise<Start> {
  const backend = faultBackend(OPTIONS)
  const world = new SnapshotWorld(
    () => backend.another(),
    () => Number.NEGATIVE_INFINITY,
  )
  for (const step of EVERY_STEP.slice(0, 9)) await world.run(step)
  await world.close()
  return { image: await imageOf(backend), notes: world.notes }
}

function* sequences(length: number): Generator<readonly Step[]> {
  if (length === 0) yield []
  else for (const before of sequences(length - 1)) for (const call of calls) yield [...before, call]
}

/** Crashes in the last call only: the ones before it were the last of a shorter sequence. How many states there were. */
async function crashLast(start: Start, sequence: readonly Step[]): Promise<number> {
  const name = sequence.map(({ kind }) => kind).join(', ')
  const backend = faultBackend({ ...OPTIONS, image: start.image })
  const world = new SnapshotWorld(
    () => oneByOne(backend.another()),
    () => backend.recording.operations.length,
  )
  world.notes.push(...structuredClone(start.notes))
  let from = 0
  for (const step of sequence) {
    from = backend.recording.operations.length
    const error = await world.run(step).then(
      () => undefined,
      (cause: unknown) => cause,
    )
    // The branch is there from the first time.
    if (step.kind === 'fork' && isStorageError(error, 'conflict')) return 0
    if (error !== undefined) throw placed(`${step.kind} of ${name}`, error)
  }
  await world.close()
  const seen = new Set<string>()
  for (const state of crashStates(backend.recording, { from, failures: ['power'], backend: OPTIONS })) {
    if (seen.has(state.identity)) continue
    seen.add(state.identity)
    const left = state.open()
    await checkSnapshots(() => left.another(), world.notes, state.operations).catch((cause) => {
      throw placed(`${name}; ${state.description}`, cause)
    })
  }
  return seen.size
}

describe('whatever a crash leaves of a few calls of snapshots', () => {
  test('keeps what was acknowledged', async () => {
    const from = performance.now()
    let states = 0
    for (const call of calls) states += await crashLast(EMPTY, [call])
    const start = await furnished()
    for (let length = 1; length <= LONGEST; length++) {
      for (const sequence of sequences(length)) states += await crashLast(start, sequence)
    }
    tally({ row: `exhaustive small workloads: snapshots, up to ${LONGEST} calls`, ran: states, ms: performance.now() - from })
    expect(states).toBeGreaterThan(500)
  })
})
