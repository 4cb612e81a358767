import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openQueue, openStore } from 'varve'
import { redis } from 'varve/adapters/redis'
import { clientForTests, serverForTests } from '../fixtures/redis-for-tests.js'
import { describeRedis, openNodeRedis } from '../fixtures/redis-server.js'

const CONSUMER = fileURLToPath(new URL('../fixtures/redis-server-consumer.mjs', import.meta.url))
const VISIBILITY_MS = 400
const LEASE_MS = 400

interface Consumer {
  readonly child: ChildProcess
  ask<Result>(command: string, options?: object): Promise<Result>
  kill(): Promise<void>
}

async function startConsumer(port: number): Promise<Consumer> {
  const child = fork(CONSUMER, [port, VISIBILITY_MS, LEASE_MS].map(String), {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    execArgv: [],
  })
  const waiting = new Map<number, (answer: { result?: unknown; code?: string }) => void>()
  let asked = 0
  child.on('message', (answer: { id: number; result?: unknown; code?: string }) => {
    waiting.get(answer.id)?.(answer)
    waiting.delete(answer.id)
  })
  await new Promise<void>((resolve) => waiting.set(0, () => resolve()))
  return {
    child,
    ask<Result>(command: string, options: object = {}) {
      const id = ++asked
      return new Promise<Result>((resolve, reject) => {
        waiting.set(id, ({ result, code }) => (code === undefined ? resolve(result as Result) : reject(new Error(code))))
        child.send({ id, command, ...options })
      })
    },
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const ended = new Promise((resolve) => child.once('exit', resolve))
      child.kill('SIGKILL')
      await ended
    },
  }
}

describeRedis('processes on one Redis', () => {
  const server = serverForTests()
  const mine = clientForTests(server, openNodeRedis)
  let a: Consumer
  let b: Consumer
  beforeAll(async () => {
    const queue = await openQueue<number>(await openStore(redis({ client: mine.client })), 'q')
    await queue.appendMany([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    ;[a, b] = await Promise.all([startConsumer(server.port), startConsumer(server.port)])
  })
  afterAll(async () => {
    await a?.kill()
    await b?.kill()
  })

  test('one that is paused past its visibility loses what it took, and changes nothing when it wakes', async () => {
    const taken = await a.ask<[number, number][]>('receive', { limit: 5, waitMs: 0, consumer: 'a' })
    expect(taken.map(([offset]) => offset)).toEqual([0, 1, 2, 3, 4])
    expect(await a.ask<number>('lock', { name: 'turn' })).toBeGreaterThan(0)
    a.child.kill('SIGSTOP')

    const received = new Map<number, number>()
    while (received.size < 10) {
      for (const [offset, attempt] of await b.ask<[number, number][]>('receive', { limit: 10, waitMs: 5_000, consumer: 'b' })) {
        received.set(offset, attempt)
      }
    }
    expect([0, 1, 2, 3, 4].map((offset) => (received.get(offset) as number) >= 2)).toEqual([true, true, true, true, true])
    expect(await b.ask<number>('lock', { name: 'turn' })).toBeGreaterThan(1)

    a.child.kill('SIGCONT')
    expect(await a.ask('held')).toMatchObject({ held: false, lost: true })
    expect(await b.ask('held')).toMatchObject({ held: true })
    await a.ask('nack', { offset: 0 }) // a later attempt holds it
    await b.ask('ack', { offsets: [...received.keys()] })
    await a.ask('ack', { offsets: [1, 2] }) // no longer pending
    expect(await a.ask('receive', { limit: 10, waitMs: 2 * VISIBILITY_MS, consumer: 'a' })).toEqual([])
  })

  test('what a killed process held is delivered to another', async () => {
    const queue = await openQueue<number>(redis({ client: mine.client }), 'q')
    await queue.appendMany([10, 11, 12])
    expect((await a.ask<[number, number][]>('receive', { limit: 10, waitMs: 0 })).length).toBe(3)
    await a.kill()
    const again: [number, number][] = []
    while (again.length < 3) again.push(...(await b.ask<[number, number][]>('receive', { limit: 10, waitMs: 5_000 })))
    expect(again).toEqual([
      [10, 2],
      [11, 2],
      [12, 2],
    ])
    await b.ask('ack', { offsets: [10, 11, 12] })
    expect((await (await queue.group('g')).lag()).total).toBe(0)
  })
})
