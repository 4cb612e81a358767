// What the published types infer, as README shows it. Compiled in an empty project against the packed package, never run.

import {
  type Backend,
  type EventInput,
  type EventRecord,
  isStorageError,
  openEventRecords,
  openKv,
  openQueue,
  openSnapshots,
  openStore,
  type Queue,
  type QueueReader,
  type QueueWriter,
  rankAwareSampler,
  type Receipt,
  type Sampler,
  type SnapshotInfo,
  type Store,
  type StorageError,
  type StoredRecord,
  toAppend,
  toDelete,
  toPut,
  transaction,
} from 'varve'
import { indexedDb } from 'varve/adapters/indexeddb'
import { memory } from 'varve/adapters/memory'
import { nodeFs } from 'varve/adapters/node-fs'
import { opfs } from 'varve/adapters/opfs'

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
function same<A, B>(..._proof: Same<A, B> extends true ? [] : ['the types differ']): void {}

interface Order {
  customer: string
  item: string
}

interface AgentState {
  step: number
}

interface Settings {
  theme: 'light' | 'dark'
  [key: `user:${string}`]: { name: string }
}

export async function store(): Promise<void> {
  const opened = await openStore('shop')
  same<typeof opened, Store>()
  const backends: Backend[] = [memory(), indexedDb({ name: 'shop' }), opfs({ name: 'shop' }), nodeFs({ directory: 'data' })]
  await openStore(backends[0] ?? memory())
  await openStore('shop', { fallback: memory() })
  await openStore('shop', { mode: 'read' })
  // @ts-expect-error A store is opened for writing by saying nothing.
  await openStore('shop', { mode: 'write' })
  // @ts-expect-error a store has a name or a backend
  await openStore(5)
  const health = await opened.health()
  same<typeof health.backend, string>()
  await opened.close()
}

export async function queue(source: Store, signal: AbortSignal): Promise<void> {
  const orders = await openQueue<Order>(source, 'orders', { buckets: 4, key: (order) => order.customer })
  same<typeof orders, Queue<Order>>()
  const receipt = await orders.append({ customer: 'ada', item: 'book' }, { signal })
  same<typeof receipt, Receipt>()
  same<typeof receipt.durability, 'memory' | 'os' | 'disk' | 'remote'>()
  const receipts = await orders.appendMany([{ customer: 'ada', item: 'pen' }])
  same<typeof receipts, readonly Receipt[]>()
  // @ts-expect-error the item is missing
  await orders.append({ customer: 'ada' })
  // @ts-expect-error the key is derived from what an order has
  await openQueue<Order>(source, 'orders', { key: (order) => order.price })
  // @ts-expect-error a number of buckets
  await openQueue<Order>(source, 'orders', { buckets: 'four' })
  const records = await orders.read({ bucket: 0, from: 'earliest', limit: 10 })
  same<typeof records, readonly StoredRecord<Order>[]>()
  await orders.read({ bucket: 0, from: { last: 5 } })
  await orders.read({ bucket: 0, from: { time: new Date() } })
  // @ts-expect-error no such position
  await orders.read({ bucket: 0, from: 'oldest' })
  for await (const record of orders.tail({ from: 'latest', signal })) same<typeof record.value, Order>()
  // @ts-expect-error a record is read-only
  if (records[0] !== undefined) records[0].offset = 1
  const stop = orders.watch((event) => {
    if (event.type === 'rewound') same<typeof event.group, string>()
  })
  same<typeof stop, () => void>()
}

export async function transactions(source: Store, orders: Queue<Order>): Promise<void> {
  const settings = await openKv<Settings>(source, 'settings')
  const [receipt, put, deleted] = await transaction(source, [
    toAppend(orders, { customer: 'ada', item: 'book' }, { key: 'ada', delayMs: 5 }),
    toPut(settings, 'theme', 'dark', { when: 'absent' }),
    toDelete(settings, 'user:ada'),
  ])
  same<typeof receipt, Receipt>()
  same<typeof put, { readonly version: string | undefined }>()
  same<typeof deleted, undefined>()
  // @ts-expect-error the item is missing
  toAppend(orders, { customer: 'ada' })
  // @ts-expect-error no such theme
  toPut(settings, 'theme', 'blue')
  // @ts-expect-error no such key
  toDelete(settings, 'volume')
  // @ts-expect-error a transaction that is sent twice is stored twice
  toAppend(orders, { customer: 'ada', item: 'book' }, { id: 'x' })
  await orders.append({ customer: 'ada', item: 'book' }, { id: 'evt_1', delayMs: 1000 })
  await orders.appendRecords([{ value: { customer: 'ada', item: 'pen' }, id: 'evt_2' }])
  await openQueue<Order>(source, 'orders', { dedupe: { ms: 60_000, ids: 1_000 } })
}

