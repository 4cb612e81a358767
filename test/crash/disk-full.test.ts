import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isStorageError, openKv, openQueue, openStore, type Queue, type QueueOptions } from 'varve'
import { nodeFs } from 'varve/adapters/node-fs'
import { seededRandom } from 'varve/testing'
import { afterAll, expect, test } from 'vitest'
import { type SmallDisk, smallDisk } from '../fixtures/small-disk.js'
import { SCALE, SEED, tally } from '../tally.js'

const ROUNDS = 200 * SCALE
/** A caller gives up after so many refusals in a row. */
const REFUSALS = 3
const MOST_APPENDS = 200
const SYNCS: readonly QueueOptions<string>['sync'][] = ['always', 'never', { everyMs: 2 }, { everyRecords: 5 }]

interface Round {
  readonly options: QueueOptions<string> & { readonly buckets: number }
  readonly callers: number
  readonly bytes: number
  /** Appends of all callers before the disk is filled; 0 fills it before anything is opened. */
  readonly before: number
  /** Room that is left then. */
  readonly restBytes: number
  readonly closesWhileFull: boolean
}

function drawRound(random: () => number): Round {
  const below = (limit: number): number => Math.floor(random() * limit)
  const sync = SYNCS[below(SYNCS.length)] ?? 'always'
  const options = { buckets: 1 + below(3), sync, segmentBytes: 2_000 * 4 ** below(5) }
  return {
    options,
    callers: 1 + below(4),
    bytes: 10 * 4 ** below(6),
    before: below(40),
    restBytes: 4096 * below(12),
    closesWhileFull: below(3) === 0,
  }
}

/** What was promised. */
class Promises {
  readonly records: { readonly bucket: number; readonly offset: number; readonly value: string }[] = []
  readonly made = new Set<string>()
  counter = -1
  refused = 0
}

interface Opened {
  readonly queue: Queue<string>
  count(n: number): Promise<unknown>
  close(): Promise<void>
}

async function open(directory: string, options: QueueOptions<string>): Promise<Opened> {
  const backend = nodeFs({ directory })
  const close = (): Promise<void> => backend.close()
  try {
    const store = await openStore(backend)
    const kv = await openKv<{ n: number }>(store, 'kv')
    return { queue: await openQueue<string>(store, 'q', options), count: (n) => kv.put('n', n), close }
  } catch (error) {
    await close().catch(onlyQuota)
    throw error
  }
}

function onlyQuota(error: unknown): void {
  if (!isStorageError(error, 'quota')) throw error
}

/** Appends until the disk is full and has refused a few in a row. */
async function appendMuch(opened: Opened, round: Round, promises: Promises, caller: number): Promise<void> {
  let refusals = 0
  for (let n = 0; n < MOST_APPENDS && refusals < REFUSALS; n++) {
    const value = `${caller}.${n}.${'x'.repeat((n * 31) % round.bytes)}`
    promises.made.add(value)
    try {
      const { bucket, offset } = await opened.queue.append(value, { key: `${n}` })
      promises.records.push({ bucket, offset, value })
      refusals = 0
      if (caller === 0) {
        await opened.count(n)
        promises.counter = n
      }
    } catch (error) {
      onlyQuota(error)
      promises.refused++
      refusals++
    }
  }
}

async function expectKept(directory: string, promises: Promises, mode?: 'read'): Promise<void> {
  const backend = nodeFs({ directory })
  const store = await openStore(backend, mode === undefined ? {} : { mode })
  try {
    const counter = (await (await openKv<{ n: number }>(store, 'kv')).get('n')) ?? -1
    expect(counter).toBeGreaterThanOrEqual(promises.counter)
    if (promises.records.length === 0) return
    const queue = await openQueue<string>(store, 'q', { create: false })
    const content: string[][] = []
    for (let bucket = 0; bucket < queue.buckets; bucket++) content.push(await readAll(queue, bucket))
    for (const { bucket, offset, value } of promises.records) expect(content[bucket]?.[offset]).toBe(value)
    expect(new Set(content.flat()).size).toBe(content.flat().length)
    for (const value of content.flat()) expect(promises.made.has(value)).toBe(true)
  } finally {
    await backend.close()
  }
}

async function readAll(queue: Queue<string>, bucket: number): Promise<string[]> {
  const values: string[] = []
  for (;;) {
    const records = await queue.read({ bucket, from: values.length, limit: 10_000 })
    if (records.length === 0) return values
    for (const { value } of records) values.push(value)
  }
}

/** Room again: what is open goes on, at the latest with the second try, as the first may hear of an earlier sync. */
async function expectGoesOn(opened: Opened, promises: Promises): Promise<void> {
  for (let n = 0; n < 6; n++) {
    const value = `after ${n}`
    promises.made.add(value)
    const again = async (error: unknown) => {
      onlyQuota(error)
      return opened.queue.append(value, { key: `${n}` })
    }
    const { bucket, offset } = await opened.queue.append(value, { key: `${n}` }).catch(again)
    promises.records.push({ bucket, offset, value })
  }
}

/** Gives how many appends were refused. */
async function playRound(disk: SmallDisk, directory: string, round: Round): Promise<number> {
  const promises = new Promises()
  if (round.before === 0) disk.fill(round.restBytes)
  const opened = await open(directory, round.options).catch(onlyQuota)
  if (opened !== undefined) {
    if (round.before > 0) await appendMuch(opened, { ...round, bytes: Math.min(round.bytes, 200) }, promises, 9)
    disk.fill(round.restBytes)
    await Promise.all(Array.from({ length: round.callers }, (_, caller) => appendMuch(opened, round, promises, caller)))
    await expectKept(directory, promises, 'read')
    if (round.closesWhileFull) await opened.close().catch(onlyQuota)
  }
  disk.free()
  const open2 = opened === undefined || round.closesWhileFull ? await open(directory, round.options) : opened
  await expectGoesOn(open2, promises)
  await open2.close()
  await expectKept(directory, promises)
  return promises.refused
}

const disks = [1, 2, 4].map(smallDisk).filter((disk) => disk !== undefined)
afterAll(() => {
  for (const disk of disks) disk.unmount()
})

test.skipIf(disks.length === 0)(
  `a disk that is full refuses with quota and loses nothing, and the log goes on when there is room, ${ROUNDS} times`,
  async () => {
    const begun = performance.now()
    let refused = 0
    for (let n = 0; n < ROUNDS; n++) {
      const disk = disks[n % disks.length] as SmallDisk
      const directory = join(disk.directory, 'store')
      const round = drawRound(seededRandom(SEED * 100_000 + n))
      try {
        refused += await playRound(disk, directory, round)
      } catch (cause) {
        throw new Error(`round ${n} of VARVE_SEED=${SEED}, ${JSON.stringify(round)}: ${(cause as Error).message}`, { cause })
      } finally {
        disk.free()
        await rm(directory, { recursive: true, force: true })
      }
    }
    console.log(`${ROUNDS} disks filled, ${refused} appends refused`)
    tally({ row: 'disk full, quota: a small disk', ran: ROUNDS, seed: SEED, ms: performance.now() - begun })
    expect(refused).toBeGreaterThan(ROUNDS)
  },
  200_000 * SCALE,
)
