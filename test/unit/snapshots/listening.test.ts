import { afterEach, describe, expect, test } from 'vitest'
import { openStore } from 'varve'
import { memory } from '../../../dist/adapters/memory/index.js'
import { openSnapshots } from '../../../dist/core/features/snapshots/open-snapshots.js'
import type { Backend } from '../../../dist/core/ports/backend.js'
import { ManualClock } from '../../../dist/testing/manual-clock.js'

const S = { agent: 'a', session: 's' }

/** The backend, whose n-th reading of a session's cell waits for `release`. */
function holding(backend: Backend, nth: number): { readonly held: Backend; readonly reached: Promise<void>; readonly release: () => void } {
  let release = (): void => {}
  let reach = (): void => {}
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  const reached = new Promise<void>((resolve) => {
    reach = resolve
  })
  let reads = 0
  const blobs = new Proxy(backend.blobs, {
    get(target, name) {
      const own: unknown = Reflect.get(target, name)
      if (typeof own !== 'function') return own
      return async (...given: unknown[]) => {
        if (name === 'get' && String(given[0]).startsWith('snapshots/sessions/') && ++reads === nth) {
          reach()
          await released
        }
        return await own.apply(target, given)
      }
    },
  })
  return { held: { ...backend, blobs: withList(blobs, backend) }, reached, release }
}

/** Listing gives an iterable, not a promise. */
function withList(blobs: Backend['blobs'], backend: Backend): Backend['blobs'] {
  return new Proxy(blobs, {
    get: (target, name) => (name === 'list' ? backend.blobs.list.bind(backend.blobs) : Reflect.get(target, name)),
  })
}

test.each([1, 2])('what another saves while a subscription begins is not lost (reading %s)', async (nth) => {
  const backend = memory()
  const writer = await openSnapshots<number>(backend)
  const first = await writer.save({ ...S, state: 0 })
  const { held, reached, release } = holding(backend, nth)
  const reader = await openSnapshots<number>(held)
  const next = reader.subscribe({ after: first.id })[Symbol.asyncIterator]().next()
  await reached
  const { id } = await writer.save({ ...S, state: 1 })
  release()
  expect((await next).value.id).toBe(id)
  await reader.close()
})

test('a snapshot that another handle deletes and brings back is told again', async () => {
  const backend = memory()
  const [writer, reader] = [await openSnapshots<number>(backend), await openSnapshots<number>(backend)]
  await writer.save({ ...S, state: 0 })
  const heard: string[] = []
  let wake = (): void => {}
  reader.watch(({ type, id }) => {
    heard.push(`${type} ${id}`)
    wake()
  })
  const told = async (count: number): Promise<void> => {
    while (heard.length < count)
      await new Promise<void>((resolve) => {
        wake = resolve
      })
  }
  const own = await reader.save({ ...S, state: 1 })
  const { id } = await writer.save({ ...S, state: 2 })
  await told(2)
  const archive = new Uint8Array(await new Response(writer.export()).arrayBuffer())
  await writer.delete(id)
  await told(3)
  await writer.import(archive)
  await told(4)
  expect(heard).toEqual([`saved ${own.id}`, `saved ${id}`, `deleted ${id}`, `saved ${id}`])
  await reader.close()
})

describe('saving by the clock', () => {
  const unhandled: unknown[] = []
  const note = (error: unknown): void => {
    unhandled.push(error)
  }
  afterEach(() => {
    process.off('uncaughtException', note)
    unhandled.length = 0
  })

  test('does not begin where the snapshots are closed meanwhile', async () => {
    const snapshots = await openSnapshots<number>(memory())
    const begun = snapshots.auto(() => 1, { ...S, everyMs: 1_000 })
    await snapshots.close()
    await expect(begun).rejects.toMatchObject({ code: 'closed' })
  })

  test('is unsupported where nothing runs between requests', async () => {
    const snapshots = await openSnapshots<number>({ ...memory(), requestScoped: true })
    await expect(snapshots.auto(() => 1, { ...S, everyMs: 1_000 })).rejects.toMatchObject({ code: 'unsupported' })
  })

  test('goes on where its listener throws', async () => {
    const clock = new ManualClock()
    const snapshots = await openSnapshots<number>(await openStore(memory(), { clock }))
    let calls = 0
    const state = (): number => {
      calls++
      throw new Error('no state')
    }
    const others = process.listeners('uncaughtException')
    process.removeAllListeners('uncaughtException')
    process.on('uncaughtException', note)
    const onError = (): void => {
      throw new Error('listener')
    }
    await snapshots.auto(state, { ...S, everyMs: 1_000, onError })
    await clock.advance(3_000)
    await new Promise((resolve) => setImmediate(resolve))
    for (const other of others) process.on('uncaughtException', other)
    expect([calls, unhandled.map(String)]).toEqual([3, Array(3).fill('Error: listener')])
    await snapshots.close()
  })
})
