// Outboxes: everything reaches the receiver at least once, in order per key, whatever the network and some records do.

import type { Connectivity } from '../core/compose/connectivity.js'
import { outbox, sendOutbox } from '../core/compose/outbox.js'
import type { OutboxOptions, SendContext } from '../core/compose/outbox-types.js'
import { Latch } from '../core/base/latch.js'
import { StorageError } from '../core/base/errors.js'
import type { Store } from '../core/derived/resolve.js'
import type { StoredRecord } from '../core/features/queue/record-types.js'
import type { Queue } from '../core/features/queue/types.js'
import { expectEqual, expectRejects, expectTrue } from './assert.js'
import { openQueue } from './queue-format.js'
import { storeCase, storeOn, until } from './queue-place.js'
import type { BackendSuiteOptions, MakeBackend, SuiteCase } from './suite.js'

interface Order {
  readonly customer: string
  readonly number: number
}

/** Part of `queueSuite`. */
export function outboxCases(make: MakeBackend, { reopen }: BackendSuiteOptions): readonly SuiteCase[] {
  return [
    ...sendingCases(make),
    ...networkCases(make),
    ...failureCases(make),
    ...passCases(make),
    ...(reopen === undefined ? [] : restartCases(make, reopen)),
  ]
}

/** Soon tried again, and no timer of the platform says when the network is back. */
const SOON: OutboxOptions = { backoff: { firstMs: 1, maxMs: 4 } }

/** A receiver that keeps what came, and may refuse. */
class Receiver {
  readonly got: Order[] = []
  readonly ids: string[] = []
  readonly attempts: number[] = []
  atOnce = 0
  mostAtOnce = 0
  refuse: (order: Order) => unknown = () => undefined

  readonly take = async ({ value }: StoredRecord<Order>, { id, attempt }: SendContext): Promise<void> => {
    this.atOnce++
    this.mostAtOnce = Math.max(this.mostAtOnce, this.atOnce)
    this.attempts.push(attempt)
    try {
      await Promise.resolve()
      const error = this.refuse(value)
      if (error !== undefined) throw error
      this.ids.push(id)
      this.got.push(value)
    } finally {
      this.atOnce--
    }
  }

  of(customer: string): number[] {
    return this.got.filter((order) => order.customer === customer).map(({ number }) => number)
  }
}

class Network implements Connectivity {
  readonly #latch = new Latch()
  readonly synced: string[] = []
  online = true

  isOnline(): boolean {
    return this.online
  }

  listen(wake: () => void): () => void {
    return this.#latch.listen(wake)
  }

  async requestSync(tag: string): Promise<void> {
    this.synced.push(tag)
  }

  back(): void {
    this.online = true
    this.#latch.wake()
  }
}

function ordersIn(store: Store): Promise<Queue<Order>> {
  return openQueue<Order>(store, 'orders', { key: (order) => order.customer })
}

function orders(customer: string, count: number): Order[] {
  return Array.from({ length: count }, (_, number) => ({ customer, number }))
}

function sendingCases(make: MakeBackend): readonly SuiteCase[] {
  return [
    storeCase('outbox: what is there and what comes is sent once, in order per key, with an id of its own', make, async (store) => {
      const queue = await ordersIn(store)
      const receiver = new Receiver()
      await queue.appendMany([...orders('ada', 5), ...orders('bob', 5)])
      const box = await outbox(queue, receiver.take, SOON)
      await queue.appendMany(orders('cyd', 5))
      await until(async () => receiver.got.length === 15)
      await until(async () => (await box.waiting()) === 0)
      for (const customer of ['ada', 'bob', 'cyd']) expectEqual(receiver.of(customer), [0, 1, 2, 3, 4])
      expectEqual(new Set(receiver.ids).size, 15)
      const { offset, timestamp } = (await queue.read({ limit: 1 }))[0] as StoredRecord<Order>
      expectTrue(
        receiver.ids.some((id) => id.endsWith(`/0/${offset}/${timestamp}`)),
        'the id tells a record from another one at its offset',
      )
      expectEqual(box.state, { status: 'sending', sent: 15, dead: 0 })
      await box.close()
      expectEqual(box.state.status, 'closed')
    }),
    storeCase('outbox: one sender at a time where there are locks, and the next one takes over', make, async (store, backend) => {
      if (backend.locks === undefined) return
      const queue = await ordersIn(store)
      const receiver = new Receiver()
      const first = await outbox(queue, receiver.take, { ...SOON, concurrency: 1 })
      await until(async () => first.state.status === 'sending')
      const second = await outbox(queue, receiver.take, { ...SOON, concurrency: 1 })
      await queue.appendMany(orders('ada', 10))
      await until(async () => receiver.got.length === 10)
      expectEqual([receiver.mostAtOnce, second.state.sent, second.state.status], [1, 0, 'standby'])
      await first.close()
      await queue.appendMany(orders('bob', 3))
      await until(async () => second.state.sent === 3)
      expectEqual(receiver.of('bob'), [0, 1, 2])
      await second.close()
    }),
    storeCase('outbox: a wrong argument is invalid', make, async (store) => {
      const queue = await ordersIn(store)
      await expectRejects(() => outbox(queue, undefined as never), 'invalid')
      await expectRejects(() => outbox({} as never, async () => {}), 'invalid')
      await queue.group('plain', { ordering: 'none' })
      await expectRejects(() => outbox(queue, async () => {}, { group: 'plain' }), 'invalid')
    }),
  ]
}

