// What a key-value namespace must do on every backend. Where a backend cannot compare and set, the cases ask that it says so.

import { createContext, type Store, storeOver } from '../core/derived/resolve.js'
import { openKv } from '../core/features/kv/open-kv.js'
import type { KvListOptions } from '../core/features/kv/types.js'
import type { Backend } from '../core/ports/backend.js'
import { expectEqual, expectRejects, expectTrue } from './assert.js'
import { flipStoredByte, storedKeys } from './damage.js'
import { ManualClock } from './manual-clock.js'
import { backendCase, type MakeBackend, type SuiteCase } from './suite.js'

const HOUR_MS = 3_600_000

/** Every behaviour of `openKv` on the backends that `make` gives. */
export function kvSuite(make: MakeBackend): readonly SuiteCase[] {
  const conditional = (name: string, body: (backend: Backend) => Promise<void>): SuiteCase =>
    backendCase(name, make, async (backend) => {
      if (backend.blobs.traits.conditionalPut) await body(backend)
      else await refusesConditions(backend)
    })
  return [
    backendCase('kv: an absent key is undefined', make, async (backend) => {
      const kv = await openKv(backend)
      expectEqual(await kv.get('nothing'), undefined)
      expectEqual(await kv.entry('nothing'), undefined)
    }),
    backendCase('kv: what was put comes back, in its namespace only', make, async (backend) => {
      const [one, two] = [await openKv(backend, 'one'), await openKv(backend, 'two')]
      const { version } = await one.put('key', { deep: [1, null, 'ä'] })
      expectEqual(await one.entry('key'), { value: { deep: [1, null, 'ä'] }, version })
      expectEqual(await two.get('key'), undefined)
      expectEqual(await (await openKv(backend, 'one')).get('key'), { deep: [1, null, 'ä'] })
    }),
    backendCase('kv: every put has another version, also of equal values', make, async (backend) => {
      const kv = await openKv(backend)
      const first = await kv.put('key', 1)
      const second = await kv.put('key', 1)
      expectTrue(first.version !== second.version, 'a new version')
    }),
    backendCase('kv: bytes are stored as bytes, whatever the codec', make, async (backend) => {
      const kv = await openKv(backend)
      await kv.put('bytes', Uint8Array.of(0, 255))
      expectEqual(await kv.get('bytes'), Uint8Array.of(0, 255))
    }),
    backendCase('kv: the structured codec keeps what JSON refuses, and either reads the other', make, async (backend) => {
      const value = { when: new Date(7), of: new Map([[1n, new Set([undefined])]]) }
      const [json, structured] = [await openKv(backend), await openKv(backend, 'default', { codec: 'structured' })]
      const error = await expectRejects(json.put('value', value), 'invalid')
      expectTrue(error.message.includes('$.when') && error.message.includes('use codec: structured'), 'the path and the way out')
      await structured.put('value', value)
      expectEqual(await json.get('value'), value)
    }),
    backendCase('kv: the value is taken as it is at the call', make, async (backend) => {
      const kv = await openKv<{ list: number[] }>(backend)
      const list = [1]
      const put = kv.put('list', list)
      list.push(2)
      await put
      expectEqual(await kv.get('list'), [1])
    }),
    backendCase('kv: difficult names are distinct and safe', make, async (backend) => {
      const kv = await openKv(backend)
      const names = ['..', '/', '.', 'con', 'CON', 'Con', 'a/b', 'a\\b', 'ключ', '鍵', '🔑', ' ', 'trailing.', '-', '~', '%2e', '__proto__']
      for (const name of names) await kv.put(name, name)
      for (const name of names) expectEqual(await kv.get(name), name, JSON.stringify(name))
      expectEqual((await collect(kv.keys())).length, names.length)
    }),
    backendCase('kv: what is no name is invalid', make, async (backend) => {
      const kv = await openKv(backend)
      for (const name of ['', 'a\0b', '\ud800', 'ä'.repeat(128)]) {
        await expectRejects(kv.put(name, 1), 'invalid')
        await expectRejects(kv.get(name), 'invalid')
        await expectRejects(() => openKv(backend, name), 'invalid')
      }
      await expectRejects(kv.get(5 as unknown as string), 'invalid')
    }),
    backendCase('kv: keys are listed in the order of their UTF-8 bytes', make, listsInOrder),
    backendCase('kv: a delete is idempotent and clear keeps to its prefix', make, async (backend) => {
      const kv = await openKv(backend)
      for (const name of ['a', 'b:1', 'b:2', 'c']) await kv.put(name, name)
      await kv.delete('a')
      await kv.delete('a')
      await kv.clear({ prefix: 'b:' })
      expectEqual(await collect(kv.keys()), ['c'])
      await kv.clear()
      expectEqual(await collect(kv.keys()), [])
    }),
    backendCase('kv: what has expired is absent', make, expires),
    backendCase('kv: a ttl is above 0', make, async (backend) => {
      const kv = await openKv(backend)
      for (const ttlMs of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) await expectRejects(kv.put('key', 1, { ttlMs }), 'invalid')
    }),
    backendCase('kv: a value over the limit is invalid and nothing is stored', make, async (backend) => {
      const { maxBlobBytes } = backend.blobs.traits
      if (maxBlobBytes > 64 * 2 ** 20) return
      const kv = await openKv(backend)
      const error = await expectRejects(kv.put('large', new Uint8Array(maxBlobBytes)), 'invalid')
      expectEqual(error.facts.maxBlobBytes, maxBlobBytes)
      expectEqual(await kv.get('large'), undefined)
    }),
    backendCase('kv: a flipped bit is corrupt and the error names the key', make, findsDamage),
    backendCase('kv: after close every call is closed', make, async (backend) => {
      const kv = await openKv(backend)
      await kv.put('key', 1)
      await kv.close()
      await kv.close()
      await expectRejects(kv.get('key'), 'closed')
      await expectRejects(kv.put('key', 2), 'closed')
      await expectRejects(
        kv.update('key', () => 2),
        'closed',
      )
      await expectRejects(() => collect(kv.keys()), 'closed')
    }),
    backendCase('kv: an aborted signal rejects with its reason', make, async (backend) => {
      const kv = await openKv(backend)
      const signal = AbortSignal.abort(new RangeError('enough'))
      const error = await expectRejects(kv.get('key', { signal }))
      expectEqual(error.message, 'enough')
    }),
    conditional('kv: put with when absent stores once', async (backend) => {
      const kv = await openKv(backend)
      const { version } = await kv.put('key', 'first', { when: 'absent' })
      const error = await expectRejects(kv.put('key', 'second', { when: 'absent' }), 'conflict')
      expectEqual([error.key, error.facts.actual], ['key', version])
      expectEqual(await kv.get('key'), 'first')
    }),
    conditional('kv: put with a version stores only over that version', async (backend) => {
      const kv = await openKv(backend)
      const first = await kv.put('key', 1)
      const second = await kv.put('key', 2, { when: first })
      await expectRejects(kv.put('key', 3, { when: first }), 'conflict')
      expectEqual(await kv.entry('key'), { value: 2, version: second.version })
      await kv.delete('key')
      await expectRejects(kv.put('key', 4, { when: second }), 'conflict')
    }),
    conditional('kv: an expired entry counts as absent in conditions', async (backend) => {
      const { store, clock } = storeAt(backend)
      const kv = await openKv(store)
      const { version } = await kv.put('key', 1, { ttlMs: HOUR_MS })
      await clock.advance(HOUR_MS)
      await expectRejects(kv.put('key', 2, { when: { version } }), 'conflict')
      await kv.put('key', 3, { when: 'absent' })
      expectEqual(await kv.get('key'), 3)
    }),
    conditional('kv: update sees the newest value, and undefined deletes', async (backend) => {
      const kv = await openKv<{ count: number }>(backend)
      expectEqual(await kv.update('count', (count) => (count ?? 0) + 1), 1)
      expectEqual(await kv.update('count', async (count) => (count ?? 0) + 1), 2)
      expectEqual(await kv.update('count', () => undefined), undefined)
      expectEqual(await kv.get('count'), undefined)
      expectEqual(await collect(kv.keys()), [])
      await kv.put('count', 9, { when: 'absent' })
      expectEqual(await kv.get('count'), 9)
    }),
    conditional('kv: no update is lost between several handles', async (backend) => {
      const handles = [await openKv<{ count: number }>(backend), await openKv<{ count: number }>(backend)]
      const updates = Array.from({ length: 12 }, (_, i) => handles[i % 2]?.update('count', (count) => (count ?? 0) + 1))
      await Promise.all(updates)
      expectEqual(await handles[0]?.get('count'), 12)
    }),
    conditional('kv: an update keeps the expiry, or sets a new one', async (backend) => {
      const { store, clock } = storeAt(backend)
      const kv = await openKv<{ count: number }>(store)
      await kv.put('count', 1, { ttlMs: HOUR_MS })
      await kv.update('count', () => 2)
      expectEqual((await kv.entry('count'))?.expiresAt, clock.now() + HOUR_MS)
      await kv.update('count', () => 3, { ttlMs: 2 * HOUR_MS })
      expectEqual((await kv.entry('count'))?.expiresAt, clock.now() + 2 * HOUR_MS)
    }),
    conditional('kv: a change function that throws changes nothing', async (backend) => {
      const kv = await openKv<{ count: number }>(backend)
      await kv.put('count', 1)
      await expectRejects(
        kv.update('count', () => {
          throw new RangeError('no')
        }),
      )
      expectEqual(await kv.get('count'), 1)
    }),
  ]
}

