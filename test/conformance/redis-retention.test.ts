import { expect, test } from 'vitest'
import { redis } from 'varve/adapters/redis'
import { clientForTests, serverForTests } from '../fixtures/redis-for-tests.js'
import { describeRedis, openIoRedis } from '../fixtures/redis-server.js'

const KIB = 1_024

describeRedis('retention by bytes beside compaction, on Redis', () => {
  const server = serverForTests()
  const opened = clientForTests(server, openIoRedis)

  async function withStream(prefix: string, bytes: number) {
    const backend = redis({ client: opened.client, prefix })
    const stream = await backend.streams?.open('s', { compaction: 'key', retention: { bytes }, segmentBytes: 4 * KIB })
    if (stream === undefined) throw new Error('no streams')
    const append = (key: string, size = KIB) => stream.append({ records: [{ key, value: new Uint8Array(size), codec: 0 }] })
    const keys = async () => {
      const records = await stream.read({ from: 0, limit: 1_000 })
      return records.map(({ key }) => Buffer.from(key ?? []).toString())
    }
    const close = async () => {
      await stream.close()
      await backend.close()
    }
    return { stream, append, keys, close }
  }

  test('what a compaction took does not push out what is left', async () => {
    const { stream, append, keys, close } = await withStream('compacted:', 40 * KIB)
    await append('old')
    for (let round = 0; round < 10; round++) {
      for (let n = 0; n < 10; n++) await append('hot')
      await stream.compact()
    }
    expect(await keys()).toEqual(['old', 'hot'])
    expect((await stream.bounds()).first).toBe(0)
    await close()
  })

  test('what is held beyond the limit goes, the oldest first, also after compactions', async () => {
    const { stream, append, keys, close } = await withStream('mixed:', 40 * KIB)
    for (let round = 0; round < 10; round++) {
      await append(`cold ${round}`, 8 * KIB)
      for (let n = 0; n < 10; n++) await append('hot')
      await stream.compact()
    }
    const held = await keys()
    expect(held.slice(-2)).toEqual(['cold 9', 'hot'])
    expect(held).not.toContain('cold 4')
    expect(held).toContain('cold 7')
    await close()
  })
})
