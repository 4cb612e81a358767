import { describe, expect, test } from 'vitest'
import { memory } from '../../../dist/adapters/memory/index.js'
import { StorageError } from '../../../dist/core/base/errors.js'
import { openKv } from '../../../dist/core/features/kv/open-kv.js'
import type { Backend } from '../../../dist/core/ports/backend.js'
import type { BlobInfo, PutOptions } from '../../../dist/core/ports/blob-store.js'

type Put = (key: string, bytes: Uint8Array, options?: PutOptions) => Promise<BlobInfo>

/** The backend with its put replaced; the replacement gets the real one. */
function withPut(backend: Backend, replace: (put: Put) => Put): Backend {
  const put = replace(backend.blobs.put.bind(backend.blobs))
  const blobs = new Proxy(backend.blobs, {
    get: (target, name) => {
      const found = name === 'put' ? put : Reflect.get(target, name)
      return typeof found === 'function' ? found.bind(target) : found
    },
  })
  return new Proxy(backend, {
    get: (target, name) => {
      const found = name === 'blobs' ? blobs : Reflect.get(target, name)
      return typeof found === 'function' ? found.bind(target) : found
    },
  })
}

/** Stores, then says that it is not known whether it did; once. */
const losesFirstAnswer =
  (code: 'unavailable' | 'conflict') =>
  (put: Put): Put => {
    let lost = false
    return async (key, bytes, options) => {
      const info = await put(key, bytes, options)
      if (lost) return info
      lost = true
      throw new StorageError(code, 'the answer was lost')
    }
  }

describe('a lost answer', () => {
  test.each(['unavailable', 'conflict'] as const)('told as %s: a conditional put that was stored resolves', async (code) => {
    const kv = await openKv(withPut(memory(), losesFirstAnswer(code)))
    const { version } = await kv.put('key', 1, { when: 'absent' })
    expect(await kv.entry('key')).toStrictEqual({ value: 1, version })
  })

  test.each(['unavailable', 'conflict'] as const)('told as %s: an update is applied once', async (code) => {
    const kv = await openKv<{ count: number }>(withPut(memory(), losesFirstAnswer(code)))
    expect(await kv.update('count', (count) => (count ?? 0) + 1)).toBe(1)
    expect(await kv.get('count')).toBe(1)
  })

  test('an update that never arrived is tried again', async () => {
    let failures = 1
    const kv = await openKv<{ count: number }>(
      withPut(memory(), (put) => async (key, bytes, options) => {
        if (failures-- > 0) throw new StorageError('unavailable', 'nothing arrived')
        return await put(key, bytes, options)
      }),
    )
    expect(await kv.update('count', (count) => (count ?? 0) + 1)).toBe(1)
  })

  test('an update says so when it cannot know whether it was applied', async () => {
    const backend = memory()
    const other = await openKv<{ count: number }>(backend)
    const kv = await openKv<{ count: number }>(
      withPut(backend, (put) => async (key, bytes, options) => {
        await put(key, bytes, options)
        await other.put('count', 10)
        throw new StorageError('unavailable', 'the answer was lost')
      }),
    )
    await expect(kv.update('count', (count) => (count ?? 0) + 1)).rejects.toMatchObject({
      code: 'unavailable',
      operation: 'update',
      key: 'count',
    })
    expect(await other.get('count')).toBe(10)
  })
})

test('many writers of one key lose no update', async () => {
  const backend = memory()
  const kv = await openKv<{ count: number }>(backend)
  await Promise.all(Array.from({ length: 40 }, () => kv.update('count', (count) => (count ?? 0) + 1)))
  expect(await kv.get('count')).toBe(40)
})

test('without batch a deletion by update stays absent, and the key can be put again', async () => {
  const backend = memory()
  const bare = new Proxy(
    withPut(backend, (put) => put),
    {
      get: (target, name) => {
        if (name !== 'blobs') return Reflect.get(target, name)
        const { get, put, delete: remove, list, traits } = target.blobs
        return { get, put, delete: remove, list, traits }
      },
    },
  )
  const kv = await openKv<{ count: number }>(bare)
  await kv.put('count', 1)
  await kv.update('count', () => undefined)
  expect(await kv.get('count')).toBeUndefined()
  for await (const key of kv.keys()) throw new Error(`listed ${key}`)
  await kv.put('count', 2, { when: 'absent' })
  expect(await kv.get('count')).toBe(2)
})