async function refusesConditions(backend: Backend): Promise<void> {
  const kv = await openKv(backend)
  for (const call of [() => kv.put('key', 1, { when: 'absent' }), () => kv.update('key', () => 1)]) {
    const error = await expectRejects(call, 'unsupported')
    expectEqual(error.backend, backend.name)
    expectTrue(error.message.includes(backend.name) && error.message.includes('R2'), 'the backend and the way out')
  }
  expectEqual(await kv.get('key'), undefined)
}

/** A store on the backend whose time the test moves; it begins now, because some backends expire by their own clock. */
function storeAt(backend: Backend): { readonly store: Store; readonly clock: ManualClock } {
  const clock = new ManualClock({ now: Date.now() })
  const context = createContext(backend, { clock })
  return { store: storeOver(context, () => context.close()), clock }
}

async function listsInOrder(backend: Backend): Promise<void> {
  const kv = await openKv(backend)
  const names = [
    'A',
    'Z',
    'a',
    'a:1',
    'a:2',
    'ab',
    'z',
    'é',
    '中',
    '😀',
    ...Array.from({ length: 40 }, (_, i) => `n${String(i).padStart(2, '0')}`),
  ]
  for (const name of [...names].reverse()) await kv.put(name, `of ${name}`)
  const ordered = ['A', 'Z', 'a', 'a:1', 'a:2', 'ab', ...names.slice(10), 'z', 'é', '中', '😀']
  const keys = (options?: KvListOptions): Promise<string[]> => collect(kv.keys(options))
  expectEqual(await keys(), ordered)
  expectEqual(await keys({ reverse: true }), [...ordered].reverse())
  expectEqual(await keys({ prefix: 'a' }), ['a', 'a:1', 'a:2', 'ab'])
  expectEqual(await keys({ prefix: 'a', after: 'a:1' }), ['a:2', 'ab'])
  expectEqual(await keys({ prefix: 'a', after: 'a:2', reverse: true }), ['a:1', 'a'])
  expectEqual(await keys({ limit: 3 }), ['A', 'Z', 'a'])
  expectEqual(await keys({ limit: 0 }), [])
  expectEqual(await keys({ after: '😀' }), [])
  await expectRejects(() => keys({ limit: -1 }), 'invalid')
  const items = await collect(kv.list({ prefix: 'a:' }))
  expectEqual(
    items.map(({ key, value }) => [key, value]),
    [
      ['a:1', 'of a:1'],
      ['a:2', 'of a:2'],
    ],
  )
}

