import { openQueue, openStore, type Queue, type QueueOptions } from 'varve'
import { crashStates, type FaultBackend, faultBackend, type FaultBackendOptions, ManualClock, seededRandom } from 'varve/testing'
import { describe, expect, test } from 'vitest'
import { SCALE, SEED, tally } from '../tally.js'

interface Sent {
  readonly id: string
  offset?: number
  /** Operations of the disk when it was known to survive a power failure, and the process; Infinity before. */
  durableAt: number
  acknowledgedAt: number
}

interface Scenario {
  readonly name: string
  readonly backend: FaultBackendOptions
  readonly options: QueueOptions<string>
  /** Whether an answer means that a power failure takes nothing. */
  readonly isDurable: boolean
}

const SMALL: QueueOptions<string> = { segmentBytes: 600, compaction: 'key', tombstoneMs: 1 }
const RELAXED = { files: false, defaultDurability: 'relaxed', relaxedLoss: 'suffix' } as const

const scenarios: readonly Scenario[] = [
  { name: 'files', backend: {}, options: SMALL, isDurable: true },
  { name: 'files, synced now and then', backend: {}, options: { ...SMALL, sync: { everyRecords: 3 } }, isDurable: false },
  { name: 'lines of text', backend: {}, options: { ...SMALL, format: 'ndjson' }, isDurable: true },
  { name: 'chunks', backend: { files: false }, options: SMALL, isDurable: true },
  { name: 'chunks, put relaxedly', backend: RELAXED, options: SMALL, isDurable: false },
]

async function open(backend: FaultBackend, options: QueueOptions<string>) {
  const store = await openStore(backend, { clock: new ManualClock({ now: Date.UTC(2024, 0, 1) }) })
  return { store, queue: await openQueue<string>(store, 'q', options) }
}

/** Sends ids, some of them twice, while records are trimmed, compacted and the queue is opened again. */
async function live(first: FaultBackend, scenario: Scenario, seed: number): Promise<Sent[]> {
  const random = seededRandom(seed)
  const below = (limit: number): number => Math.floor(random() * limit)
  const sent: Sent[] = []
  let backend = first
  let { store, queue } = await open(backend, scenario.options)
  const durable = (): void => {
    for (const one of sent) if (one.offset !== undefined) one.durableAt = Math.min(one.durableAt, first.recording.operations.length)
  }
  for (let step = 0; step < 14; step++) {
    const what = below(10)
    if (what < 6) {
      const isAgain = sent.length > 0 && below(3) === 0
      const one: Sent = isAgain
        ? (sent[below(sent.length)] as Sent)
        : { id: `id ${sent.length}`, durableAt: Number.POSITIVE_INFINITY, acknowledgedAt: Number.POSITIVE_INFINITY }
      if (!isAgain) sent.push(one)
      const receipt = await queue.append(one.id, { id: one.id, key: `k${below(2)}` })
      one.offset ??= receipt.offset
      expect([receipt.offset, receipt.duplicate ?? false]).toEqual([one.offset, isAgain])
      one.acknowledgedAt = Math.min(one.acknowledgedAt, first.recording.operations.length)
      if (scenario.isDurable) durable()
    } else if (what === 6) await queue.compact()
    else if (what === 7) await queue.trim({ last: 1 })
    else if (what === 8) {
      await queue.append('says nothing', { key: 'other' })
      await queue.flush()
      durable()
    } else {
      await store.close()
      durable()
      backend = backend.another()
      ;({ store, queue } = await open(backend, scenario.options))
    }
  }
  return sent
}

/** What was promised is known, nothing is stored twice, and what was never sent is not known. */
async function check(queue: Queue<string>, sent: readonly Sent[], survives: (one: Sent) => boolean): Promise<void> {
  const receipts = new Map<string, number>()
  for (const one of sent) {
    const { offset, duplicate = false } = await queue.append(one.id, { id: one.id, key: 'k0' })
    if (survives(one)) expect([one.id, offset, duplicate]).toEqual([one.id, one.offset, true])
    receipts.set(one.id, offset)
  }
  expect((await queue.append('new', { id: 'never sent', key: 'k0' })).duplicate).toBeUndefined()
  for (const [id, offset] of receipts) expect(await queue.append(id, { id, key: 'k0' })).toMatchObject({ offset, duplicate: true })
  const ids = (await queue.read({ limit: 1_000 })).flatMap(({ headers, offset }) =>
    headers['varve-id'] ? [[headers['varve-id'], offset]] : [],
  )
  for (const [id, offset] of ids) if (id !== 'never sent') expect(offset).toBe(receipts.get(String(id)))
  expect(new Set(ids.map(([id]) => id)).size).toBe(ids.length)
}

describe('what was sent with an id is stored once, whatever a crash leaves', () => {
  test.each(scenarios)('$name', async (scenario) => {
    const from = performance.now()
    const seen = new Set<string>()
    for (let seed = SEED; seen.size < 600 * SCALE; seed++) {
      const backend = faultBackend(scenario.backend)
      const sent = await live(backend, scenario, seed)
      for (const state of crashStates(backend.recording, { seed, samples: 2, backend: scenario.backend })) {
        if (seen.has(`${seed} ${state.identity}`)) continue
        seen.add(`${seed} ${state.identity}`)
        const { store, queue } = await open(state.open(), scenario.options)
        const at = state.failure === 'power' ? 'durableAt' : 'acknowledgedAt'
        const survives = (one: Sent): boolean => one[at] <= (state.isCut ? state.operations - 1 : state.operations)
        await check(queue, sent, survives).catch((error) => {
          throw new Error(`seed ${seed}, ${state.description}: ${error}`, { cause: error })
        })
        await store.close()
      }
    }
    tally({ row: `crash at every write and sync: ids, ${scenario.name}`, ran: seen.size, seed: SEED, ms: performance.now() - from })
  })
})
