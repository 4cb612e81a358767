// Nothing that was stored, and no secret, may reach who looks on.

import { expect, test } from 'vitest'
import { type Backend, encrypted, openKv, openQueue, openSnapshots, openStore, type Trace } from 'varve'
import { memory } from 'varve/adapters/memory'
import { metrics, observed, type StorageObserver } from 'varve/observe'
import { type FaultRule, faultBackend, faulty } from 'varve/testing'

const CANARY = 'canary'
const secret = { passphrase: `${CANARY}-passphrase` }

/** All values say so, names do not. */
async function useAll(backend: Backend, trace: Trace): Promise<void> {
  const store = await openStore(backend)
  const queue = await openQueue<unknown>(store, 'work')
  await queue.append({ value: `${CANARY}-value` }, { key: `${CANARY}-key`, headers: { by: `${CANARY}-header` } })
  const group = await queue.group('workers')
  await (await group.receive())[0]?.nack({ reason: `${CANARY}-reason` })
  const kv = await openKv<Record<string, unknown>>(store)
  await kv.put('setting', { text: `${CANARY}-kv` })
  await kv.get('setting')
  const snapshots = await openSnapshots<unknown>(store, { trace })
  const about = { tags: [`${CANARY}-tag`], description: `${CANARY}-description`, metadata: { note: `${CANARY}-metadata` } }
  await snapshots.save({ agent: 'a', session: 's', state: { [`${CANARY}-name`]: `${CANARY}-state`.repeat(200) }, ...about })
  await snapshots.save({ agent: 'a', session: 's', state: { [`${CANARY}-nan`]: Number.NaN } }).catch(() => {})
  await snapshots.load({ agent: 'a', session: 's' }).catch(() => {})
  await snapshots.load({ agent: 'a', session: 's' }, { path: `/${CANARY}-name` }).catch(() => {})
  await snapshots.load({ agent: 'a', session: 's' }, { path: `/${CANARY}-none` }).catch(() => {})
  await snapshots.prune({ last: 1, tags: [`${CANARY}-tag`] })
  await snapshots.verify()
  await snapshots.collect().catch(() => {})
  for await (const _ of snapshots.list({ tag: `${CANARY}-tag` }));
  await store.close()
}

const spoiled: FaultRule[] = [{ on: 'blobs.get', key: 'packs', n: 2, always: true, effect: 'flip', bit: 20_000 }]

test.each([
  ['in memory', () => memory()],
  ['in files', () => faultBackend()],
  ['where what is read is damaged', () => faulty(memory(), spoiled)],
  ['encrypted above', () => encrypted(memory(), secret)],
])('values, names of fields, tags and secrets are told to nobody: %s', async (_, make) => {
  const told: unknown[] = []
  const observer: StorageObserver = { request: (request) => told.push(request), retry: (retry) => told.push(retry) }
  const trace: Trace = async (name, attributes, run) => {
    told.push(name, attributes)
    return await run((more) => told.push(more))
  }
  const counted = metrics()
  const backend = observed(observed(make(), observer, { keys: true }), counted)
  await useAll(backend, (name, attributes, run) =>
    counted.trace(name, attributes, (add) =>
      trace(name, attributes, (more) =>
        run((all) => {
          add(all)
          more(all)
        }),
      ),
    ),
  )
  await backend.close()
  expect(told.length).toBeGreaterThan(50)
  expect(JSON.stringify(told)).not.toContain(CANARY)
  expect(JSON.stringify(counted.read())).not.toContain(CANARY)
  expect(counted.prometheus()).not.toContain(CANARY)
  expect(counted.prometheus()).toContain('operation="snapshots.save"')
})