async function expires(backend: Backend): Promise<void> {
  const { store, clock } = storeAt(backend)
  const kv = await openKv(store)
  await kv.put('short', 1, { ttlMs: HOUR_MS })
  await kv.put('long', 2, { ttlMs: 2 * HOUR_MS })
  await kv.put('ever', 3)
  expectEqual((await kv.entry('short'))?.expiresAt, clock.now() + HOUR_MS)
  await clock.advance(HOUR_MS - 1)
  expectEqual(await kv.get('short'), 1)
  await clock.advance(1)
  expectEqual(await kv.get('short'), undefined)
  expectEqual(await collect(kv.keys()), ['ever', 'long'])
  expectEqual((await collect(kv.list({ limit: 1, prefix: 'l' }))).length, 1)
  expectEqual((await collect(kv.list())).length, 2)
  await kv.put('short', 4)
  expectEqual(await kv.get('short'), 4)
}

async function findsDamage(backend: Backend): Promise<void> {
  const kv = await openKv(backend)
  await kv.put('hurt', 'a value')
  const before = await storedKeys(backend)
  await kv.put('hurt me', 'a value that lies elsewhere')
  const key = (await storedKeys(backend)).find((one) => !before.includes(one)) as string
  const bytes = (await backend.blobs.get(key))?.bytes as number
  for (let at = 0; at < bytes; at++) {
    await flipStoredByte(backend, key, at)
    const error = await expectRejects(kv.get('hurt me'), 'corrupt', `a flip at byte ${at}`)
    expectEqual(error.key, 'hurt me')
    await flipStoredByte(backend, key, at)
  }
  expectEqual(await kv.get('hurt'), 'a value')
  expectEqual(await kv.get('hurt me'), 'a value that lies elsewhere')
}

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = []
  for await (const item of items) all.push(item)
  return all
}
