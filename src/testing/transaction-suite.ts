// Several changes in one commit, where the backend has such commits; where it has none, it has to say so.

import { toAppend, toDelete, toPut, transaction, type TransactionOperation } from '../core/compose/transaction.js'
import type { Store } from '../core/derived/resolve.js'
import { openKv } from '../core/features/kv/open-kv.js'
import type { Kv } from '../core/features/kv/types.js'
import { openQueue } from '../core/features/queue/open-queue.js'
import { deleteQueue } from '../core/features/queue/queues.js'
import type { Queue } from '../core/features/queue/types.js'
import type { Backend } from '../core/ports/backend.js'
import { expectEqual, expectRejects, expectTrue } from './assert.js'
import { ManualClock } from './manual-clock.js'
import { range, storeCase, storeOn } from './queue-place.js'
import type { BackendSuiteOptions, MakeBackend, SuiteCase } from './suite.js'

interface Shop {
  readonly store: Store
  readonly stock: Kv<Record<string, number>>
  readonly orders: Queue<string>
}

/** `transaction` with keys and queues. */
export function transactionSuite(make: MakeBackend, { reopen }: BackendSuiteOptions = {}): readonly SuiteCase[] {
  const shopCase = (name: string, body: (shop: Shop, backend: Backend) => Promise<void>): SuiteCase =>
    storeCase(`transaction: ${name}`, make, async (store, backend) => {
      const shop = await openShop(store)
      if (await isWithout(shop, backend)) return
      await body(shop, backend)
    })
  return [...wholeCases(shopCase), ...raceCases(shopCase), expiryCase(make), ...(reopen === undefined ? [] : [lastingCase(make, reopen)])]
}

type ShopCase = (name: string, body: (shop: Shop, backend: Backend) => Promise<void>) => SuiteCase

function wholeCases(shopCase: ShopCase): SuiteCase[] {
  return [
    shopCase('puts, deletes and appends are stored together, and each has its result', async ({ store, stock, orders }) => {
      const audit = await openQueue<number>(store, 'audit', { buckets: 3 })
      await stock.put('gone', 1)
      await orders.append('before')
      const results = await transaction(store, [
        toPut(stock, 'pen', 4),
        toAppend(orders, 'one', { key: 'ada', headers: { h: 'x' } }),
        toDelete(stock, 'gone'),
        toAppend(orders, 'two'),
        ...range(6).map((n) => toAppend(audit, n)),
      ])
      const [{ version }, first, deleted, second] = results
      expectEqual(version, (await stock.entry('pen'))?.version)
      expectEqual([first.bucket, first.offset, deleted, second.offset], [0, 1, undefined, 2])
      expectEqual([await stock.get('pen'), await stock.get('gone')], [4, undefined])
      const read = await orders.read()
      expectEqual(
        read.map(({ value, key, headers }) => [value, key, headers.h]),
        [
          ['before', undefined, undefined],
          ['one', 'ada', 'x'],
          ['two', undefined, undefined],
        ],
      )
      expectEqual([first.timestamp, second.timestamp], [read[1]?.timestamp, read[2]?.timestamp] as number[])
      const inBuckets = await Promise.all(range(3).map((bucket) => audit.read({ bucket })))
      expectEqual(
        inBuckets.map((records) => records.length),
        [2, 2, 2],
      )
      const receipts = results.slice(4) as { bucket: number; offset: number }[]
      for (const [n, { bucket, offset }] of receipts.entries()) {
        expectEqual(inBuckets[bucket]?.find((record) => record.offset === offset)?.value, n)
      }
    }),
    shopCase('a condition that fails is a conflict, and nothing is stored', async ({ store, stock, orders }) => {
      const { version } = await stock.put('pen', 1)
      await stock.put('pen', 2)
      const all: TransactionOperation[] = [toAppend(orders, 'order'), toPut(stock, 'ink', 1)]
      const refused = [
        toPut(stock, 'pen', 3, { when: { version } }),
        toPut(stock, 'pen', 3, { when: 'absent' }),
        toDelete(stock, 'pen', { when: { version } }),
        toAppend(orders, 'more', { when: { next: 7 } }),
      ]
      for (const one of refused) await expectRejects(transaction(store, [...all, one]), 'conflict')
      expectEqual(await orders.read(), [])
      expectEqual([await stock.get('pen'), await stock.get('ink')], [2, undefined])
      const now = (await stock.entry('pen'))?.version as string
      const right = [toPut(stock, 'pen', 3, { when: { version: now } }), toAppend(orders, 'more', { when: { next: 1 } })]
      await transaction(store, [...all, ...right])
      expectEqual([await stock.get('pen'), await stock.get('ink'), (await orders.read()).length], [3, 1, 2])
    }),
    shopCase('what makes no sense is invalid, and nothing is stored', async ({ store, stock, orders }, backend) => {
      const other = storeOn(backend)
      try {
        const theirs = await openKv<Record<string, number>>(other, 'stock')
        const wrong: TransactionOperation[][] = [
          [toPut(stock, 'pen', 1), toPut(stock, 'pen', 2)],
          [toPut(theirs, 'pen', 1)],
          [toPut(stock, 'pen', 1), toAppend(orders, undefined as unknown as string)],
          [toAppend({} as Queue<string>, 'x')],
          [toPut({} as typeof stock, 'pen', 1)],
        ]
        for (const operations of wrong) await expectRejects(transaction(store, operations), 'invalid')
        expectEqual([await stock.get('pen'), await orders.read()], [undefined, []])
      } finally {
        await other.close()
      }
      expectEqual(await transaction(store, []), [])
    }),
    shopCase('waiting readers are told, and appends of every kind go on behind it', async ({ store, orders }) => {
      const waiting = orders.read({ waitMs: 30_000 })
      await transaction(store, [toAppend(orders, 'one')])
      expectEqual((await waiting).length, 1)
      await orders.append('two', { id: 'a' })
      const again = await openQueue<string>(store, 'orders')
      await transaction(store, [toAppend(again, 'three'), toAppend(orders, 'four')])
      expectEqual((await orders.append('five', { id: 'a' })).duplicate, true)
      expectEqual(
        (await again.read()).map(({ value }) => value),
        ['one', 'two', 'three', 'four'],
      )
      await orders.seal()
      await expectRejects(transaction(store, [toAppend(orders, 'late')]), 'closed')
    }),
  ]
}

