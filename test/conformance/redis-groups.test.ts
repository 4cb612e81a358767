// Native groups beside clients that die or write things of their own: what is taken, shown and delivered again.

import { expect, test } from 'vitest'
import { redis } from 'varve/adapters/redis'
import { ManualClock } from 'varve/testing'
import { clientForTests, serverForTests } from '../fixtures/redis-for-tests.js'
import { describeRedis, openIoRedis } from '../fixtures/redis-server.js'

const HOUR = 3_600_000
let made = 0

describeRedis('groups of a Redis stream', () => {
  const server = serverForTests()
  const opened = clientForTests(server, openIoRedis)

  async function newStream(clock?: ManualClock) {
    const prefix = `groups-${made++}:`
    const backend = redis({ client: opened.client, prefix })
    const stream = await backend.streams?.open('s', clock === undefined ? {} : { clock })
    if (stream === undefined) throw new Error('no streams')
    const append = (value: string, headers: readonly (readonly [string, string])[] = []) =>
      stream.append({ records: [{ key: value, value, codec: 0, headers }] })
    const close = async (): Promise<void> => {
      await stream.close()
      await backend.close()
    }
    return { stream, append, key: `${prefix}stream:s`, close }
  }

  test('a seek leaves neither deadlines nor reasons of what was delivered before it', async () => {
    const clock = new ManualClock()
    const { stream, append, close } = await newStream(clock)
    await append('a')
    const group = await stream.group('g', { visibilityMs: 60_000 })
    const receive = async () =>
      (await group.receive('c', { limit: 10 })).map(({ record, attempt, reason }) => [record.offset, attempt, reason])
    expect(await receive()).toEqual([[0, 1, undefined]])
    await group.settle([{ offset: 0, attempt: 1, action: 'nack', delayMs: 0, reason: 'bad' }])
    expect(await receive()).toEqual([[0, 2, 'bad']])
    await group.settle([{ offset: 0, attempt: 2, action: 'extend', delayMs: HOUR }])
    await group.settle([{ offset: 0, attempt: 2, action: 'ack' }])
    await group.seek(0)
    expect(await receive()).toEqual([[0, 1, undefined]])
    const pending = await group.pending()
    expect(pending.map(({ reason }) => reason)).toEqual([undefined])
    // The time of a delivery by the native command is the server's, told as an age.
    const leftMs = (pending[0]?.deadline ?? 0) - clock.now()
    expect(leftMs).toBeLessThanOrEqual(60_000)
    expect(leftMs).toBeGreaterThan(59_000)
    await clock.advance(60_000)
    expect(await receive()).toEqual([[0, 2, undefined]])
    await close()
  })

  test('what another client has pending of its own entries is not listed, and pages come to an end', async () => {
    const { stream, append, key, close } = await newStream()
    for (const value of ['a', 'b', 'c']) await append(value)
    const group = await stream.group('g')
    await opened.client.xadd(key, '*', 'hello', 'world')
    await opened.client.xreadgroup('GROUP', 'g', 'foreign', 'COUNT', 10, 'STREAMS', key, '>')
    expect((await group.pending({ limit: 2 })).map(({ offset }) => offset)).toEqual([0, 1])
    expect((await group.pending({ after: 1, limit: 2 })).map(({ offset }) => offset)).toEqual([2])
    expect(await group.pending({ after: 2 })).toEqual([])
    await close()
  })

  test('a delayed record that was read by somebody who died before its due time was noted is still kept back', async () => {
    const { stream, append, key, close } = await newStream()
    const group = await stream.group('g', { visibilityMs: 50 })
    const due = String(Date.now() + HOUR)
    await append('delayed', [['varve-due', due]])
    await append('plain')
    await opened.client.xreadgroup('GROUP', 'g', 'killed', 'COUNT', 10, 'STREAMS', key, '>')
    const again = []
    while (again.length === 0) again.push(...(await group.receive('c', { limit: 10, waitMs: 10_000 })))
    expect(again.map(({ record, attempt }) => [record.offset, attempt])).toEqual([[1, 2]])
    expect((await group.pending()).map(({ offset, attempt, deadline }) => [offset, attempt, String(deadline)])[0]).toEqual([0, 0, due])
    await close()
  })

  test('a claim leaves a delayed record alone whose due time nobody noted', async () => {
    const { stream, append, key, close } = await newStream()
    const group = await stream.group('g')
    await append('delayed', [['varve-due', String(Date.now() + HOUR)]])
    await append('plain')
    await opened.client.xreadgroup('GROUP', 'g', 'killed', 'COUNT', 10, 'STREAMS', key, '>')
    expect((await group.claim('c', { minIdleMs: 0, limit: 10 })).map(({ record, attempt }) => [record.offset, attempt])).toEqual([[1, 2]])
    expect((await group.pending()).map(({ offset, attempt }) => [offset, attempt])).toEqual([
      [0, 0],
      [1, 2],
    ])
    await close()
  })

  test('a record that was given back is not extended by who gave it back', async () => {
    const clock = new ManualClock()
    const { stream, append, close } = await newStream(clock)
    await append('a')
    const group = await stream.group('g')
    await group.receive('c', { limit: 1 })
    await group.settle([{ offset: 0, attempt: 1, action: 'nack', delayMs: 1_000 }])
    expect(await group.settle([{ offset: 0, attempt: 1, action: 'extend', delayMs: HOUR }])).toEqual({ settled: 0, ignored: 1 })
    await clock.advance(1_000)
    expect((await group.receive('c', { limit: 1 })).map(({ attempt }) => attempt)).toEqual([2])
    await close()
  })

  test('a group with an order by key moves aside what is no record, and goes on', async () => {
    const { stream, append, key, close } = await newStream()
    await append('a')
    await opened.client.xadd(key, '0-2', 'timestamp', '1', 'value', 'torn', 'encoding', 'gzip', 'codec', '0')
    await opened.client.hset(`${key}:meta`, 'next', 2) // as if it had been appended here
    await append('b')
    const group = await stream.group('g', { ordering: 'key' })
    const receive = async () => (await group.receive('c', { limit: 10 })).map(({ record }) => record.offset)
    expect([...(await receive()), ...(await receive())]).toEqual([0, 2])
    const [[, fields] = []] = await opened.client.xrange(`${key}:quarantine`, '-', '+')
    expect(fields).toContain('0-2')
    await expect(stream.read({ from: 1, limit: 1 })).resolves.toMatchObject([{ offset: 2 }])
    await close()
  })
})