function networkCases(make: MakeBackend): readonly SuiteCase[] {
  return [
    storeCase('outbox: while the network is away nothing is sent or counted, and its return wakes', make, async (store) => {
      const queue = await ordersIn(store)
      const receiver = new Receiver()
      const network = new Network()
      network.online = false
      const box = await outbox(queue, receiver.take, { connectivity: network, backoff: { firstMs: 60_000, maxMs: 60_000 } })
      await queue.appendMany(orders('ada', 3))
      await until(async () => box.state.status === 'offline')
      expectEqual(receiver.attempts, [])
      network.back()
      await until(async () => receiver.got.length === 3)
      expectEqual(receiver.attempts, [1, 1, 1])
      await box.close()
    }),
    storeCase('outbox: a network that fails without a word is no fault of the record', make, async (store) => {
      const queue = await ordersIn(store)
      const receiver = new Receiver()
      const network = new Network()
      let failures = 0
      receiver.refuse = () => (failures++ < 20 ? new TypeError('Failed to fetch') : undefined)
      const box = await outbox(queue, receiver.take, { ...SOON, connectivity: network, maxDeliveries: 2, syncTag: 'orders' })
      await queue.append({ customer: 'ada', number: 0 })
      await until(async () => receiver.got.length === 1)
      expectEqual(receiver.attempts, Array(21).fill(1))
      expectEqual(box.state.dead, 0)
      expectTrue(network.synced.length >= 20 && network.synced.every((tag) => tag === 'orders'), 'background sync was asked for')
      await box.close()
    }),
    storeCase('outbox: what is under way when the network fails is not counted either', make, async (store) => {
      const queue = await ordersIn(store)
      const attempts: number[] = []
      let failures = 0
      const send = async ({ value }: StoredRecord<Order>, { attempt, signal }: SendContext): Promise<void> => {
        attempts.push(attempt)
        if (failures >= 12) return
        if (value.customer === 'ada' && ++failures > 0) throw new TypeError('Failed to fetch')
        await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
      }
      const box = await outbox(queue, send, { ...SOON, connectivity: new Network(), maxDeliveries: 2 })
      await queue.appendMany(['bob', 'cyd', 'ada'].map((customer) => ({ customer, number: 0 })))
      await until(async () => (await box.waiting()) === 0)
      await box.close()
      expectEqual([new Set(attempts), box.state.sent, box.state.dead], [new Set([1]), 3, 0])
    }),
    storeCase('outbox: retry() does not wait for the back-off', make, async (store) => {
      const queue = await ordersIn(store)
      const receiver = new Receiver()
      receiver.refuse = () => new TypeError('fetch failed')
      const box = await outbox(queue, receiver.take, { connectivity: new Network(), backoff: { firstMs: 60_000, maxMs: 60_000 } })
      await queue.append({ customer: 'ada', number: 0 })
      await until(async () => box.state.status === 'offline')
      receiver.refuse = () => undefined
      box.retry()
      await until(async () => receiver.got.length === 1)
      await box.close()
    }),
  ]
}

