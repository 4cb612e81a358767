// An R2 bucket whose n-th request goes wrong the way R2's do.

import type { R2BucketLike } from 'varve/adapters/cloudflare-r2'

/**
 * `null`: a put is not made, as if its condition had failed. `412`, `429`, `500`: nothing is done and the binding throws.
 * `lost`: it is done and the binding throws all the same.
 */
export type Fault = 'null' | '412' | '429' | '500' | 'lost'

const MESSAGES = {
  '412': 'At least one of the pre-conditions you specified did not hold. (10031)',
  '429': 'Reduce your concurrent request rate for the same object. (10058)',
  '500': 'We encountered an internal error. Please try again. (10001)',
  lost: 'Network connection lost.',
}

export interface FaultyBucket extends R2BucketLike {
  /** How many requests came so far. */
  readonly requests: number
  /** Whether the fault came to pass. */
  readonly struck: boolean
}

type Request = 'head' | 'get' | 'put' | 'delete' | 'list'

/** Conditions are asked of puts only, so `null` and `412` strike at the first put from request `n` on. */
export function faultyBucket(bucket: R2BucketLike, fault: Fault, n: number): FaultyBucket {
  let requests = 0
  let struck = false
  const run = async <T>(request: Request, task: () => Promise<T>): Promise<T | null> => {
    requests++
    const fits = request === 'put' || (fault !== 'null' && fault !== '412')
    if (struck || requests < n || !fits) return task()
    struck = true
    if (fault === 'null') return null
    if (fault === 'lost') await task()
    throw new Error(`${request}: ${MESSAGES[fault]}`)
  }
  return {
    head: (key) => run('head', () => bucket.head(key)),
    get: (key, options) => run('get', () => bucket.get(key, options)),
    put: (key, value, options) => run('put', () => bucket.put(key, value, options)),
    delete: async (keys) => void (await run('delete', () => bucket.delete(keys))),
    list: async (options) => (await run('list', () => bucket.list(options))) as Awaited<ReturnType<R2BucketLike['list']>>,
    get requests() {
      return requests
    },
    get struck() {
      return struck
    },
  }
}
