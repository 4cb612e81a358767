// What a queue infers from its schema: from one of a library, and from one made by hand. Compiled in an empty project against
// the packed package, never run.

import * as v from 'valibot'
import { openQueue, type Queue, type StandardSchema, type Store, type StoredRecord, type VersionedSchema } from 'varve'

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
function same<A, B>(..._proof: Same<A, B> extends true ? [] : ['the types differ']): void {}

interface OrderInput {
  item: string
  count?: number
}

interface Order {
  item: string
  count: number
}

declare const byHand: StandardSchema<OrderInput, Order>

export async function givenAlone(source: Store): Promise<void> {
  const orders = await openQueue(source, 'orders', { schema: byHand, key: (order) => `${order.item}${order.count.toFixed()}` })
  same<typeof orders, Queue<Order, OrderInput>>()
  await orders.append({ item: 'pen' })
  await orders.appendMany([{ item: 'pen' }, { item: 'ink', count: 2 }])
  await orders.appendRecords([{ value: { item: 'pen' }, key: 'a' }])
  // @ts-expect-error the item is missing
  await orders.append({ count: 1 })
  const records = await orders.read()
  same<typeof records, readonly StoredRecord<Order>[]>()
  for await (const { value, schemaVersion } of orders.tail()) {
    same<typeof value, Order>()
    same<typeof schemaVersion, number | undefined>()
  }
  const [delivery] = await (await orders.group('billing')).receive()
  if (delivery !== undefined) same<typeof delivery.value, Order>()
}

export async function versioned(source: Store): Promise<void> {
  const upcasters = { 1: (old: { name: string }) => ({ item: old.name }) }
  const orders = await openQueue(source, 'orders', { schema: { version: 2, schema: byHand, upcasters } })
  same<typeof orders, Queue<Order, OrderInput>>()
  await openQueue(source, 'orders', { schema: { version: 2, schema: byHand, upcasters: { 1: (old) => ({ ...old, count: 1 }) } } })
  const kept: VersionedSchema<OrderInput, Order> = { version: 2, schema: byHand, upcasters }
  same<Awaited<ReturnType<typeof openQueue<Order, OrderInput>>>, Queue<Order, OrderInput>>()
  await openQueue(source, 'orders', { schema: kept })
  // @ts-expect-error a version is a number
  await openQueue(source, 'orders', { schema: { version: '2', schema: byHand } })
  // @ts-expect-error an upcaster is a function
  await openQueue(source, 'orders', { schema: { version: 2, schema: byHand, upcasters: { 1: 'rename' } } })
  // @ts-expect-error the schema makes orders, not numbers
  await openQueue<number>(source, 'orders', { schema: byHand })
}

export async function fromALibrary(source: Store): Promise<void> {
  const schema = v.object({ item: v.string(), count: v.optional(v.number(), 1), at: v.pipe(v.string(), v.transform(Number)) })
  const orders = await openQueue(source, 'orders', { schema, key: ({ item }) => item })
  same<typeof orders, Queue<{ item: string; count: number; at: number }, { item: string; count?: number | undefined; at: string }>>()
  const newer = await openQueue(source, 'orders', { schema: { version: 3, schema }, buckets: 4 })
  same<typeof newer, typeof orders>()
  const late = await openQueue(source, 'orders', {
    schema: v.pipeAsync(
      v.string(),
      v.checkAsync(async () => true),
    ),
  })
  same<typeof late, Queue<string>>()
}
