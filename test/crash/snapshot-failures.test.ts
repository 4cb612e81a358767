// Operation 1, 2, 3, … of the backend fails in the middle of each call of snapshots, once or until the fault is mended: the call
// tells so in its own words, the store is whole, and the call can be made again.

import { type Backend, isStorageError } from 'varve'
import { faultBackend, faulty, type FaultRule } from 'varve/testing'
import { describe, expect, test } from 'vitest'
import { tally } from '../tally.js'
import { checkSnapshots, placed } from './check-snapshots.js'
import { imageOf } from './images.js'
import { EVERY_STEP, type Step } from './snapshot-programs.js'
import { openWorld, type OpenedSnapshots, type SnapshotNote, SnapshotWorld } from './snapshot-world.js'

const OPTIONS = { files: false }
const PREPARED: readonly Step[] = EVERY_STEP.slice(0, 12)
const WRITES = ['blobs.put', 'blobs.delete', 'blobs.batch'] as const

interface Fault {
  readonly name: string
  readonly rule: Omit<FaultRule, 'n'>
  readonly codes: readonly string[]
}

const faults: readonly Fault[] = [
  { name: 'quota, once', rule: { effect: 'fail', code: 'quota' }, codes: ['quota'] },
  { name: 'denied, for ever', rule: { effect: 'fail', code: 'denied', always: true }, codes: ['denied'] },
  { name: 'a lost answer', rule: { effect: 'lose', on: WRITES }, codes: ['unavailable'] },
]

const calls: readonly Step[] = [
  { kind: 'save', session: 's', branch: 'main', state: 30 },
  { kind: 'stream', session: 't', state: 31 },
  { kind: 'saveMany', sessions: ['s', 't', 's'], state: 32 },
  { kind: 'fork', of: 0, session: 'v', branch: 'new' },
  { kind: 'pin', of: 2 },
  { kind: 'delete', of: 1 },
  { kind: 'prune', last: 1 },
  { kind: 'collect' },
]

async function prepared(): Promise<{ readonly backend: () => Backend; readonly notes: readonly SnapshotNote[] }> {
  const disk = faultBackend(OPTIONS)
  const world = new SnapshotWorld(
    () => disk.another(),
    () => 0,
  )
  for (const step of PREPARED) await world.run(step)
  await world.close()
  const image = await imageOf(disk)
  return { backend: () => faultBackend({ ...OPTIONS, image }), notes: world.notes }
}

type Prepared = Awaited<ReturnType<typeof prepared>>

/** How many operations there were to fail. */
async function failEach(start: Prepared, step: Step, fault: Fault): Promise<number> {
  for (let n = 1; ; n++) {
    const isStruck = await failOne(start, step, fault, n).catch((cause) => {
      throw placed(`${step.kind}, ${fault.name}, at operation ${n}`, cause)
    })
    if (!isStruck) return n - 1
  }
}

async function failOne(start: Prepared, step: Step, { rule, codes }: Fault, n: number): Promise<boolean> {
  const disk = start.backend() as ReturnType<typeof faultBackend>
  const failing = faulty(disk.another(), [{ ...rule, n }])
  const world = new SnapshotWorld(
    () => failing,
    () => 0,
  )
  world.notes.push(...structuredClone(start.notes))
  let isFailed = false
  try {
    await world.run(step)
  } catch (error) {
    isFailed = true
    if (!isStorageError(error)) throw new Error(`${String(error)} is no StorageError`, { cause: error })
    if (!codes.includes(error.code)) throw new Error(`${error.code} instead of ${codes.join()}: ${error.message}`, { cause: error })
  }
  failing.heal()
  if (isFailed) await runAgain(world, step)
  await world.close()
  await checkSnapshots(() => disk.another(), world.notes, 1)
  return failing.struck > 0
}

/** A fork that failed with its last answer may have begun its branch. */
async function runAgain(world: SnapshotWorld, step: Step): Promise<void> {
  await world.run(step).catch((error: unknown) => {
    if (step.kind !== 'fork' || !isStorageError(error, 'conflict')) throw error
  })
}

describe('an operation that fails in the middle of a call', () => {
  test('loses nothing, is told, and the call can be made again', async () => {
    const from = performance.now()
    const start = await prepared()
    let failures = 0
    for (const step of calls) for (const fault of faults) failures += await failEach(start, step, fault)
    tally({ row: 'fail operation N: snapshots', ran: calls.length * faults.length, found: failures, ms: performance.now() - from })
    expect(failures).toBeGreaterThan(200)
  })

  test.each(['copy', 'import'] as const)('leaves the target of a %s whole, and it goes on', async (verb) => {
    const { backend } = await prepared()
    const source = await openWorld(backend())
    const archive = await bytesOf(source)
    for (let n = 1; ; n++) {
      const disk = faultBackend(OPTIONS)
      const failing = faulty(disk.another(), [{ effect: 'fail', code: 'quota', n }])
      const target = await openWorld(failing).catch((error: unknown) => {
        expect(isStorageError(error, 'quota')).toBe(true)
      })
      if (target === undefined) continue
      const run = () => (verb === 'copy' ? source.snapshots.copy(target.store) : target.snapshots.import(once(archive)))
      await run().catch((error: unknown) => expect(isStorageError(error, 'quota'), `operation ${n}: ${String(error)}`).toBe(true))
      failing.heal()
      await run()
      const { snapshots } = await openWorld(disk.another())
      expect(await contentOf(snapshots), `operation ${n}`).toEqual(await contentOf(source.snapshots))
      expect((await snapshots.verify()).problems).toEqual([])
      await snapshots.collect()
      expect(await contentOf(snapshots), `operation ${n}, collected`).toEqual(await contentOf(source.snapshots))
      if (failing.struck === 0) break
    }
  })
})

async function bytesOf({ snapshots }: OpenedSnapshots): Promise<Uint8Array> {
  return new Uint8Array(await new Response(snapshots.export() as never).arrayBuffer())
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

async function contentOf(snapshots: OpenedSnapshots['snapshots']): Promise<string[]> {
  const found: string[] = []
  for await (const { id, tags, branch } of snapshots.list()) found.push(JSON.stringify([id, tags, branch, await snapshots.load(id)]))
  return found.sort()
}
