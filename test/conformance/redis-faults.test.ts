import { createServer } from 'node:net'
import type { Redis } from 'ioredis'
import { afterEach, describe, expect, test } from 'vitest'
import { openKv, openQueue, openStore } from 'varve'
import { redis } from 'varve/adapters/redis'
import { CLIENTS, describeRedis, openIoRedis, type RedisServer, startRedisServer } from '../fixtures/redis-server.js'
import { startProxy } from '../fixtures/redis-server-proxy.js'

const cleanups: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean()
})

async function started(...args: readonly string[]): Promise<RedisServer> {
  const server = await startRedisServer(...args)
  cleanups.push(() => server.stop())
  return server
}

async function connected<Client>(opening: Promise<{ client: Client; close(): Promise<void> }>): Promise<{ client: Client }> {
  const opened = await opening
  cleanups.push(() => opened.close())
  return opened
}

/** WAIT is about what its own connection wrote, and what came before. */
async function untilReplicated(client: Redis): Promise<void> {
  await client.set('written', 'last')
  expect(await client.wait(1, 60_000)).toBe(1)
}

describeRedis.each(CLIENTS)('faults of a Redis server, by the client $name', ({ open }) => {
  test('a full server is quota, loses nothing, can be read and trimmed, and then goes on', async () => {
    const server = await started('--maxmemory', '16mb', '--maxmemory-policy', 'noeviction')
    const { client } = await connected(open(server.port))
    const store = await openStore(redis({ client }))
    const queue = await openQueue<string>(store, 'q')
    const group = await queue.group('g')
    const value = 'x'.repeat(100_000)
    let stored = 0
    const filling = async (): Promise<never> => {
      for (;;) stored = (await queue.append(value)).offset + 1
    }
    await expect(filling()).rejects.toMatchObject({ code: 'quota' })
    expect(stored).toBeGreaterThan(10)
    await expect((await openKv(store, 'k')).put('a', value)).rejects.toMatchObject({ code: 'quota' })
    expect((await queue.read({ from: stored - 1 }))[0]?.value).toBe(value)
    const deliveries = await group.receive({ limit: 5 })
    await group.ack(deliveries)
    expect(await group.committed()).toEqual([5])
    await queue.trim(stored - 5)
    expect((await queue.append(value)).offset).toBe(stored)
    await store.close()
  })

  test('a replica is read, and denies every change', async () => {
    const server = await started()
    const replica = await started('--replicaof', '127.0.0.1', String(server.port))
    const { client } = await connected(open(server.port))
    const raw = await connected(openIoRedis(server.port))
    const store = await openStore(redis({ client }))
    const queue = await openQueue<number>(store, 'q')
    await queue.appendMany([1, 2, 3])
    await untilReplicated(raw.client)
    const there = await connected(open(replica.port))
    const copy = await openStore(redis({ client: there.client }), { mode: 'read' })
    const values = (await (await openQueue<number>(copy, 'q')).read()).map((record) => record.value)
    expect(values).toEqual([1, 2, 3])
    const beside = redis({ client: there.client })
    await expect(beside.blobs.put('a', new Uint8Array(1))).rejects.toMatchObject({ code: 'denied' })
    await expect((await openQueue<number>(beside, 'q')).append(4)).rejects.toMatchObject({ code: 'denied' })
    await expect(beside.locks?.acquire('a')).rejects.toMatchObject({ code: 'denied' })
    expect((await beside.health()).warnings.join()).toContain('replica')
    await beside.close()
    await copy.close()
    await store.close()
  })

  test('appends wait while a replica takes over, then go on where it stands', async () => {
    const server = await started()
    const replica = await started('--replicaof', '127.0.0.1', String(server.port))
    const proxy = await startProxy(server.port)
    cleanups.push(() => proxy.stop())
    const raw = await connected(openIoRedis(server.port))
    const promoted = await connected(openIoRedis(replica.port))
    const { client } = await connected(open(proxy.port))
    const store = await openStore(redis({ client }))
    const queue = await openQueue<string>(store, 'q')
    const group = await queue.group('g')
    for (let n = 0; n < 50; n++) await queue.append(`before ${n}`)
    await group.ack(await group.receive({ limit: 20 }))
    await untilReplicated(raw.client)
    await server.kill()
    const during = Promise.all(Array.from({ length: 20 }, (_, n) => queue.append(`during ${n}`)))
    await promoted.client.replicaof('NO', 'ONE')
    proxy.switchTo(replica.port)
    const receipts = await during
    expect(receipts.map(({ offset }) => offset)).toEqual(Array.from({ length: 20 }, (_, n) => 50 + n))
    expect((await queue.read({ limit: 100 })).length).toBe(70)
    expect((await group.receive({ limit: 100 })).map(({ offset }) => offset)).toEqual(Array.from({ length: 50 }, (_, n) => 20 + n))
    await store.close()
  })

  test('a server older than 7.0 is unsupported, with its version', async () => {
    const old = await startOldServer()
    cleanups.push(() => old.stop())
    const { client } = await connected(open(old.port))
    const backend = redis({ client })
    await expect(backend.blobs.get('a')).rejects.toMatchObject({ code: 'unsupported', facts: { version: '6.2.14' } })
    await backend.close()
  })

  test('the client stays open, and the connection for messages is ended', async () => {
    const server = await started()
    const { client } = await connected(open(server.port))
    const raw = await connected(openIoRedis(server.port))
    const connections = async (): Promise<number> =>
      String(await raw.client.client('LIST'))
        .trim()
        .split('\n').length
    const before = await connections()
    const backend = redis({ client })
    const woken = new Promise<void>((resolve) => backend.signals?.listen('a', resolve))
    backend.signals?.send('a')
    await woken
    await expect.poll(connections).toBe(before + 1)
    await backend.close()
    await expect.poll(connections).toBe(before)
    await expect(backend.blobs.get('a')).rejects.toMatchObject({ code: 'closed' })
    const again = redis({ client })
    expect(await again.blobs.get('a')).toBeUndefined()
    await again.close()
  })

  test('a client set apart for messages is used and stays open', async () => {
    const server = await started()
    const { client } = await connected(open(server.port))
    const subscriber = await connected(open(server.port))
    const backend = redis({ client, subscriber: subscriber.client })
    const other = redis({ client })
    let wakes = 0
    backend.signals?.listen('a', () => wakes++)
    await expect.poll(() => wakes).toBe(1) // the subscription stands
    other.signals?.send('a')
    await expect.poll(() => wakes).toBe(2)
    await backend.close()
    await other.close()
    const third = redis({ client: subscriber.client, subscriber: client })
    await third.close()
  })

  test('a lock whose lease ended is lost, and its holder is told', async () => {
    const server = await started()
    const { client } = await connected(open(server.port))
    const raw = await connected(openIoRedis(server.port))
    const backend = redis({ client, prefix: 'l:', leaseMs: 300 })
    const lock = await backend.locks?.acquire('a')
    expect(await lock?.held()).toBe(true)
    await raw.client.del('l:lock:a') // as when the lease had ended
    const lost = new Promise((resolve) => lock?.lost.addEventListener('abort', resolve))
    const next = await backend.locks?.acquire('a')
    await lost
    expect(await lock?.held()).toBe(false)
    expect(next?.token).toBeGreaterThan(lock?.token ?? Number.POSITIVE_INFINITY)
    expect(await next?.held()).toBe(true)
    await lock?.release()
    expect(await next?.held()).toBe(true)
    await backend.close()
  })

  test('a lock is renewed for as long as it is held', async () => {
    const server = await started()
    const { client } = await connected(open(server.port))
    const raw = await connected(openIoRedis(server.port))
    const backend = redis({ client, prefix: 'l:', leaseMs: 300 })
    const lock = await backend.locks?.acquire('a')
    const leaseEnds = async (): Promise<number> => Number((await raw.client.zrange('l:lock:a', '0', '0', 'WITHSCORES'))[1])
    const begun = await leaseEnds()
    await expect.poll(leaseEnds, { timeout: 10_000 }).toBeGreaterThan(begun + 300)
    expect(lock?.lost.aborted).toBe(false)
    await backend.close()
  })

  test('health warns where the server would lose what it acknowledged', async () => {
    const careless = await started('--maxmemory', '64mb', '--maxmemory-policy', 'allkeys-lru')
    const { client } = await connected(open(careless.port))
    const health = await redis({ client }).health()
    expect(health.warnings.join()).toMatch(/append-only file.*noeviction/)
    expect(health.quotaBytes).toBe(64 * 2 ** 20)
    const half = await started('--appendonly', 'yes', '--appendfsync', 'everysec')
    expect((await redis({ client: (await connected(open(half.port))).client }).health()).warnings.join()).toContain('everysec')
    const good = await started('--appendonly', 'yes', '--appendfsync', 'always')
    expect((await redis({ client: (await connected(open(good.port))).client }).health()).warnings).toEqual([])
  })

  test('a client that was closed says so', async () => {
    const server = await started()
    const { client, close } = await open(server.port)
    const backend = redis({ client })
    await backend.blobs.put('a', new Uint8Array(1))
    await close()
    await expect(backend.blobs.get('a')).rejects.toMatchObject({ code: 'closed' })
    await expect((async () => (await backend.streams?.open('s'))?.append({ records: [{ value: 'v', codec: 0 }] }))()).rejects.toMatchObject(
      {
        code: 'closed',
      },
    )
    await backend.close()
  })
})

