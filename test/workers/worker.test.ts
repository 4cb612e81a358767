import { createScheduledController, SELF } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { beforeEach, describe, expect, test } from 'vitest'
import { openQueue, openStore, type Receipt } from 'varve'
import { r2 } from 'varve/adapters/cloudflare-r2'
import worker from '../../playground/worker/worker.js'
import { emptyStorage } from './empty-storage.js'

interface Deployed {
  readonly name: string
  readonly bucket: R2Bucket
  fetch(path: string, init?: RequestInit): Promise<Response>
  schedule(): Promise<unknown>
}

const DEPLOYED: readonly Deployed[] = [
  {
    name: 'with Node compatibility',
    bucket: env.BUCKET,
    fetch: (path, init) => SELF.fetch(`http://worker${path}`, init),
    schedule: () => worker.scheduled(createScheduledController(), env),
  },
  {
    name: 'without Node compatibility',
    bucket: env.PLAIN_BUCKET,
    fetch: (path, init) => env.PLAIN.fetch(`http://worker${path}`, init),
    schedule: async () => expect(await (await env.PLAIN.fetch('http://worker/scheduled')).text()).toBe('worked off'),
  },
]

interface Stats {
  readonly buckets: readonly { readonly next: number }[]
  readonly lag: number
  readonly counts: Record<string, number>
}

beforeEach(emptyStorage)

describe.each(DEPLOYED)('the Worker $name', ({ bucket, fetch, schedule }) => {
  const post = (source: string, body: unknown): Promise<Response> =>
    fetch(`/webhooks/${source}`, { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body) })
  const json = async <T>(path: string): Promise<T> => (await fetch(path)).json() as Promise<T>

  test('a webhook is acknowledged with its receipt once it is stored', async () => {
    const response = await post('shop', { order: 7 })
    expect(response.status).toBe(202)
    expect(await response.json()).toMatchObject({ bucket: 0, offset: 0, durability: 'remote', timestamp: expect.any(Number) })
    expect(await stored(bucket)).toEqual([{ source: 'shop', body: { order: 7 } }])
  })

  test('100 webhooks, 5 at a time, are all acknowledged, with dense offsets', async () => {
    const receipts: Receipt[] = []
    let sent = 0
    const sender = async (): Promise<void> => {
      while (sent < 100) {
        const i = sent++
        const response = await post(`source-${i % 3}`, { i })
        expect(response.status, await response.clone().text()).toBe(202)
        receipts.push(await response.json())
      }
    }
    await Promise.all([sender(), sender(), sender(), sender(), sender()])
    expect(receipts.map(({ offset }) => offset).sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i))
    expect(new Set((await stored(bucket)).map(({ body }) => (body as { i: number }).i)).size).toBe(100)
  })

  test('the schedule works off all that waits, each once, and the counts are published', async () => {
    for (let i = 0; i < 12; i++) await post(i % 4 === 0 ? 'constructor' : 'shop', i)
    expect(await json<Stats>('/stats')).toMatchObject({ buckets: [{ first: 0, next: 12 }], lag: 12, counts: {} })
    await schedule()
    await post('shop', 12)
    expect(await json<Stats>('/stats')).toMatchObject({ lag: 1, counts: { constructor: 3, shop: 9 } })
    await schedule()
    await schedule()
    expect(await json<Stats>('/stats')).toMatchObject({ lag: 0, counts: { constructor: 3, shop: 10 } })
    expect(await json('/counts')).toEqual({ constructor: 3, shop: 10 })
  })

  test('two schedules at once count nothing twice', async () => {
    await Promise.all(Array.from({ length: 10 }, (_, i) => post('shop', i)))
    await Promise.all([schedule(), schedule()])
    await schedule()
    expect(await json<Stats>('/stats')).toMatchObject({ lag: 0, counts: { shop: 10 } })
  })

  test('a request that answers first leaves a slower one unharmed', async () => {
    const slow = slowBody('{"slow":', 'true}')
    const second = fetch('/webhooks/slow', { method: 'POST', body: slow.body })
    await slow.begun
    expect((await post('fast', 1)).status).toBe(202)
    slow.finish()
    expect((await second).status).toBe(202)
    expect((await stored(bucket)).map(({ source }) => source)).toEqual(['fast', 'slow'])
  })

  test.each([
    ['no JSON', '/webhooks/shop', { method: 'POST', body: '{"cut":' }, 400, 'invalid'],
    ['an empty body', '/webhooks/shop', { method: 'POST' }, 400, 'invalid'],
    ['a source with strange characters', '/webhooks/%2e%2e%2fx', { method: 'POST', body: '1' }, 400, 'invalid'],
    ['a source that is too long', `/webhooks/${'s'.repeat(65)}`, { method: 'POST', body: '1' }, 400, 'invalid'],
    ['another method', '/webhooks/shop', { method: 'GET' }, 405, 'invalid'],
    ['another path', '/elsewhere', { method: 'GET' }, 404, 'missing'],
  ] as const)('%s is refused and nothing is stored', async (_what, path, init, status, code) => {
    const response = await fetch(path, init)
    expect(response.status).toBe(status)
    expect(await response.json()).toEqual({ code, message: expect.any(String) })
    expect((await bucket.list()).objects).toEqual([])
  })

  test('a body over the limit is refused, with and without a length', async () => {
    const text = JSON.stringify('x'.repeat(256 * 1024))
    expect((await post('shop', text)).status).toBe(413)
    const stream = slowBody(text, '')
    stream.finish()
    expect((await fetch('/webhooks/shop', { method: 'POST', body: stream.body })).status).toBe(413)
    expect((await bucket.list()).objects).toEqual([])
  })
})

test('a request that answers before its append is stored neither blocks nor cancels the others', async () => {
  for (let round = 0; round < 10; round++) {
    const early = env.PLAIN.fetch('http://worker/return-early')
    const posted = env.PLAIN.fetch('http://worker/webhooks/late', { method: 'POST', body: String(round) })
    expect(await (await early).text()).toBe('early')
    expect((await posted).status).toBe(202)
  }
  const late = (await stored(env.PLAIN_BUCKET)).filter(({ source }) => source === 'late')
  expect(late.map(({ body }) => body)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
})

async function stored(bucket: R2Bucket): Promise<readonly { source: string; body: unknown }[]> {
  const store = await openStore(r2({ bucket }), { mode: 'read' })
  try {
    const queue = await openQueue<{ source: string; body: unknown }>(store, 'webhooks')
    return (await queue.read({ limit: 1000 })).map(({ value }) => value)
  } finally {
    await store.close()
  }
}

/** A body whose second part comes when told. */
function slowBody(first: string, second: string): { readonly body: ReadableStream; readonly begun: Promise<void>; finish(): void } {
  const encoder = new TextEncoder()
  let begin = (): void => undefined
  let finish = (): void => undefined
  const begun = new Promise<void>((resolve) => {
    begin = resolve
  })
  const finished = new Promise<void>((resolve) => {
    finish = resolve
  })
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(encoder.encode(first)),
    async pull(controller) {
      begin()
      await finished
      if (second !== '') controller.enqueue(encoder.encode(second))
      controller.close()
    },
  })
  return { body, begun, finish }
}
