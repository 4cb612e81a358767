import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { copyQueue, openQueue, openStore, type Queue, type QueueOptions, scan, type Store } from 'varve'
import { memory } from 'varve/adapters/memory'
import { nodeFs } from 'varve/adapters/node-fs'
import { ManualClock } from 'varve/testing'
import { afterAll, afterEach, describe, expect, test } from 'vitest'

const root = mkdtempSync(join(tmpdir(), 'varve-copy-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
let made = 0
const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close()
})

async function storeIn(directory: string): Promise<Store> {
  const backend = nodeFs({ directory })
  const store = await openStore(backend, { clock: new ManualClock() })
  open.push(backend, store)
  return store
}

const newDirectory = () => join(root, String(made++))

/** Two buckets with all that a record can have, batches at several times, what was compacted and what was trimmed. */
async function fill(store: Store, clock: ManualClock, options: QueueOptions<unknown> = {}): Promise<Queue<unknown>> {
  const queue = await openQueue<unknown>(store, 'source', { buckets: 2, compaction: 'key', segmentBytes: 1500, ...options })
  for (let n = 0; n < 40; n++) {
    await queue.append({ n, text: 'é '.repeat(n) }, { key: `key ${n % 7}`, headers: { n: `${n}`, more: '"' } })
    await clock.advance(10)
  }
  await queue.appendRecords([1, 2, 3].map((n) => ({ key: 'a', value: n })))
  await queue.append(new Uint8Array([1, 2, 3]), { key: 'bytes' })
  await queue.tombstone('a')
  await queue.compact()
  await queue.trim([5, 5])
  const structured = await openQueue<unknown>(store, 'source', { codec: 'structured' })
  await structured.append(new Map([['a', new Date(5)]]), { key: 'map' })
  await structured.close()
  return queue
}

async function contentOf(store: Store, name: string) {
  const queue = await openQueue<unknown>(store, name, { create: false })
  const content = []
  for (let bucket = 0; bucket < queue.buckets; bucket++) content.push(await queue.read({ bucket, limit: 1000 }))
  await queue.close()
  return content
}