describe('what redis() refuses', () => {
  test('what is no client, a client with its own prefix, a cluster, a lease of nothing', async () => {
    const client = { callBuffer: async () => null } as unknown as Parameters<typeof redis>[0]['client']
    expect(() => redis({ client: 'redis://localhost' as unknown as typeof client })).toThrow(expect.objectContaining({ code: 'invalid' }))
    expect(() => redis({ client: Object.assign({ ...client }, { options: { keyPrefix: 'a:' } }) })).toThrow(
      expect.objectContaining({ code: 'invalid' }),
    )
    expect(() => redis({ client: Object.assign({ ...client }, { isCluster: true }) })).toThrow(
      expect.objectContaining({ code: 'unsupported' }),
    )
    expect(() => redis({ client, leaseMs: 0 })).toThrow(expect.objectContaining({ code: 'invalid' }))
    expect(() => redis({ client, prefix: 'x'.repeat(257) })).toThrow(expect.objectContaining({ code: 'invalid' }))
  })
})

/** Answers the few commands that come before the first of ours as a Redis 6.2 does, whose scripts know no version. */
async function startOldServer() {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', (data) => {
      for (const command of data.toString().split(/(?=\*\d+\r\n)/)) socket.write(oldAnswer(command.split('\r\n')[2]?.toUpperCase()))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  return { port, stop: () => new Promise((resolve) => server.close(resolve)) }
}

function oldAnswer(command: string | undefined): string {
  if (command === 'HELLO') return '%1\r\n$7\r\nversion\r\n$6\r\n6.2.14\r\n'
  if (command === 'INFO') return '$33\r\nredis_version:6.2.14\r\nloading:0\r\n\r\n'
  if (command === 'EVAL') return '*2\r\n:0\r\n$6\r\n6.2.14\r\n'
  return '+OK\r\n'
}
