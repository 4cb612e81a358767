// Chunks on a platform that puts relaxedly by default: a power failure takes all from some put on, and the log says no more
// than that.

import { openQueue, openStore, type Queue } from 'varve'
import { crashStates, type FaultBackend, faultBackend, ManualClock } from 'varve/testing'
import { expect, test } from 'vitest'
import { SEED, tally } from '../tally.js'
import { A_DAY_MS } from './group-diary.js'
import { imageOf, withBlob } from './images.js'
import { contentOf, GROUP, QUEUE } from './workload.js'

const RELAXED = { files: false, defaultDurability: 'relaxed', relaxedLoss: 'suffix' } as const

async function openAt(backend: FaultBackend, now = 0): Promise<Queue<string>> {
  return openQueue<string>(await openStore(backend, { clock: new ManualClock({ now: A_DAY_MS + now }) }), QUEUE)
}

/** Appends and acknowledges in turns; gives the values. */
async function consumeMuch(backend: FaultBackend, count: number): Promise<readonly string[]> {
  const values = Array.from({ length: count }, (_, n) => `value ${n}`)
  const queue = await openAt(backend)
  const group = await queue.group(GROUP)
  for (const [n, value] of values.entries()) {
    const { durability, offset } = await queue.append(value)
    expect([durability, offset]).toEqual(['os', n])
    if (n % 2 === 0) for (const delivery of await group.receive({ limit: 10 })) await delivery.ack()
  }
  return values
}

test('a power failure takes the end of the log and of what groups did, and both go on from there', async () => {
  const from = performance.now()
  const backend = faultBackend(RELAXED)
  const values = await consumeMuch(backend, 40)
  const lengths = new Set<number>()
  let states = 0
  for (const state of crashStates(backend.recording, {
    failures: ['power'],
    from: backend.recording.operations.length,
    backend: RELAXED,
  })) {
    const queue = await openAt(state.open(), A_DAY_MS)
    const [found = []] = await contentOf(queue)
    expect(found, state.description).toEqual(values.slice(0, found.length))
    const group = await queue.group(GROUP)
    const [committed] = await group.committed()
    const delivered = (await group.receive({ limit: 100 })).map(({ value }) => value)
    expect(delivered, state.description).toEqual(found.slice(committed))
    expect((await queue.append('goes on')).offset, state.description).toBe(found.length)
    expect((await group.receive()).map(({ value }) => value)).toEqual(['goes on'])
    lengths.add(found.length)
    states++
  }
  expect(lengths.size).toBe(41)
  tally({ row: 'crash at every write and sync: the end of relaxed puts', ran: states, seed: SEED, ms: performance.now() - from })
})

test('what was flushed before a power failure is there', async () => {
  const backend = faultBackend(RELAXED)
  const queue = await openAt(backend)
  for (let n = 0; n < 5; n++) await queue.append(`value ${n}`)
  expect((await queue.stats()).buckets[0]).toMatchObject({ next: 5, durable: 0 })
  await queue.flush()
  expect((await queue.stats()).buckets[0]).toMatchObject({ next: 5, durable: 5 })
  const flushed = backend.recording.operations.length
  for (let n = 5; n < 9; n++) await queue.append(`value ${n}`)
  const lengths = new Set<number>()
  for (const state of crashStates(backend.recording, { failures: ['power'], from: flushed, backend: RELAXED })) {
    lengths.add((await contentOf(await openAt(state.open())))[0]?.length ?? 0)
  }
  expect([...lengths].sort()).toEqual([5, 6, 7, 8, 9])
})

test('what was closed before a power failure is there', async () => {
  const backend = faultBackend(RELAXED)
  const queue = await openAt(backend)
  for (let n = 0; n < 5; n++) await queue.append(`value ${n}`)
  await queue.close()
  for (const state of crashStates(backend.recording, { from: backend.recording.operations.length, backend: RELAXED })) {
    expect((await contentOf(await openAt(state.open())))[0]).toHaveLength(5)
  }
})

test('a log that ends before what was flushed is corrupt, with the first offset that is gone', async () => {
  const backend = faultBackend(RELAXED)
  const queue = await openAt(backend)
  for (let n = 0; n < 5; n++) await queue.append(`value ${n}`)
  await queue.flush()
  await queue.append('not flushed')
  const image = await imageOf(backend.another())
  const chunks = [...image.blobs.keys()].filter((key) => key.includes('/log/0')).sort()
  const withoutLast = withBlob(image, chunks[5] as string, undefined)
  const shorter = await openAt(faultBackend({ ...RELAXED, image: withoutLast }))
  expect((await contentOf(shorter))[0]).toHaveLength(5)
  const tooShort = await openAt(faultBackend({ ...RELAXED, image: withBlob(withoutLast, chunks[4] as string, undefined) }))
  await expect(tooShort.read()).rejects.toMatchObject({ code: 'corrupt', facts: { firstOffset: 4 } })
})
