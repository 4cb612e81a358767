// The buckets of Miniflare: R2 as Workers see it, reached from Node.

import { convertV4MiniflareOptions, Miniflare } from 'miniflare'
import { r2, type R2BucketLike } from 'varve/adapters/cloudflare-r2'
import { afterAll } from 'vitest'
import { validateSaver } from './validate.js'

const script = 'export default { fetch: () => new Response() }'
const worker = new Miniflare(convertV4MiniflareOptions({ modules: true, script, compatibilityDate: '2026-05-01', r2Buckets: ['BUCKET'] }))
afterAll(() => worker.dispose())

const prefixes = new WeakMap<object, string>()
let made = 0

async function open(prefix: string) {
  const bucket = (await worker.getR2Bucket('BUCKET')) as unknown as R2BucketLike
  const backend = r2({ bucket, prefix })
  prefixes.set(backend, prefix)
  return backend
}

validateSaver('R2', () => open(`place-${made++}/`), { reopen: (backend) => open(prefixes.get(backend) as string) })
