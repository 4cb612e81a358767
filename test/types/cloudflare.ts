// The bindings that the Workers runtime passes in fit the shapes that the adapters ask for. Compiled, never run.

import type { KVNamespace, R2Bucket } from '@cloudflare/workers-types'
import type { Backend } from 'varve'
import { cloudflareKv, type KvNamespaceLike } from 'varve/adapters/cloudflare-kv'
import { type R2BucketLike, r2 } from 'varve/adapters/cloudflare-r2'

declare const env: { readonly BUCKET: R2Bucket; readonly KV: KVNamespace }

export const bucket: R2BucketLike = env.BUCKET
export const namespace: KvNamespaceLike = env.KV
export const onR2: Backend = r2({ bucket: env.BUCKET, prefix: 'shop/' })
export const onKv: Backend = cloudflareKv({ namespace: env.KV, prefix: 'shop/' })

// @ts-expect-error a bucket is not a namespace
export const wrongNamespace: Backend = cloudflareKv({ namespace: env.BUCKET })
// @ts-expect-error a namespace is not a bucket
export const wrongBucket: Backend = r2({ bucket: env.KV })
