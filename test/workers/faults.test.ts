import { env } from 'cloudflare:workers'
import { beforeEach, describe, expect, test } from 'vitest'
import { openQueue, openStore, type Receipt } from 'varve'
import { r2 } from 'varve/adapters/cloudflare-r2'
import worker from '../../playground/worker/worker.js'
import { emptyStorage } from './empty-storage.js'
import { type Fault, type FaultyBucket, faultyBucket } from './faulty-bucket.js'

const FAULTS: readonly Fault[] = ['null', '412', '429', '500', 'lost']

beforeEach(emptyStorage)

describe.each(FAULTS)('R2 answers %s at each request in turn', (fault) => {
  test('nothing acknowledged is lost, nothing is stored twice', async () => {
    for (let n = 1; ; n++) {
      await emptyStorage()
      const bucket = faultyBucket(env.BUCKET, fault, n)
      const acknowledged = await postThree(bucket)
      const queued = await stored()
      for (const { offset, body } of acknowledged) expect(queued[offset], `request ${n}`).toBe(body)
      expect(new Set(queued).size, `request ${n}`).toBe(queued.length)
      if (!bucket.struck) break
    }
  })

  test('the schedule counts every webhook once', async () => {
    for (let n = 1; ; n++) {
      await emptyStorage()
      await postThree(env.BUCKET)
      const bucket = faultyBucket(env.BUCKET, fault, n)
      await worker.scheduled(undefined, { BUCKET: bucket, KV: env.KV }).catch(() => undefined)
      await worker.scheduled(undefined, env)
      const response = await worker.fetch(new Request('http://worker/stats'), env)
      expect(await response.json(), `request ${n}`).toMatchObject({ lag: 0, counts: { shop: 3 } })
      if (!bucket.struck) break
    }
  })
})

async function postThree(bucket: FaultyBucket | R2Bucket): Promise<readonly (Receipt & { readonly body: number })[]> {
  const acknowledged: (Receipt & { readonly body: number })[] = []
  for (let body = 0; body < 3; body++) {
    const request = new Request('http://worker/webhooks/shop', { method: 'POST', body: String(body) })
    const response = await worker.fetch(request, { BUCKET: bucket, KV: env.KV })
    if (response.status === 202) acknowledged.push({ ...((await response.json()) as Receipt), body })
    else expect(await response.json()).toMatchObject({ code: expect.stringMatching(/^(unavailable|conflict)$/) })
  }
  return acknowledged
}

async function stored(): Promise<readonly unknown[]> {
  const store = await openStore(r2({ bucket: env.BUCKET }), { mode: 'read' })
  try {
    const queue = await openQueue<{ body: unknown }>(store, 'webhooks')
    return (await queue.read()).map(({ value }) => value.body)
  } finally {
    await store.close()
  }
}
