// Every storage operation of a writer and of marks fails once, or loses its answer: who asks again, after opening anew,
// has each record once.

import { expect, test } from 'vitest'
import { isStorageError, openQueue, type Queue } from 'varve'
import { faultBackend, faulty, type FaultyBackend, type FaultyOperation } from 'varve/testing'

const RECORDS = 3
const MAX_TRIES = 6
/** All but the lock: one whose answer is lost is held until its process ends. */
const STORAGE: readonly FaultyOperation[] = [
  'blobs.get',
  'blobs.put',
  'blobs.list',
  'files.open',
  'files.list',
  'file.append',
  'file.sync',
  'file.read',
]

const places = [
  { place: 'files', files: true },
  { place: 'chunks', files: false },
]

/** How a storage can answer once, and then never again so. */
const effects = ['fail', 'lose'] as const

/** Runs the task with a fault at the first operation, at the second, and so on, until there was none any more. */
async function atEachOperation(
  files: boolean,
  effect: (typeof effects)[number],
  run: (backend: FaultyBackend) => Promise<void>,
): Promise<number> {
  for (let n = 1; ; n++) {
    const backend = faulty(faultBackend({ files }), [{ on: STORAGE, n, effect }])
    await run(backend)
    const struck = backend.struck
    await backend.close()
    if (struck === 0) return n - 1
  }
}

/** A program that is started again when it fails. */
async function untilDone<Result>(backend: FaultyBackend, task: (queue: Queue<number>) => Promise<Result>): Promise<Result> {
  for (let tries = 1; ; tries++) {
    try {
      const queue = await openQueue<number>(backend, 'q')
      try {
        return await task(queue)
      } finally {
        await queue.close()
      }
    } catch (error) {
      if (tries === MAX_TRIES || !isStorageError(error)) throw error
    }
  }
}

test.each(places.flatMap((place) => effects.map((effect) => ({ ...place, effect }))))(
  'a record that is written until it is acknowledged is stored once ($place, $effect)',
  async ({ files, effect }) => {
    const operations = await atEachOperation(files, effect, async (backend) => {
      for (let sequence = 0; sequence < RECORDS; sequence++) {
        await untilDone(backend, async (queue) => {
          const writer = await queue.writer({ producerId: 'p' })
          const { offset } = await writer.append(sequence, { sequence })
          expect(offset).toBe(sequence)
        })
      }
      const stored = await untilDone(backend, async (queue) => (await queue.read()).map(({ value }) => value))
      expect(stored).toEqual([0, 1, 2])
    })
    expect(operations).toBeGreaterThan(RECORDS)
  },
)

test.each(places.flatMap((place) => effects.map((effect) => ({ ...place, effect }))))(
  'no record is in two batches of a task ($place, $effect)',
  async ({ files, effect }) => {
    const operations = await atEachOperation(files, effect, async (backend) => {
      await untilDone(backend, async (queue) => {
        if ((await queue.stats()).buckets[0]?.next === 0) await queue.appendMany([0, 1, 2, 3, 4])
      })
      const taken: number[] = []
      for (let isEmpty = false; !isEmpty; ) {
        const batch = await untilDone(backend, async (queue) => (await queue.marks('t')).take({ limit: 2 }))
        isEmpty = batch === undefined
        taken.push(...(batch?.places.map(({ offset }) => offset) ?? []))
      }
      expect(taken).toEqual([0, 1, 2, 3, 4])
    })
    expect(operations).toBeGreaterThan(RECORDS)
  },
)
