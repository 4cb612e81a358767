// The playground's Worker as it would be deployed, without Node compatibility, with a few routes for tests in front.

import { isStorageError, openQueue, openStore } from 'varve'
import { r2 } from 'varve/adapters/cloudflare-r2'
import worker, { type Env } from '../../../playground/worker/worker.js'
import { suites } from '../suites.js'
import { compressions } from './compressions.js'

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const [, route, ...rest] = new URL(request.url).pathname.split('/')
    if (route === 'suites') return runCase(env, Number(rest[0]), Number(rest[1]))
    if (route === 'process') return new Response(typeof (globalThis as { process?: unknown }).process)
    if (route === 'compressions') return Response.json(await compressions())
    if (route === 'open-by-name') return openByName()
    if (route === 'return-early') return returnEarly(env)
    if (route === 'scheduled') return runSchedule(env)
    return worker.fetch(request, env)
  },
}

async function runCase(env: Env, suite: number, index: number): Promise<Response> {
  try {
    await suites(env)[suite]?.cases[index]?.run()
    return new Response('passed')
  } catch (error) {
    return new Response(error instanceof Error ? `${error.stack ?? error.message}` : String(error))
  }
}

async function openByName(): Promise<Response> {
  try {
    await openStore('shop')
    return new Response('opened')
  } catch (error) {
    return Response.json({ code: isStorageError(error) ? error.code : undefined, message: String(error) })
  }
}

/** Answers while its append is still on the way, as a handler that forgot an `await` does. */
async function returnEarly(env: Env): Promise<Response> {
  const queue = await openQueue<unknown>(await openStore(r2({ bucket: env.BUCKET })), 'webhooks')
  queue.append({ source: 'early', body: null }).catch(() => undefined)
  return new Response('early')
}

async function runSchedule(env: Env): Promise<Response> {
  await worker.scheduled(undefined, env)
  return new Response('worked off')
}