function failureCases(make: MakeBackend): readonly SuiteCase[] {
  return [
    storeCase('outbox: a poisonous record becomes a dead letter, others of other keys do not wait for it', make, async (store) => {
      const queue = await ordersIn(store)
      const receiver = new Receiver()
      receiver.refuse = ({ customer, number }) => (customer === 'ada' && number === 0 ? new Error('the server says 500') : undefined)
      const box = await outbox(queue, receiver.take, { ...SOON, maxDeliveries: 3 })
      await queue.appendMany([...orders('ada', 3), ...orders('bob', 3)])
      await until(async () => receiver.got.length === 5)
      expectEqual(receiver.of('ada'), [1, 2])
      expectEqual(receiver.of('bob'), [0, 1, 2])
      await until(async () => box.state.dead === 0 && (await box.waiting()) === 0)
      const [letter] = await (await openQueue<Order>(store, 'orders-dead-letters')).read()
      expectEqual(letter?.value, { customer: 'ada', number: 0 })
      await box.close()
      expectEqual(box.state.dead, 1)
    }),
    storeCase('outbox: what the receiver calls invalid is given up at once', make, async (store) => {
      const queue = await ordersIn(store)
      const receiver = new Receiver()
      receiver.refuse = ({ number }) => (number === 1 ? new StorageError('invalid', 'no such customer') : undefined)
      const box = await outbox(queue, receiver.take, SOON)
      await queue.appendMany(orders('ada', 3))
      await until(async () => receiver.got.length === 2)
      expectEqual(receiver.of('ada'), [0, 2])
      expectEqual(receiver.attempts, [1, 1, 1])
      await box.close()
    }),
    storeCase('outbox: a mistake in send is not taken for the network', make, async (store) => {
      const queue = await ordersIn(store)
      const receiver = new Receiver()
      receiver.refuse = () => new TypeError("Cannot read properties of undefined (reading 'x')")
      const box = await outbox(queue, receiver.take, { ...SOON, maxDeliveries: 2 })
      await queue.append({ customer: 'ada', number: 0 })
      await until(async () => (await box.waiting()) === 0)
      expectEqual(receiver.attempts, [1, 2])
      await box.close()
    }),
    storeCase('outbox: a sending that never ends is cut, counted, and holds up nobody', make, async (store) => {
      const queue = await ordersIn(store)
      const receiver = new Receiver()
      const aborted: boolean[] = []
      const send = async (record: StoredRecord<Order>, context: SendContext): Promise<void> => {
        if (record.value.customer !== 'ada') return receiver.take(record, context)
        await new Promise<void>((resolve) => context.signal.addEventListener('abort', () => resolve()))
        aborted.push(context.signal.aborted)
        await new Promise(() => {})
      }
      const box = await outbox(queue, send, { ...SOON, timeoutMs: 5, maxDeliveries: 2 })
      await queue.appendMany([...orders('ada', 1), ...orders('bob', 3)])
      await until(async () => receiver.got.length === 3 && (await box.waiting()) === 0)
      expectEqual(aborted, [true, true])
      await box.close()
    }),
  ]
}

function passCases(make: MakeBackend): readonly SuiteCase[] {
  return [
    storeCase('outbox: a single pass sends what it can and says what is left', make, async (store) => {
      const queue = await ordersIn(store)
      const receiver = new Receiver()
      await queue.appendMany([...orders('ada', 3), ...orders('bob', 2)])
      receiver.refuse = ({ customer }) => (customer === 'ada' ? new Error('not now') : undefined)
      const rarely = { backoff: { firstMs: 60_000, maxMs: 60_000 } }
      const first = await sendOutbox(queue, receiver.take, rarely)
      expectEqual([first.sent, first.dead], [2, 0])
      expectTrue(first.left >= 3, 'the others wait')
      const network = new Network()
      network.online = false
      expectEqual((await sendOutbox(queue, receiver.take, { ...rarely, connectivity: network })).sent, 0)
    }),
  ]
}

function restartCases(make: MakeBackend, reopen: NonNullable<BackendSuiteOptions['reopen']>): readonly SuiteCase[] {
  return [
    storeCase('outbox: a closed one goes on where it was, under the same ids', make, async (store, backend) => {
      const queue = await ordersIn(store)
      const receiver = new Receiver()
      await queue.appendMany(orders('ada', 4))
      const tried: string[] = []
      let isOpen = true
      const send = async (record: StoredRecord<Order>, context: SendContext): Promise<void> => {
        tried.push(context.id)
        if (record.value.number < 2) return receiver.take(record, context)
        isOpen = false
        await new Promise<void>((resolve) => context.signal.addEventListener('abort', () => resolve()))
        throw context.signal.reason
      }
      const box = await outbox(queue, send, SOON)
      await until(async () => !isOpen)
      await box.close()
      await store.close()
      const again = storeOn(await reopen(backend))
      try {
        const reopened = await outbox(await ordersIn(again), receiver.take, SOON)
        await until(async () => receiver.got.length === 4)
        expectEqual(receiver.of('ada'), [0, 1, 2, 3])
        expectEqual(receiver.ids[2], tried[2])
        expectEqual(receiver.attempts[2], 1)
        await reopened.close()
      } finally {
        await again.close()
      }
    }),
  ]
}
