import fc from 'fast-check'
import { expect, test } from 'vitest'
import { memory } from '../../../dist/adapters/memory/index.js'
import { createContext, storeOver } from '../../../dist/core/derived/resolve.js'
import { openKv } from '../../../dist/core/features/kv/open-kv.js'
import { openSnapshots } from '../../../dist/core/features/snapshots/open-snapshots.js'

async function keysOf(kv: { keys(): AsyncIterable<string> }): Promise<string[]> {
  const keys: string[] = []
  for await (const key of kv.keys()) keys.push(key)
  return keys
}

const name = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
  .filter((text) => !text.includes('\0') && !/\p{Cs}/u.test(text) && Buffer.byteLength(text) <= 255)

test('any set of keys is listed once each, in the order of its UTF-8 bytes', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(name, { maxLength: 20 }), async (names) => {
      const kv = await openKv(memory())
      for (const one of names) await kv.put(one, one)
      const ordered = [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
      expect(await keysOf(kv)).toStrictEqual(ordered)
    }),
  )
})

test('a store in read mode reads and refuses to write', async () => {
  const backend = memory()
  await (await openKv(backend)).put('key', 1)
  const { id } = await (await openSnapshots(backend)).save({ agent: 'a', session: 's', state: 2 })
  const context = createContext(backend, { mode: 'read' })
  const store = storeOver(context, () => context.close())
  const kv = await openKv(store)
  const snapshots = await openSnapshots(store)
  expect(await kv.get('key')).toBe(1)
  expect(await snapshots.load(id)).toBe(2)
  for (const write of [
    () => kv.put('key', 2),
    () => kv.update('key', () => 2),
    () => kv.delete('key'),
    () => kv.clear(),
    () => snapshots.save({ agent: 'a', session: 's', state: 3 }),
    () => snapshots.delete(id),
  ]) {
    await expect(write()).rejects.toMatchObject({ code: 'denied' })
  }
})

test('closing the backend closes what was opened on it', async () => {
  const backend = memory()
  const kv = await openKv(backend)
  const snapshots = await openSnapshots(backend)
  snapshots.watch(() => {})
  await backend.close()
  await expect(kv.get('key')).rejects.toMatchObject({ code: 'closed' })
  await expect(snapshots.latest({ agent: 'a', session: 's' })).rejects.toMatchObject({ code: 'closed' })
})

test('what is neither a store nor a backend is invalid', async () => {
  await expect(openKv({} as never)).rejects.toMatchObject({ code: 'invalid' })
  await expect(openSnapshots(undefined as never)).rejects.toMatchObject({ code: 'invalid' })
})
