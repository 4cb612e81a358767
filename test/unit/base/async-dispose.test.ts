// `await using` over what is held open.

import { build } from 'esbuild'
import { expect, test } from 'vitest'
import { openKv, openQueue, openSnapshots, openStore } from 'varve'
import { memory } from 'varve/adapters/memory'

const isClosed = expect.objectContaining({ code: 'closed' })

test('leaving the block closes queue, keys, snapshots and store, and not the backend that was passed in', async () => {
  const backend = memory()
  async function leave() {
    await using store = await openStore(backend)
    await using queue = await openQueue<string>(store, 'orders')
    await using keys = await openKv<{ theme: string }>(store)
    await using snapshots = await openSnapshots<string>(store)
    await queue.append('book')
    await keys.put('theme', 'dark')
    await snapshots.save({ agent: 'planner', session: 's1', state: 'begin' })
    return { store, queue, keys, snapshots }
  }
  const { store, queue, keys, snapshots } = await leave()
  await expect(queue.append('pen')).rejects.toThrow(isClosed)
  await expect(keys.get('theme')).rejects.toThrow(isClosed)
  await expect(snapshots.load({ agent: 'planner', session: 's1' })).rejects.toThrow(isClosed)
  await expect(openQueue(store, 'orders')).rejects.toThrow(isClosed)
  expect(await (await openKv<{ theme: string }>(backend)).get('theme')).toBe('dark')
})

test('leaving the block by a failure closes a backend, too', async () => {
  const opened: { health(): Promise<unknown> }[] = []
  const failing = async () => {
    await using backend = memory()
    opened.push(backend)
    throw new Error('on the way')
  }
  await expect(failing()).rejects.toThrow('on the way')
  await expect(opened[0]?.health()).rejects.toThrow(isClosed)
})

test('a runtime without Symbol.asyncDispose opens and closes all the same', async () => {
  const { outputFiles } = await build({
    stdin: { contents: WITHOUT, resolveDir: import.meta.dirname },
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    conditions: ['workerd', 'worker', 'browser'],
    define: { 'Symbol.asyncDispose': 'undefined' },
    logLevel: 'silent',
  })
  const { seen } = (await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0]?.contents ?? []).toString('base64')}`)) as {
    seen: unknown
  }
  expect(seen).toEqual({ value: 'book', theme: 'dark', state: 'begin', disposable: false, closed: ['closed', 'closed', 'closed'] })
})

const WITHOUT = `
import { openKv, openQueue, openSnapshots, openStore } from 'varve'
import { memory } from 'varve/adapters/memory'
const store = await openStore(memory())
const queue = await openQueue(store, 'orders')
const keys = await openKv(store)
const snapshots = await openSnapshots(store)
await queue.append('book')
await keys.put('theme', 'dark')
const { id } = await snapshots.save({ agent: 'planner', session: 's1', state: 'begin' })
const [first] = await queue.read()
const read = { value: first.value, theme: await keys.get('theme'), state: await snapshots.load(id) }
const disposable = [store, queue, keys, snapshots].some((held) => globalThis.Symbol['async' + 'Dispose'] in held || 'undefined' in held)
for (const held of [queue, keys, snapshots, store]) await held.close()
const refusals = [queue.append('pen'), keys.get('theme'), snapshots.load(id)]
const closed = (await Promise.allSettled(refusals)).map(({ reason }) => reason?.code)
export const seen = { ...read, disposable, closed }
`
