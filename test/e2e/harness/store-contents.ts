// All that a store shows of itself, as plain data: the same in a page and in Node, so that both can be compared.

import { openKv, openQueue, openSnapshots, queues, type Store } from 'varve'
import type { TestedBackend } from './backends.js'

type Place = Store | TestedBackend

/** One queue in two buckets with a group in the middle of its work, keys, and snapshots that share most of their state. */
export async function fillStore(place: Place): Promise<void> {
  const orders = await openQueue<{ n: number }>(place, 'orders', { buckets: 2 })
  for (let n = 0; n < 60; n++) await orders.append({ n }, { key: `customer ${n % 7}`, headers: { n: String(n) }, id: `id ${n}` })
  await orders.tombstone('customer 3')
  const billing = await orders.group('billing', { ordering: 'key' })
  const deliveries = await billing.receive({ limit: 12 })
  for (const [index, delivery] of deliveries.entries()) {
    if (index % 2 === 0) await delivery.ack()
    else await delivery.nack({ delayMs: 3_600_000, reason: 'tomorrow' })
  }
  const done = await openQueue<unknown>(place, 'done', { codec: 'structured' })
  await done.append(new Map([['when', new Date(5)]]))
  await done.seal()
  const kv = await openKv<Record<string, unknown>>(place)
  for (let n = 0; n < 40; n++) await kv.put(`key ${n}`, { n, text: 'ümläut \u{1F30D}' }, n % 2 === 0 ? {} : { ttlMs: 3_600_000 })
  await kv.put('bytes', new Uint8Array(300_000).fill(7))
  const snapshots = await openSnapshots<unknown>(place)
  const log = Array.from({ length: 500 }, (_, n) => ({ n, text: `entry ${n} of what the agent has done` }))
  for (let step = 0; step < 4; step++) {
    await snapshots.save({ agent: 'planner', session: 's1', state: { step, log: log.slice(0, 400 + step * 25) }, tags: [`step-${step}`] })
  }
  const fork = await snapshots.fork({ agent: 'planner', session: 's1' }, { branch: 'what if' })
  await snapshots.pin(fork.id)
  await snapshots.save({
    agent: 'planner',
    session: 's2',
    state: new Uint8Array(100_000).map((_, at) => (at * at) >>> 5),
    metadata: { at: 1 },
  })
}

/** Text, because a page and Node hand each other nothing else without loss. */
export async function describeStore(place: Place): Promise<string> {
  const all = { queues: await describeQueues(place), keys: await describeKeys(place), snapshots: await describeSnapshots(place) }
  return JSON.stringify(all, plain, 1)
}

async function describeQueues(place: Place): Promise<unknown> {
  const all: unknown[] = []
  for (const name of await queues(place)) {
    const queue = await openQueue<unknown>(place, name, { create: false })
    const { buckets } = await queue.stats()
    const records: unknown[] = []
    for (const { bucket } of buckets) records.push(await queue.read({ bucket, limit: 1_000 }))
    const groups: unknown[] = []
    for (const one of await queue.groups()) {
      const group = await queue.group(one, { ordering: 'key' })
      const pending = (await group.pending({ limit: 1_000 })).map(({ idleMs: _, ...entry }) => entry)
      groups.push({ one, committed: await group.committed(), pending })
    }
    const bounds = buckets.map(({ bucket, first, next }) => ({ bucket, first, next }))
    all.push({ name, bounds, records, groups })
    await queue.close()
  }
  return all
}

async function describeKeys(place: Place): Promise<unknown> {
  const all: unknown[] = []
  const kv = await openKv<Record<string, unknown>>(place)
  for await (const { key, value, expiresAt } of kv.list()) all.push({ key, value, expiresAt })
  return all
}

async function describeSnapshots(place: Place): Promise<unknown> {
  const all: unknown[] = []
  const snapshots = await openSnapshots<unknown>(place)
  for await (const { storedBytes: _, ...info } of snapshots.list()) all.push({ info, state: await snapshots.load(info.id) })
  const { problems } = await snapshots.verify()
  return { all, problems }
}

function plain(_key: string, value: unknown): unknown {
  if (value instanceof Map) return [...value]
  return value instanceof Uint8Array ? [...value] : value
}