describe('a copy of a queue', () => {
  test.each([
    { from: 'binary', to: 'ndjson' },
    { from: 'ndjson', to: 'binary' },
  ] as const)('has every record as it was, from $from to $to and back', async ({ from, to }) => {
    const clock = new ManualClock()
    const backend = nodeFs({ directory: newDirectory() })
    const source = await openStore(backend, { clock })
    open.push(backend, source)
    await (await fill(source, clock, { format: from })).close()
    const wanted = await contentOf(source, 'source')
    expect(wanted.flat().length).toBeGreaterThan(5)
    const target = await storeIn(newDirectory())
    const seen: number[] = []
    const report = await copyQueue({ store: source, queue: 'source' }, target, {
      as: 'copy',
      format: to,
      onProgress: ({ records }) => seen.push(records),
    })
    expect(report.records).toBe(wanted.flat().length)
    expect(Math.max(...seen)).toBe(Math.max(...report.buckets.map(({ records }) => records)))
    expect(await contentOf(target, 'copy')).toEqual(wanted)
    expect((await scan(target)).anomalies).toEqual([])
    const back = await copyQueue({ store: target, queue: 'copy' }, source, { as: 'back', format: from })
    expect(back).toEqual({ ...report, queue: 'copy' })
    expect(await contentOf(source, 'back')).toEqual(wanted)
  })

  test('is the same after it was closed and opened, and goes on behind its end', async () => {
    const clock = new ManualClock()
    const source = await openStore(memory(), { clock })
    open.push(source)
    await (await fill(source, clock)).close()
    const wanted = await contentOf(source, 'source')
    const directory = newDirectory()
    const backend = nodeFs({ directory })
    const target = await openStore(backend)
    const { buckets } = await copyQueue({ store: source, queue: 'source' }, target, { format: 'ndjson' })
    await target.close()
    await backend.close()
    const again = await storeIn(directory)
    expect(await contentOf(again, 'source')).toEqual(wanted)
    const queue = await openQueue<unknown>(again, 'source')
    const { buckets: stats } = await queue.stats()
    expect(stats.map(({ next }) => next)).toEqual(buckets.map(({ next }) => next))
    expect(stats.map(({ first }) => first)).toEqual(wanted.map((records) => records[0]?.offset))
    const { bucket, offset } = await queue.append('more', { key: 'a' })
    expect(offset).toBe(buckets[bucket]?.next)
    await queue.compact()
    expect((await scan(again)).anomalies).toEqual([])
  })

  test('finds the same records by time', async () => {
    const clock = new ManualClock()
    const source = await openStore(memory(), { clock })
    const target = await storeIn(newDirectory())
    open.push(source)
    const queue = await fill(source, clock)
    await copyQueue({ store: source, queue: 'source' }, target, { format: 'ndjson' })
    const copy = await openQueue<unknown>(target, 'source')
    for (const record of (await queue.read({ bucket: 0 })).slice(0, 20)) {
      for (const time of [record.timestamp, record.timestamp + 1]) {
        const found = await Promise.all([queue, copy].map((one) => one.read({ bucket: 0, from: { time }, limit: 1 })))
        expect(found[1]).toEqual(found[0])
      }
    }
  })

  test('goes into chunks, too, with its gaps', async () => {
    const clock = new ManualClock()
    const source = await storeIn(newDirectory())
    const target = await openStore(memory(), { clock })
    open.push(target)
    const whole = await openQueue<unknown>(source, 'whole', { format: 'ndjson' })
    for (let n = 0; n < 10; n++) await whole.appendMany([n, { n }], {})
    await copyQueue({ store: source, queue: 'whole' }, target)
    expect(await contentOf(target, 'whole')).toEqual(await contentOf(source, 'whole'))
    await (await fill(source, clock)).close()
    await copyQueue({ store: source, queue: 'source' }, target)
    expect(await contentOf(target, 'source')).toEqual(await contentOf(source, 'source'))
    expect((await scan(target)).anomalies).toEqual([])
  })

  test('is never mixed with records that are there', async () => {
    const store = await storeIn(newDirectory())
    const [queue, other] = [await openQueue<number>(store, 'source'), await openQueue<number>(store, 'other')]
    await queue.append(1)
    await other.append(2)
    await expect(copyQueue({ store, queue: 'source' }, store)).rejects.toMatchObject({ code: 'invalid' })
    await expect(copyQueue({ store, queue: 'source' }, store, { as: 'other' })).rejects.toMatchObject({ code: 'conflict' })
    await expect(copyQueue({ store, queue: 'none' }, store)).rejects.toMatchObject({ code: 'missing' })
  })
})

describe('disk use of a queue with a limit', () => {
  test.each(['binary', 'ndjson'] as const)('stays within the limit and two segments, in format %s', async (format) => {
    const directory = newDirectory()
    const store = await storeIn(directory)
    const [bytes, segmentBytes] = [20_000, 6_000]
    const queue = await openQueue<string>(store, 'q', { format, segmentBytes, retention: { bytes } })
    let most = 0
    for (let n = 0; n < 200; n++) {
      await queue.append('x'.repeat(400))
      most = Math.max(most, sizeOf(join(directory, 'files')))
    }
    expect(most).toBeGreaterThan(bytes / 2)
    expect(most).toBeLessThan(bytes + 2 * segmentBytes + 1_000)
    const { buckets } = await queue.stats()
    expect(buckets[0]?.first).toBeGreaterThan(0)
  })
})

function sizeOf(directory: string): number {
  let bytes = 0
  for (const name of readdirSync(directory, { recursive: true })) {
    const found = statSync(join(directory, String(name)), { throwIfNoEntry: false })
    if (found?.isFile()) bytes += found.size
  }
  return bytes
}
