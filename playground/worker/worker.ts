// A Worker that takes webhooks into a durable queue on R2 and works them off on a schedule.
//
//   POST /webhooks/:source   a JSON body; 202 with the receipt once R2 has it
//   GET  /stats              the queue, what is not yet worked off, calls by source
//   GET  /counts             calls by source as of the last run, from KV, near whoever asks
//
// The store is opened and closed in each request: what a Worker opens belongs to the request that opened it.

import { openKv, openQueue, openStore, type Queue, type Store } from 'varve'
import { cloudflareKv, type KvNamespaceLike } from 'varve/adapters/cloudflare-kv'
import { type R2BucketLike, r2 } from 'varve/adapters/cloudflare-r2'
import { errorResponse, HttpError, json, readJson } from './http.js'
import { EMPTY_TALLY, type Tally, tallyWriter } from './tally.js'

/** The bindings of wrangler.toml. */
export interface Env {
  readonly BUCKET: R2BucketLike
  readonly KV: KvNamespaceLike
}

interface Webhook {
  readonly source: string
  readonly body: unknown
}

const MAX_BODY_BYTES = 256 * 1024
const SOURCE = /^[a-z0-9][a-z0-9._-]{0,63}$/i
/** Handlers at once; those that wait for the same write cost no more than one. */
const CONCURRENCY = 50

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    try {
      return await route(request, env)
    } catch (error) {
      return errorResponse(error)
    }
  },

  async scheduled(_controller: unknown, env: Env): Promise<void> {
    const counts = await withStore(env, workOff)
    const kv = await openKv<{ counts: Tally['counts'] }>(cloudflareKv({ namespace: env.KV }))
    await kv.put('counts', counts)
    await kv.close()
  },
}

async function route(request: Request, env: Env): Promise<Response> {
  const { pathname } = new URL(request.url)
  const [, first, second, ...rest] = pathname.split('/')
  if (first === 'webhooks' && second !== undefined && rest.length === 0) {
    if (request.method !== 'POST') throw new HttpError(405, 'invalid', 'webhooks are posted')
    return json(await withStore(env, (store) => accept(store, second, request)), 202)
  }
  if (request.method === 'GET' && pathname === '/stats') return json(await withStore(env, stats))
  if (request.method === 'GET' && pathname === '/counts') return json(await published(env))
  throw new HttpError(404, 'missing', 'POST /webhooks/:source, GET /stats, GET /counts')
}

/** The receipt says where the webhook lies in the queue. Check the sender's signature here before you trust a body. */
async function accept(store: Store, source: string, request: Request) {
  if (!SOURCE.test(source)) throw new HttpError(400, 'invalid', 'a source is 1 to 64 letters, digits, dots, dashes and underscores')
  const body = await readJson(request, MAX_BODY_BYTES)
  const webhooks = await openWebhooks(store)
  return await webhooks.append({ source, body })
}

/** Everything that waits in the queue, at least once; the tally sees to it that each webhook counts once. */
async function workOff(store: Store): Promise<Tally['counts']> {
  const webhooks = await openWebhooks(store)
  const tallies = await openKv<{ tally: Tally }>(store, 'tallies')
  const tally = tallyWriter(tallies)
  const group = await webhooks.group('tally')
  await group.process(({ offset, value }) => tally({ offset, source: value.source }), { concurrency: CONCURRENCY, until: 'empty' })
  return ((await tallies.get('tally')) ?? EMPTY_TALLY).counts
}

async function stats(store: Store) {
  const webhooks = await openWebhooks(store)
  const tallies = await openKv<{ tally: Tally }>(store, 'tallies')
  const { buckets } = await webhooks.stats()
  const { total } = await (await webhooks.group('tally')).lag()
  const { counts } = (await tallies.get('tally')) ?? EMPTY_TALLY
  return { buckets, lag: total, counts }
}

async function published(env: Env): Promise<Tally['counts']> {
  const kv = await openKv<{ counts: Tally['counts'] }>(cloudflareKv({ namespace: env.KV }))
  return (await kv.get('counts')) ?? {}
}

function openWebhooks(store: Store): Promise<Queue<Webhook>> {
  return openQueue<Webhook>(store, 'webhooks', { maxRecordBytes: 2 * MAX_BODY_BYTES })
}

async function withStore<T>(env: Env, use: (store: Store) => Promise<T>): Promise<T> {
  const store = await openStore(r2({ bucket: env.BUCKET }))
  try {
    return await use(store)
  } finally {
    await store.close()
  }
}
