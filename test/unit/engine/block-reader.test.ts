import { type Backend, openQueue, openStore, type Queue } from 'varve'
import { faultBackend, faulty } from 'varve/testing'
import { describe, expect, test } from 'vitest'

const BATCH = 8
const VALUE_BYTES = 64 * 1024

/** Bytes that tell their offset everywhere. */
function bytesAt(offset: number): Uint8Array {
  return new Uint8Array(VALUE_BYTES + offset).fill(offset + 1)
}

interface Setup {
  readonly batches: number
  readonly backend?: Backend
  readonly options?: { readonly compression?: 'deflate'; readonly format?: 'ndjson' }
}

/** A queue of several blocks, each a batch with as much as is read at once. */
async function open({
  batches,
  backend = faultBackend(),
  options = {},
}: Setup): Promise<{ queue: Queue<Uint8Array>; close: () => Promise<void> }> {
  const store = await openStore(backend)
  const queue = await openQueue<Uint8Array>(store, 'q', options)
  for (let batch = 0; batch < batches; batch++) {
    await queue.appendMany(Array.from({ length: BATCH }, (_, index) => bytesAt(batch * BATCH + index)))
  }
  return { queue, close: () => store.close() }
}

async function readAll(queue: Queue<Uint8Array>, limit: number): Promise<{ readonly offset: number; readonly value: Uint8Array }[]> {
  const found: { readonly offset: number; readonly value: Uint8Array }[] = []
  for (;;) {
    const records = await queue.read({ from: found.length, limit })
    if (records.length === 0) return found
    found.push(...records)
  }
}

function expectAll(found: readonly { readonly offset: number; readonly value: Uint8Array }[], count: number): void {
  expect(found.map(({ offset }) => offset)).toEqual(Array.from({ length: count }, (_, offset) => offset))
  for (const { offset, value } of found) expect(Buffer.compare(value, bytesAt(offset)), `offset ${offset}`).toBe(0)
}

describe('reading block after block', () => {
  test.each([{}, { compression: 'deflate' as const }, { format: 'ndjson' as const }])(
    'records stay what they were while others are read and written (%o)',
    async (options) => {
      const { queue, close } = await open({ batches: 6, options })
      const found = await readAll(queue, 3)
      await queue.appendMany(Array.from({ length: BATCH }, () => new Uint8Array(VALUE_BYTES).fill(0xee)))
      expectAll(found, 6 * BATCH)
      await close()
    },
  )

  test('several readers at once each get all', async () => {
    const { queue, close } = await open({ batches: 5 })
    const limits = [1, 2, 3, 5, 8, 13]
    for (const found of await Promise.all(limits.map((limit) => readAll(queue, limit)))) expectAll(found, 5 * BATCH)
    await close()
  })

  test('a value may be changed by who read it', async () => {
    const { queue, close } = await open({ batches: 3 })
    for (const { value } of await readAll(queue, 4)) value.fill(0)
    expectAll(await readAll(queue, 4), 3 * BATCH)
    await close()
  })

  test('what was trimmed is not read, though the next block had been fetched', async () => {
    const { queue, close } = await open({ batches: 4 })
    await queue.read({ limit: BATCH })
    await queue.read({ from: BATCH, limit: 1 })
    await queue.trim(3 * BATCH)
    expect((await queue.read({ from: 2 * BATCH, limit: 1 })).map(({ offset }) => offset)).toEqual([3 * BATCH])
    await close()
  })

  test('a trim lets go of the block that is held', async () => {
    const backend = faulty(faultBackend(), [])
    const fileReads = (): number => backend.operations.filter(({ operation }) => operation === 'file.read').length
    const { queue, close } = await open({ batches: 2, backend })
    await queue.read({ from: BATCH, limit: 1 })
    await queue.read({ from: BATCH, limit: 2 })
    expect(fileReads()).toBe(1)
    await queue.trim(BATCH)
    await queue.read({ from: BATCH, limit: 1 })
    expect(fileReads()).toBe(2)
    await close()
  })

  test.each([
    // The third file read is the first one ahead.
    [{ always: false }, [0, BATCH, 2 * BATCH, 3 * BATCH]],
    [{ always: true }, [0, BATCH, 'denied', 'denied']],
  ])(
    'a block that could not be fetched ahead is fetched when it is needed, and only then its failure is told (%o)',
    async (rule, expected) => {
      const backend = faulty(faultBackend(), [{ on: 'file.read', n: 3, effect: 'fail', code: 'denied', ...rule }])
      const { queue, close } = await open({ batches: 4, backend })
      const outcomes: (number | string | undefined)[] = []
      for (let from = 0; outcomes.length < expected.length; ) {
        const records = await queue.read({ from, limit: BATCH }).catch((error: { readonly code: string }) => error.code)
        outcomes.push(typeof records === 'string' ? records : records[0]?.offset)
        if (typeof records !== 'string') from += records.length
      }
      expect(outcomes).toEqual(expected)
      expect(backend.struck).toBeGreaterThan(0)
      await close()
    },
  )

  test('closing waits for the block that is being fetched', async () => {
    const { queue, close } = await open({ batches: 4 })
    await queue.read({ limit: BATCH })
    await queue.read({ from: BATCH, limit: 1 })
    await close()
    await expect(queue.read()).rejects.toMatchObject({ code: 'closed' })
  })
})
