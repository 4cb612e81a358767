import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { cloudflareKv, type KvNamespaceLike } from 'varve/adapters/cloudflare-kv'
import { r2, type R2BucketLike } from 'varve/adapters/cloudflare-r2'
import { type Fault, faultyBucket } from './faulty-bucket.js'

const bytes = Uint8Array.of(1, 2, 3)

test.each([
  ['null', 'conflict'],
  ['412', 'conflict'],
  ['429', 'unavailable'],
  ['500', 'unavailable'],
  ['lost', 'unavailable'],
] as const)('R2: a put answered with %s is %s', async (fault: Fault, code) => {
  const { blobs } = r2({ bucket: faultyBucket(env.BUCKET, fault, 1), prefix: prefix() })
  await expect(blobs.put('a', bytes, { when: 'absent' })).rejects.toMatchObject({
    code,
    backend: 'cloudflare-r2',
    operation: 'put',
    key: 'a',
  })
  const { version } = (await blobs.get('a')) ?? {}
  expect(version === undefined).toBe(fault !== 'lost')
})

test('R2: reads, deletes and listings that fail say so too', async () => {
  const failing = (): ReturnType<typeof r2> => r2({ bucket: faultyBucket(env.BUCKET, '500', 1) })
  const unavailable = { code: 'unavailable', retryable: true }
  await expect(failing().blobs.get('a')).rejects.toMatchObject(unavailable)
  await expect(failing().blobs.get('a', { range: { start: 0, end: 1 } })).rejects.toMatchObject(unavailable)
  await expect(failing().blobs.delete(['a'])).rejects.toMatchObject(unavailable)
  await expect(keys(failing().blobs.list())).rejects.toMatchObject(unavailable)
})

test.each([
  [10002, 'denied'],
  [10003, 'denied'],
  [10006, 'missing'],
  [10020, 'invalid'],
  [100100, 'invalid'],
  [10043, 'unavailable'],
  [99999, 'unavailable'],
])('R2: error %d is %s', async (number, code) => {
  const head = (): never => {
    throw new Error('never called')
  }
  const get = async (): Promise<never> => {
    throw new Error(`get: something (${number})`)
  }
  const bucket: R2BucketLike = { ...faultyBucket(env.BUCKET, 'null', 1), head, get }
  await expect(r2({ bucket }).blobs.get('a')).rejects.toMatchObject({ code, facts: { number } })
})

test('R2: a listing goes on after short and empty pages', async () => {
  const pages = [['p/a'], [], ['p/b', 'p/c'], []]
  const list: R2BucketLike['list'] = async (options) => {
    const at = Number(options?.cursor ?? 0)
    const objects = (pages[at] ?? []).map((key) => ({ key, size: 1, etag: key }))
    return at + 1 < pages.length ? { objects, truncated: true, cursor: String(at + 1) } : { objects, truncated: false }
  }
  const { blobs } = r2({ bucket: { ...faultyBucket(env.BUCKET, 'null', 1), list }, prefix: 'p/' })
  expect(await keys(blobs.list())).toEqual(['a', 'b', 'c'])
})

test('R2: more than a thousand keys are deleted in several calls', async () => {
  const calls: number[] = []
  const bucket: R2BucketLike = {
    ...faultyBucket(env.BUCKET, 'null', 1),
    delete: async (names) => {
      calls.push(names.length)
    },
  }
  await r2({ bucket }).blobs.delete(Array.from({ length: 2001 }, (_, i) => String(i)))
  expect(calls).toEqual([1000, 1000, 1])
})

test('R2: stores with different prefixes do not see each other', async () => {
  const [one, two] = [r2({ bucket: env.BUCKET, prefix: 'one/' }), r2({ bucket: env.BUCKET, prefix: 'two/' })]
  await one.blobs.put('a', bytes)
  expect(await two.blobs.get('a')).toBeUndefined()
  expect(await keys(two.blobs.list())).toEqual([])
  expect(await keys(one.blobs.list())).toEqual(['a'])
  expect((await one.health()).lastDurableWrite).toBeGreaterThan(0)
})

