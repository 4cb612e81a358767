import { describe, expect, test } from 'vitest'
import { openQueue, openStore, recover, scan } from 'varve'
import { redis } from 'varve/adapters/redis'
import { ManualClock } from 'varve/testing'
import { clientForTests, serverForTests } from '../fixtures/redis-for-tests.js'
import { CLIENTS, describeRedis, openIoRedis } from '../fixtures/redis-server.js'

let made = 0

describeRedis('other clients of the same Redis', () => {
  const server = serverForTests()
  const other = clientForTests(server, openIoRedis)

  describe.each(CLIENTS)('beside the client $name', ({ open }) => {
    const opened = clientForTests(server, open)

    /** A queue, and the key of its one native stream. */
    async function newQueue<T>(options: Parameters<typeof openQueue<T>>[2] = {}) {
      const prefix = `native-${made++}:`
      const backend = redis({ client: opened.client, prefix })
      const store = await openStore(backend)
      const queue = await openQueue<T>(store, 'q', options)
      const streamKey = async (): Promise<string> => {
        const keys = await other.client.keys(`${prefix}stream:*:meta`)
        return (keys[0] as string).slice(0, -':meta'.length)
      }
      const close = async (): Promise<void> => {
        await store.close()
        await backend.close()
      }
      return { queue, store, backend, streamKey, close }
    }

    test('a record is an entry with a dense id and named fields', async () => {
      const { queue, streamKey, close } = await newQueue<{ item: string }>({ key: ({ item }) => item })
      await queue.append({ item: 'book' }, { headers: { by: 'cron' } })
      const { timestamp } = await queue.append({ item: 'pen' })
      await queue.tombstone('book')
      const entries = await other.client.xrange(await streamKey(), '-', '+')
      expect(entries.map(([id]) => id)).toEqual(['0-1', '0-2', '0-3'])
      expect(fieldsOf(entries[0])).toMatchObject({ value: '{"item":"book"}', key: 'book', codec: '1', 'h:by': 'cron' })
      expect(fieldsOf(entries[1])).toMatchObject({ value: '{"item":"pen"}', timestamp: String(timestamp) })
      expect(fieldsOf(entries[2])).not.toHaveProperty('value')
      await close()
    })

    test('values and keys may be any bytes, and batches large', async () => {
      const { queue, streamKey, close } = await newQueue<Uint8Array>()
      const bytes = Uint8Array.from({ length: 256 }, (_, n) => n)
      await queue.appendMany(Array.from({ length: 20_000 }, () => bytes))
      expect(await other.client.xlen(await streamKey())).toBe(20_000)
      const records = await queue.read({ from: 19_990, limit: 100 })
      expect(records.map(({ offset }) => offset)).toEqual(Array.from({ length: 10 }, (_, n) => 19_990 + n))
      expect(records[9]?.value).toEqual(bytes)
      const large = new Uint8Array(900_000).fill(7)
      await queue.appendMany([large, large, large, large, large, large, large])
      expect((await queue.read({ from: 20_000, limit: 100 }))[0]?.value.length).toBe(large.length)
      await close()
    })

    test('a client joins a group: what it took is not delivered here, what it acknowledged is done', async () => {
      const { queue, streamKey, close } = await newQueue<number>()
      await queue.appendMany([0, 1, 2, 3, 4, 5])
      const group = await queue.group('Über', { visibilityMs: 60_000 })
      const key = await streamKey()
      const taken = await readGroup(key, 'Über', 2)
      expect(taken).toEqual(['0-1', '0-2'])
      const ours = await group.receive({ limit: 10 })
      expect(ours.map(({ value }) => value)).toEqual([2, 3, 4, 5])
      await other.client.xack(key, 'Über', ...taken)
      expect(await group.committed()).toEqual([2])
      await other.client.xack(key, 'Über', '0-3')
      await group.ack(ours)
      expect((await group.lag()).total).toBe(0)
      expect(await pendingOf(key, 'Über')).toBe(0)
      await close()
    })

    test('what a client took and never acknowledged is delivered here when its visibility is over, and counted', async () => {
      const { queue, streamKey, close } = await newQueue<number>()
      await queue.appendMany([0, 1])
      const group = await queue.group('g', { visibilityMs: 150 })
      expect(await readGroup(await streamKey(), 'g', 10)).toEqual(['0-1', '0-2'])
      const again = await receiveSome(group, 2)
      expect(again.map(({ value, deliveries }) => [value, deliveries])).toEqual([
        [0, 2],
        [1, 2],
      ])
      await group.ack(again)
      expect((await group.lag()).total).toBe(0)
      await close()
    })

    test('what was read by the native command is hidden for as long as its reader asked, whoever looks next', async () => {
      const { queue, streamKey, close } = await newQueue<number>()
      await queue.appendMany([0, 1, 2, 3, 4, 5, 6])
      const patient = await queue.group('g', { visibilityMs: 60_000 })
      await patient.receive()
      const read = await patient.receive({ limit: 5 })
      const key = await streamKey()
      expect(await other.client.hget(`${key}:group:g`, 'last')).toBe('0') // no script took part
      const another = redis({ client: opened.client, prefix: key.slice(0, key.indexOf('stream:')) })
      const hasty = await (await openQueue<number>(another, 'q')).group('g', { visibilityMs: 5_000 })
      expect((await hasty.receive({ limit: 9 })).map(({ value }) => value)).toEqual([6])
      expect(await other.client.zrange(`${key}:runs:g`, '0', '-1')).toEqual(['6:6:5000', '0:0:60000', '1:5:60000'])
      const [first, second] = (await other.client.zrange(`${key}:runs:g`, '1', '2', 'WITHSCORES'))
        .filter((_, at) => at % 2 === 1)
        .map(Number)
      expect(second).toBeGreaterThanOrEqual(first as number) // by the time of the read
      await patient.ack(read)
      expect(await pendingOf(key, 'g')).toBe(2)
      await another.close()
      await close()
    })

    test('a client may take over what was delivered here, by XAUTOCLAIM', async () => {
      const { queue, streamKey, close } = await newQueue<number>()
      await queue.append(7)
      const group = await queue.group('g')
      const [mine] = await group.receive()
      const key = await streamKey()
      const [, claimed] = (await other.client.xautoclaim(key, 'g', 'thief', 0, '0')) as [string, [string, string[]][]]
      expect(claimed.map(([id]) => id)).toEqual(['0-1'])
      await mine?.nack({ delayMs: 0 }) // another attempt holds it: ignored
      expect(await group.receive()).toEqual([])
      await other.client.xack(key, 'g', '0-1')
      expect((await group.lag()).total).toBe(0)
      await close()
    })

    test('a group that a client made is one of the queue', async () => {
      const { queue, streamKey, close } = await newQueue<number>()
      await queue.appendMany([0, 1, 2])
      await other.client.xgroup('CREATE', await streamKey(), 'theirs', '0-1')
      expect(await queue.groups()).toEqual(['theirs'])
      const group = await queue.group('theirs')
      expect((await group.receive({ limit: 10 })).map(({ value }) => value)).toEqual([1, 2])
      await close()
    })

    test('an entry with a foreign id is corrupt for readers, moved aside by a group, and appends go on', async () => {
      const { queue, streamKey, close } = await newQueue<number>()
      await queue.appendMany([0, 1])
      const key = await streamKey()
      const id = (await other.client.xadd(key, '*', 'hello', 'world')) as string
      expect((await queue.read({ limit: 10 })).map(({ value }) => value)).toEqual([0, 1])
      await expect(queue.read({ from: 2 })).rejects.toMatchObject({ code: 'corrupt' })
      await expect(queue.append(2)).rejects.toMatchObject({ code: 'corrupt' })
      const group = await queue.group('g')
      const received = await group.receive({ limit: 10 })
      expect(received.map(({ value }) => value)).toEqual([0, 1])
      expect(await pendingOf(key, 'g')).toBe(2)
      const [aside] = await other.client.xrange(`${key}:quarantine`, '-', '+')
      expect(fieldsOf(aside)).toMatchObject({ 'quarantined-id': id, hello: 'world' })
      expect((await queue.append(2)).offset).toBe(2)
      expect((await group.receive({ limit: 10 })).map(({ value }) => value)).toEqual([2])
      await close()
    })

    test('many appends at once keep the order of their calls, from the first on', async () => {
      const { queue, close } = await newQueue<number>()
      await other.client.script('FLUSH')
      const receipts = await Promise.all(Array.from({ length: 1_000 }, (_, n) => queue.append(n)))
      expect(receipts.map(({ offset }) => offset)).toEqual(Array.from({ length: 1_000 }, (_, n) => n))
      await close()
    })

    test('an entry of ours that was overwritten with nonsense is moved aside, and never pending', async () => {
      const { queue, streamKey, close } = await newQueue<number>()
      await queue.append(0)
      const key = await streamKey()
      await other.client.xadd(key, '0-2', 'timestamp', 'soon')
      const group = await queue.group('g')
      expect((await group.receive({ limit: 10 })).map(({ value }) => value)).toEqual([0])
      expect((await queue.append(1)).offset).toBe(1)
      expect((await group.receive({ limit: 10 })).map(({ value }) => value)).toEqual([1])
      expect(await other.client.xlen(`${key}:quarantine`)).toBe(1)
      expect(await pendingOf(key, 'g')).toBe(2)
      await close()
    })

    test('a scan names what is not a record, and a recovery moves it aside', async () => {
      const { queue, store, streamKey, close } = await newQueue<number>()
      await queue.appendMany([0, 1, 2])
      expect(await scan(store)).toMatchObject({ healthy: true, scanned: { queues: 1, records: 3 } })
      const key = await streamKey()
      await other.client.xadd(key, '0-4', 'timestamp', '1', 'codec', '1', 'value', '9')
      await other.client.xadd(key, '*', 'hello', 'world')
      const kinds = (await scan(store)).anomalies.map(({ kind, queue: name, bucket }) => [kind, name, bucket])
      expect(kinds).toEqual([
        ['foreign_entry', 'q', 0],
        ['foreign_entry', 'q', 0],
      ])
      const { before, after } = await recover(store, { mode: 'repair' })
      expect([before.healthy, after.healthy]).toEqual([false, true])
      expect(await other.client.xlen(`${key}:quarantine`)).toBe(2)
      expect((await queue.append(3)).offset).toBe(3)
      await other.client.del(`${key}:meta`) // as a full server without noeviction does
      expect((await scan(store)).anomalies).toMatchObject([{ kind: 'damaged_manifest' }])
      await expect(queue.append(4)).rejects.toMatchObject({ code: 'corrupt' })
      expect((await recover(store, { mode: 'repair' })).after.healthy).toBe(true)
      expect((await queue.append(4)).offset).toBe(4)
      expect((await queue.read()).map(({ value }) => value)).toEqual([0, 1, 2, 3, 4])
      await close()
    })

    test('an order by key holds back later records of a key, in a group that is not native', async () => {
      const backend = redis({ client: opened.client, prefix: `native-${made++}:` })
      const stream = await backend.streams?.open('s')
      const records = ['a1', 'b1', 'a2', 'b2'].map((value) => ({ key: value.slice(0, 1), value, codec: 0 }))
      await stream?.append({ records })
      const group = await stream?.group('ordered', { ordering: 'key' })
      const receive = async () => (await group?.receive('c', { limit: 10 }))?.map(({ record }) => record.offset)
      const ack = (offset: number) => group?.settle([{ offset, attempt: 1, action: 'ack' }])
      expect(await receive()).toEqual([0, 1])
      await ack(1)
      expect(await receive()).toEqual([3])
      await ack(0)
      await ack(3)
      expect(await receive()).toEqual([2])
      await ack(2)
      expect((await group?.state())?.committed).toBe(4)
      expect(await stream?.groups()).toEqual(['ordered'])
      await expect(stream?.group('ordered', { ordering: 'none' })).rejects.toMatchObject({ code: 'invalid' })
      await stream?.group('plain', { create: 'new' })
      await expect(stream?.group('plain', { create: 'new' })).rejects.toMatchObject({ code: 'conflict' })
      await expect(stream?.group('plain', { ordering: 'key' })).rejects.toMatchObject({ code: 'invalid' })
      await expect(stream?.group('none', { create: false })).rejects.toMatchObject({ code: 'missing' })
      await stream?.deleteGroup('ordered')
      expect(await stream?.groups()).toEqual(['plain'])
      await stream?.close()
      await backend.close()
    })

    test('a delayed record is delivered when it is due, and read at once', async () => {
      const clock = new ManualClock()
      const backend = redis({ client: opened.client, prefix: `native-${made++}:` })
      const stream = await backend.streams?.open('s', { clock })
      const due = (ms: number) => [['varve-due', String(clock.now() + ms)]] as const
      await stream?.append({
        records: [
          { value: 'later', codec: 0, headers: due(5_000) },
          { value: 'now', codec: 0 },
        ],
      })
      expect((await stream?.read({ from: 0, limit: 10 }))?.length).toBe(2)
      const group = await stream?.group('g', { visibilityMs: 60_000 })
      const receive = async () => (await group?.receive('c', { limit: 10 }))?.map(({ record, attempt }) => [record.offset, attempt])
      expect(await receive()).toEqual([[1, 1]])
      await clock.advance(4_999)
      expect(await receive()).toEqual([])
      await clock.advance(1)
      expect(await receive()).toEqual([[0, 1]])
      await stream?.close()
      await backend.close()
    })

    test('also a group that reads on natively keeps back what is not due, and gives first what was given back', async () => {
      const backend = redis({ client: opened.client, prefix: `native-${made++}:` })
      const stream = await backend.streams?.open('s')
      const append = (value: string, headers: readonly (readonly [string, string])[] = []) =>
        stream?.append({ records: [{ value, codec: 0, headers }] })
      await append('0')
      const group = await stream?.group('g')
      const receive = async (limit: number) =>
        (await group?.receive('c', { limit }))?.map(({ record, attempt }) => [record.offset, attempt])
      expect(await receive(1)).toEqual([[0, 1]])
      await append('1', [['varve-due', String(Date.now() + 3_600_000)]])
      await append('2')
      await append('3')
      expect(await receive(2)).toEqual([[2, 1]])
      await group?.settle([{ offset: 0, attempt: 1, action: 'nack', delayMs: 0 }])
      expect(await receive(1)).toEqual([[0, 2]])
      expect(await receive(10)).toEqual([[3, 1]])
      expect((await group?.pending())?.map(({ offset, attempt }) => [offset, attempt])).toEqual([
        [0, 2],
        [1, 0],
        [2, 1],
        [3, 1],
      ])
      await stream?.close()
      await backend.close()
    })

    test('scripts that the server forgot are sent again', async () => {
      const { queue, close } = await newQueue<number>()
      await queue.append(0)
      await other.client.script('FLUSH')
      expect((await queue.append(1)).offset).toBe(1)
      expect((await queue.read()).length).toBe(2)
      await close()
    })

    test('an append whose answer is lost with the connection is stored once', async () => {
      const { queue, close } = await newQueue<number>()
      const count = 3_000
      const receipts = []
      for (let at = 0; at < count; at += 100) {
        const appends = Promise.all(Array.from({ length: 100 }, (_, n) => queue.append(at + n)))
        for (let turn = 0; turn < at % 7; turn++) await new Promise((resolve) => setImmediate(resolve))
        await other.client.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
        receipts.push(...(await appends))
      }
      const values: number[] = []
      for (let from = 0; from < count; from += 1_000) {
        for (const { value } of await queue.read({ from, limit: 1_000 })) values.push(value)
      }
      expect(values.length).toBe(count)
      for (const [value, { offset }] of receipts.entries()) expect(values[offset]).toBe(value)
      expect((await queue.stats()).buckets[0]?.next).toBe(count)
      await close()
    })
  })

  function readGroup(key: string, group: string, count: number): Promise<string[]> {
    return other.client
      .xreadgroup('GROUP', group, 'foreign', 'COUNT', count, 'STREAMS', key, '>')
      .then((reply) => ((reply ?? []) as [string, [string, string[]][]][]).flatMap(([, entries]) => entries.map(([id]) => id)))
  }

  async function pendingOf(key: string, group: string): Promise<number> {
    return Number(((await other.client.xpending(key, group)) as unknown[])[0])
  }
})

function fieldsOf(entry: [id: string, fields: string[]] | undefined): Record<string, string> {
  const fields = entry?.[1] ?? []
  return Object.fromEntries(Array.from({ length: fields.length / 2 }, (_, n) => [fields[2 * n], fields[2 * n + 1]]))
}

async function receiveSome<T>(group: { receive(options: object): Promise<readonly T[]> }, count: number): Promise<T[]> {
  const all: T[] = []
  while (all.length < count) all.push(...(await group.receive({ limit: count, waitMs: 5_000 })))
  return all
}