function raceCases(shopCase: ShopCase): SuiteCase[] {
  return [
    shopCase('appends of others come between, and none is lost', async ({ store, stock, orders }, backend) => {
      const other = await openShop(storeOn(backend))
      const running = range(8).flatMap((n) => [
        transaction(store, [toAppend(orders, `t${n}`), toPut(stock, `k${n}`, n)]),
        other.orders.append(`a${n}`),
        orders.append(`b${n}`),
      ])
      await Promise.all(running)
      const values = (await orders.read()).map(({ value }) => value)
      expectEqual(
        [...values].sort(),
        range(8)
          .flatMap((n) => [`t${n}`, `a${n}`, `b${n}`])
          .sort(),
      )
      expectEqual(await Promise.all(range(8).map((n) => stock.get(`k${n}`))), range(8))
      await other.store.close()
    }),
    shopCase('of two on one condition one is stored, with all that belongs to it', async ({ store, stock, orders }, backend) => {
      const other = await openShop(storeOn(backend))
      const { version } = await stock.put('last', 1)
      const take = (shop: Shop, name: string): Promise<unknown> =>
        transaction(shop.store, [toDelete(shop.stock, 'last', { when: { version } }), toAppend(shop.orders, name)])
      const outcomes = await Promise.allSettled([take({ store, stock, orders }, 'one'), take(other, 'other')])
      expectEqual(outcomes.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
      for (const outcome of outcomes) if (outcome.status === 'rejected') expectEqual(outcome.reason.code, 'conflict')
      const winner = outcomes[0]?.status === 'fulfilled' ? 'one' : 'other'
      expectEqual(
        (await orders.read()).map(({ value }) => value),
        [winner],
      )
      await other.store.close()
    }),
    shopCase('nothing goes into a queue that was deleted', async ({ store, stock, orders }, backend) => {
      await orders.append('one')
      const other = storeOn(backend)
      await deleteQueue(other, 'orders')
      await other.close()
      await expectRejects(transaction(store, [toPut(stock, 'pen', 1), toAppend(orders, 'two')]), 'closed')
      expectEqual(await stock.get('pen'), undefined)
    }),
  ]
}

function expiryCase(make: MakeBackend): SuiteCase {
  const clock = new ManualClock()
  return storeCase(
    'transaction: a value that has expired counts as absent',
    make,
    async (store, backend) => {
      const shop = await openShop(store)
      if (await isWithout(shop, backend)) return
      const { stock } = shop
      const [{ version }] = await transaction(store, [toPut(stock, 'pen', 1, { ttlMs: 1_000 })])
      await clock.advance(1_000)
      await expectRejects(transaction(store, [toPut(stock, 'pen', 2, { when: { version: String(version) } })]), 'conflict')
      await transaction(store, [toPut(stock, 'pen', 3, { when: 'absent' })])
      expectEqual(await stock.get('pen'), 3)
    },
    () => clock,
  )
}

function lastingCase(make: MakeBackend, reopen: NonNullable<BackendSuiteOptions['reopen']>): SuiteCase {
  return storeCase('transaction: what was stored is there after a restart', make, async (store, backend) => {
    const shop = await openShop(store)
    if (await isWithout(shop, backend)) return
    await transaction(store, [toPut(shop.stock, 'pen', 4), toAppend(shop.orders, 'one')])
    await store.close()
    await backend.close()
    const again = await openShop(storeOn(await reopen(backend)))
    expectEqual([await again.stock.get('pen'), (await again.orders.read())[0]?.value], [4, 'one'])
    await again.store.close()
  })
}

async function openShop(store: Store): Promise<Shop> {
  return { store, stock: await openKv<Record<string, number>>(store, 'stock'), orders: await openQueue<string>(store, 'orders') }
}

/** Where there is no such commit it is refused with what is missing, and nothing is stored. */
async function isWithout({ store, stock, orders }: Shop, { blobs, files, streams, name }: Backend): Promise<boolean> {
  if (blobs.batch !== undefined && files === undefined && streams === undefined) return false
  const error = await expectRejects(transaction(store, [toPut(stock, 'pen', 1), toAppend(orders, 'x')]), 'unsupported')
  expectTrue(error.backend === name && error.facts.missing !== undefined, 'what is missing')
  expectEqual([await stock.get('pen'), await orders.read()], [undefined, []])
  return true
}