test('KV: expiry is left to core when KV would refuse it, and told otherwise', async () => {
  const told: (number | undefined)[] = []
  const put: KvNamespaceLike['put'] = async (_key, _value, options) => {
    told.push(options?.expiration)
  }
  const clock = { now: () => 1_700_000_000_000, after: () => () => undefined, random: () => 0 }
  const { blobs } = cloudflareKv({ namespace: { ...kvLike(), put }, clock })
  for (const inMs of [-1000, 0, 59_000, 120_500]) await blobs.put('a', bytes, { expiresAt: clock.now() + inMs })
  await blobs.put('a', bytes)
  expect(told).toEqual([undefined, undefined, undefined, 1_700_000_121, undefined])
  await cloudflareKv({ namespace: env.KV }).blobs.put('expiring', bytes, { expiresAt: Date.now() + 70_000 })
})

test('KV: a listing goes on after empty pages', async () => {
  const pages = [[], ['a'], [], ['b']]
  const list: KvNamespaceLike['list'] = async (options) => {
    const at = Number(options?.cursor ?? 0)
    const found = (pages[at] ?? []).map((name) => ({ name, metadata: { b: 1, v: name } }))
    return at + 1 < pages.length ? { keys: found, list_complete: false, cursor: String(at + 1) } : { keys: found, list_complete: true }
  }
  expect(await keys(cloudflareKv({ namespace: { ...kvLike(), list } }).blobs.list())).toEqual(['a', 'b'])
})

test.each([
  ['KV PUT failed: 429 Too Many Requests', 'unavailable'],
  ['KV PUT failed: 500 Internal Server Error', 'unavailable'],
  ['KV PUT failed: 413 Value length of 26214401 exceeds limit of 26214400.', 'invalid'],
  ['KV PUT failed: 401 Unauthorized', 'denied'],
  ['Network connection lost.', 'unavailable'],
])('KV: "%s" is %s', async (message, code) => {
  const put = async (): Promise<never> => {
    throw new Error(message)
  }
  await expect(cloudflareKv({ namespace: { ...kvLike(), put } }).blobs.put('a', bytes)).rejects.toMatchObject({
    code,
    backend: 'cloudflare-kv',
  })
})

test('KV: a condition is unsupported and names what to use', async () => {
  const { blobs } = cloudflareKv({ namespace: env.KV, prefix: prefix() })
  await expect(blobs.put('a', bytes, { when: 'absent' })).rejects.toMatchObject({
    code: 'unsupported',
    message: expect.stringMatching(/R2.*Durable Object/),
  })
})

test('what is no binding is invalid, and the error says what to write', () => {
  const noBucket = (): unknown => r2({ bucket: undefined as unknown as R2BucketLike })
  const noNamespace = (): unknown => cloudflareKv({ namespace: undefined as unknown as KvNamespaceLike })
  expect(noBucket).toThrow(expect.objectContaining({ code: 'invalid', message: expect.stringContaining('r2({ bucket: env.BUCKET })') }))
  expect(noNamespace).toThrow(
    expect.objectContaining({ code: 'invalid', message: expect.stringContaining('cloudflareKv({ namespace: env.KV })') }),
  )
  expect(() => r2({ bucket: env.BUCKET, prefix: 'x'.repeat(257) })).toThrow(expect.objectContaining({ code: 'invalid' }))
})

function prefix(): string {
  return `${crypto.randomUUID()}/`
}

function kvLike(): KvNamespaceLike {
  return {
    getWithMetadata: (key, type) => env.KV.getWithMetadata(key, type),
    put: (key, value, options) => env.KV.put(key, value, options),
    delete: (key) => env.KV.delete(key),
    list: (options) => env.KV.list(options),
  }
}

async function keys(list: AsyncIterable<{ readonly key: string }>): Promise<readonly string[]> {
  const found: string[] = []
  for await (const { key } of list) found.push(key)
  return found
}
