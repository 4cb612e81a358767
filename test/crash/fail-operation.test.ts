// Operation 1, 2, 3, … of the backend fails, until the whole workload goes well: once, or from then on until the fault is
// mended. Errors are those that the real adapters make.

import { isStorageError, type QueueOptions, type StorageError } from 'varve'
import {
  crashStates,
  type FaultBackend,
  faultBackend,
  type FaultBackendOptions,
  faulty,
  type FaultyBackend,
  type FaultyOperation,
} from 'varve/testing'
import { expect, test } from 'vitest'
import { asStorageError as asFileError } from '../../dist/adapters/node-fs/errors.js'
import { asStorageError as asObjectError } from '../../dist/adapters/cloudflare-r2/errors.js'
import { toStorageError as asDatabaseError } from '../../dist/adapters/indexeddb/native-errors.js'
import { SCALE, tally } from '../tally.js'
import { checkWorld, NOTHING_HAPPENED, placed } from './check-world.js'
import { NOTHING, SmallWorld } from './small-world.js'

type Step = (world: SmallWorld) => Promise<void>

interface Place {
  readonly name: string
  readonly options: FaultBackendOptions
  readonly queue?: QueueOptions<string>
}

interface Fault {
  readonly name: string
  readonly error: () => unknown
  /** The operation is done, its answer lost. */
  readonly isDone?: boolean
}

interface Scenario {
  readonly place: Place
  readonly steps: readonly Step[]
  readonly fault: Fault
  readonly always: boolean
}

const places: readonly Place[] = [
  { name: 'files', options: {} },
  { name: 'chunks', options: { files: false } },
  { name: 'files, synced now and then', options: {}, queue: { sync: { everyRecords: 3 } } },
  { name: 'files, in one segment', options: {}, queue: { segmentBytes: 100_000 } },
  { name: 'chunks, put relaxedly', options: { files: false, defaultDurability: 'relaxed', relaxedLoss: 'suffix' } },
]

const fileFault = (code: string): Fault => ({
  name: code,
  error: () => asFileError(Object.assign(new Error(`${code}: on purpose`), { code }), { operation: 'test' }),
})
const databaseFault = (name: string): Fault => ({ name, error: () => asDatabaseError(new DOMException('on purpose', name), 'test') })
const objectFault = (name: string, message: string): Fault => ({ name, error: () => asObjectError(new Error(message), 'test') })

const faults: readonly Fault[] = [
  ...['EIO', 'ENOSPC', 'EMFILE', 'EACCES'].map(fileFault),
  ...['QuotaExceededError', 'AbortError', 'TimeoutError'].map(databaseFault),
  objectFault('5xx', 'put: We encountered an internal error. Please try again. (10001)'),
  objectFault('429', 'put: Reduce your rate of requests. (10058)'),
  { ...objectFault('a time-out after it was done', 'the connection was lost'), isDone: true },
]

const workloads: readonly (readonly Step[])[] = [
  [
    (world) => world.append(['a']),
    (world) => world.put(),
    (world) => world.append(['g', 'c', 'a', 'b']),
    (world) => world.ack(),
    (world) => world.save(),
    (world) => world.reopen(),
    (world) => world.append(['a', 'b']),
    (world) => world.ack(),
  ],
  [
    (world) => world.append(['b']),
    (world) => world.append(['a']),
    (world) => world.flush(),
    (world) => world.append(['a', 'b', 'a', 'c']),
    (world) => world.delete(),
    (world) => world.ack(),
    (world) => world.flush(),
    (world) => world.save(),
    (world) => world.put(),
    (world) => world.append(['a']),
  ],
]

/** A lock whose answer is lost is held until its program ends, and this one does not. */
const WRITES: readonly FaultyOperation[] = ['blobs.put', 'blobs.batch', 'blobs.delete', 'file.append', 'file.sync', 'files.delete']

const inEveryRun = (): Scenario[] => combine(places.slice(0, 2), workloads.slice(0, 1))
const onDemand = (): Scenario[] => combine(places, workloads)

function combine(chosen: readonly Place[], lists: readonly (readonly Step[])[]): Scenario[] {
  return chosen.flatMap((place) =>
    lists.flatMap((steps) => faults.flatMap((fault) => [false, true].map((always): Scenario => ({ place, steps, fault, always })))),
  )
}

test('an operation that fails, once or for ever, loses nothing that was acknowledged', async () => {
  const from = performance.now()
  const scenarios = SCALE > 1 ? onDemand() : inEveryRun()
  let failures = 0
  for (const scenario of scenarios) failures += await failEach(scenario)
  tally({ row: 'fail operation N', ran: scenarios.length, found: failures, ms: performance.now() - from })
  expect(scenarios.length).toBe(SCALE > 1 ? 200 : 40)
  expect(failures).toBeGreaterThan(scenarios.length * 20)
})

/** How many operations there were to fail. */
async function failEach(scenario: Scenario): Promise<number> {
  for (let n = 1; ; n++) {
    const where = `${scenario.place.name}, ${scenario.fault.name} at operation ${n}${scenario.always ? ' and all later ones' : ''}`
    const isStruck = await failOne(scenario, n).catch((cause) => {
      throw placed(where, cause)
    })
    if (!isStruck) return n - 1
  }
}

async function failOne({ place, steps, fault, always }: Scenario, n: number): Promise<boolean> {
  const disk = faultBackend(place.options)
  const effect = fault.isDone ? ({ effect: 'lose', on: WRITES } as const) : ({ effect: 'fail' } as const)
  const failing = faulty(disk, [{ n, always, error: fault.error, ...effect }])
  const world = worldOf(disk, failing, place.queue)
  for (const step of steps) await step(world).catch((error) => expectCode(error, fault))
  // A sync failed, and nowhere could that be written down: the system, which told it once, has the next session believe its cache.
  const mayLie = always && !fault.isDone && failing.operations.slice(n - 1).some(({ operation }) => operation === 'file.sync')
  failing.heal()
  await goOn(world)
  await world.abandon()
  if (n % 4 === 0 && !mayLie) await checkPowerFailure(disk, world, place.options)
  await checkWorld(() => disk.another(), world.notes, NOTHING_HAPPENED)
  return failing.struck > 0
}

function worldOf(disk: FaultBackend, failing: FaultyBackend, queue: QueueOptions<string> = {}): SmallWorld {
  const isStrict = disk.blobs.traits.durable === 'disk'
  return new SmallWorld({ recording: disk.recording, connect: () => failing.over(disk.another()), isStrict, notes: NOTHING, queue })
}

/** What failed is told as it is; or that an earlier failure left nothing to trust. */
function expectCode(error: unknown, fault: Fault): void {
  const { code } = fault.error() as StorageError
  if (!isStorageError(error)) throw new Error(`${String(error)} is no StorageError`, { cause: error })
  if (error.code !== code && error.code !== 'unavailable')
    throw new Error(`${error.code} instead of ${code}: ${error.message}`, { cause: error })
}

/** In the same session, or in a new one. */
async function goOn(world: SmallWorld): Promise<void> {
  try {
    await world.append(['a'])
  } catch {
    await world.abandon()
    await world.append(['a'])
  }
}

async function checkPowerFailure(disk: FaultBackend, world: SmallWorld, options: FaultBackendOptions): Promise<void> {
  const from = disk.recording.operations.length
  for (const state of crashStates(disk.recording, { from, failures: ['power'], backend: options, samples: 2 })) {
    const left = state.open()
    await checkWorld(() => left.another(), world.notes, state)
  }
}