export async function group(orders: Queue<Order>, signal: AbortSignal): Promise<void> {
  const billing = await orders.group('billing')
  await billing.process(async (delivery) => same<typeof delivery.value, Order>(), { concurrency: 8, signal })
  await billing.process(({ value, deliveries }) => `${value.item} ${deliveries}`, { until: 'empty' })
  for await (const delivery of billing.consume({ signal })) {
    same<typeof delivery.value.customer, string>()
    await delivery.ack()
    await delivery.nack({ delayMs: 1000 })
  }
  const deliveries = await billing.receive({ limit: 10, waitMs: 100 })
  await billing.ack(deliveries)
  const { total, buckets } = await billing.lag()
  same<typeof total, number>()
  same<typeof buckets, readonly number[]>()
  // @ts-expect-error there is no such end
  await billing.process(() => undefined, { until: 'later' })
}

export async function beside(source: Store, orders: Queue<Order>, signal: AbortSignal): Promise<void> {
  const writer = await orders.writer({ producerId: 'p', epoch: 1, lingerMs: 5 })
  same<typeof writer, QueueWriter<Order>>()
  const receipt = await writer.append({ customer: 'ada', item: 'book' }, { key: 'ada', sequence: 0, signal })
  same<typeof receipt, Receipt>()
  // @ts-expect-error the item is missing
  await writer.send({ customer: 'ada' })
  // @ts-expect-error a producer has an id
  await orders.writer({ epoch: 1 })
  const reader = await orders.reader({ rank: 0, worldSize: 2, from: [0, 5] })
  for await (const batch of reader.batches({ signal })) same<typeof batch, readonly StoredRecord<Order>[]>()
  const later = await orders.reader({ from: reader.offsets() })
  same<typeof later, QueueReader<Order>>()
  await orders.reader({ from: { last: 5 } })
  // @ts-expect-error no such position
  await orders.reader({ from: 'oldest' })
  const byCustomer: Sampler = { window: 50, choose: (ready) => ready.filter(({ key }) => key === ready[0]?.key) }
  const marks = await orders.marks('train', { sampler: rankAwareSampler({ rank: 0, worldSize: 2 }, byCustomer) })
  const batch = await marks.take({ limit: 5 })
  if (batch !== undefined) same<Awaited<ReturnType<typeof marks.read>>, readonly StoredRecord<Order>[]>()
  const { events, audits, deadLetters } = await openEventRecords(source, { audits: { format: 'ndjson' } })
  same<typeof events, Queue<EventRecord, EventInput>>()
  await events.append({ eventType: 'ActorStarted' })
  await audits.append({})
  const [letter] = await deadLetters.read()
  same<NonNullable<typeof letter>['value']['target'], string | undefined>()
  // @ts-expect-error an event has a type
  await events.append({ payload: 1 })
  // @ts-expect-error the schema is the kind's own
  await openEventRecords(source, { events: { schema: undefined } })
}

export async function snapshots(source: Store): Promise<void> {
  const saved = await openSnapshots<AgentState>(source)
  const info = await saved.save({ agent: 'planner', session: 's1', state: { step: 1 }, metadata: { offsets: [1, 2] } })
  same<typeof info, SnapshotInfo>()
  const state = await saved.load(info.id)
  same<typeof state, AgentState>()
  const latest = await saved.latest({ agent: 'planner', session: 's1' })
  same<typeof latest, SnapshotInfo | undefined>()
  for await (const one of saved.list({ agent: 'planner', limit: 3 })) same<typeof one, SnapshotInfo>()
  const { ok, problems } = await saved.verify()
  same<typeof ok, boolean>()
  same<(typeof problems)[number]['expected'], string | undefined>()
  // @ts-expect-error another state
  await saved.save({ agent: 'planner', session: 's1', state: { steps: 1 } })
  // @ts-expect-error a session is needed
  await saved.load({ agent: 'planner' })
}

export async function keys(source: Store | Backend): Promise<void> {
  const kv = await openKv<Settings>(source, 'settings')
  const theme = await kv.get('theme')
  same<typeof theme, 'light' | 'dark' | undefined>()
  const user = await kv.get('user:ada')
  same<typeof user, { name: string } | undefined>()
  const entry = await kv.entry('theme')
  if (entry !== undefined) await kv.put('theme', 'dark', { when: { version: entry.version }, ttlMs: 1000 })
  await kv.put('theme', 'light', { when: 'absent' })
  const updated = await kv.update('theme', (value) => (value === 'dark' ? 'light' : 'dark'))
  same<typeof updated, 'light' | 'dark' | undefined>()
  // @ts-expect-error no such key
  await kv.get('colour')
  // @ts-expect-error no such theme
  await kv.put('theme', 'blue')
  for await (const key of kv.keys({ prefix: 'user:' })) same<typeof key, 'theme' | `user:${string}`>()
  const loose = await openKv(source)
  const anything = await loose.get('anything')
  same<typeof anything, unknown>()
}

export function failures(error: unknown): string {
  if (isStorageError(error, 'corrupt')) {
    same<typeof error.retryable, boolean>()
    const known: StorageError = error
    return known.message
  }
  // @ts-expect-error there is no such code
  return isStorageError(error, 'broken') ? 'broken' : 'else'
}
