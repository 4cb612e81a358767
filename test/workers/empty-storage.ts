import { env } from 'cloudflare:workers'

/** Leaves nothing in the buckets and the namespace, so that the tests of a file do not see each other's data. */
export async function emptyStorage(): Promise<void> {
  await Promise.all([emptyBucket(env.BUCKET), emptyBucket(env.PLAIN_BUCKET), emptyNamespace(env.KV)])
}

async function emptyBucket(bucket: R2Bucket): Promise<void> {
  for (let { objects } = await bucket.list(); objects.length > 0; { objects } = await bucket.list()) {
    await bucket.delete(objects.map(({ key }) => key))
  }
}

async function emptyNamespace(namespace: KVNamespace): Promise<void> {
  const { keys } = await namespace.list()
  await Promise.all(keys.map(({ name }) => namespace.delete(name)))
}
