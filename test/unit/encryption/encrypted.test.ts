import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import {
  addSecret,
  type Backend,
  changeSecret,
  encrypted,
  openKv,
  openQueue,
  openSnapshots,
  openStore,
  queues,
  removeSecret,
  rotateKey,
} from 'varve'
import { memory } from 'varve/adapters/memory'
import { nodeFs } from 'varve/adapters/node-fs'
import { faultBackend } from 'varve/testing'

const secret = { key: new Uint8Array(32).fill(1) }
const other = { key: new Uint8Array(32).fill(2) }
const third = { key: new Uint8Array(32).fill(3) }
const SEGMENT = 65_536
const root = mkdtempSync(join(tmpdir(), 'varve-encrypted-unit-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const bytesOf = (length: number, salt = 0): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 31 + salt + (i >> 8)) & 255)
const stored = async (backend: Backend, key: string): Promise<Uint8Array> => (await backend.blobs.get(key))?.data as Uint8Array

async function allOf<T, R = T>(source: AsyncIterable<T>, map: (one: T) => R = (one) => one as unknown as R): Promise<R[]> {
  const all: R[] = []
  for await (const one of source) all.push(map(one))
  return all
}

/** The bytes of a stored blob or file, changed behind the back of everybody. */
function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice()
  copy[at] = (copy[at] as number) ^ 0x04
  return copy
}

describe('an encrypted store', () => {
  test('reveals no value, header, state, description, metadata or tag, on disk', async () => {
    const directory = join(root, 'canary')
    const backend = encrypted(nodeFs({ directory }), secret)
    const store = await openStore(backend)
    const queue = await openQueue(store, 'work', { codec: 'json' })
    await queue.append({ canary: 'CANARY-value' }, { key: 'CANARY-key', headers: { canary: 'CANARY-header' } })
    const group = await queue.group('workers')
    await (await group.receive())[0]?.nack({ reason: 'CANARY-reason' })
    const kv = await openKv(store)
    await kv.put('setting', 'CANARY-kv'.repeat(100))
    const snapshots = await openSnapshots(store)
    await snapshots.save({
      agent: 'a',
      session: 's',
      state: { canary: 'CANARY-state' },
      description: 'CANARY-description',
      metadata: { canary: 'CANARY-metadata' },
      tags: ['CANARY-tag'],
    })
    await store.close()
    await backend.close()
    const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((one) => one.isFile())
    const found = files.filter((one) => /canary/i.test(readFileSync(join(one.parentPath, one.name)).toString('latin1')))
    expect(files.length).toBeGreaterThan(6)
    expect(found.map((one) => one.name)).toEqual([])
    expect(files.filter((one) => /canary/i.test(one.name))).toEqual([])
  })

  test('opens again with its secret, and is denied to another one', async () => {
    const below = memory()
    await (await openKv(encrypted(below, secret))).put('k', 'v')
    expect(await (await openKv(encrypted(below, secret))).get('k')).toBe('v')
    for (const wrong of [other, { passphrase: 'guess' }]) {
      const backend = encrypted(below, wrong)
      for (const call of [
        () => backend.blobs.get('k'),
        () => backend.blobs.put('k', bytesOf(1)),
        () => backend.blobs.list()[Symbol.asyncIterator]().next(),
        () => backend.blobs.get('not there'),
        () => openQueue(backend, 'q'),
      ])
        await expect(call()).rejects.toMatchObject({ code: 'denied' })
    }
  })

  test('is not made of one that holds plain data', async () => {
    const below = memory()
    await (await openKv(below)).put('k', 'v')
    const backend = encrypted(below, secret)
    const [key] = await allOf(below.blobs.list(), (info) => info.key)
    await expect(backend.blobs.put('x', bytesOf(1))).rejects.toMatchObject({ code: 'invalid' })
    await expect(backend.blobs.get(key as string)).rejects.toMatchObject({ code: 'invalid' })
    await expect(allOf(backend.blobs.list())).rejects.toMatchObject({ code: 'invalid' })
  })

  test('is neither read as garbage nor written to by who has no secret', async () => {
    for (const below of [memory(), faultBackend(), faultBackend({ files: false })]) {
      const store = await openStore(encrypted(below, secret))
      await (await openQueue<string>(store, 'work')).append('secret')
      await (await openKv(store)).put('k', 'v')
      await store.close()
      const denied = { code: 'denied', message: expect.stringContaining('encrypted') }
      await expect(openQueue(below, 'work')).rejects.toMatchObject(denied)
      await expect(openQueue(below, 'another')).rejects.toMatchObject(denied)
      const kv = await openKv(below)
      await expect(kv.get('k')).rejects.toMatchObject(denied)
      await expect(kv.put('new', 1)).rejects.toMatchObject(denied)
      if (below.files !== undefined) await expect(openStore(below)).rejects.toMatchObject(denied)
    }
  })

  test('says so when its keyring is gone', async () => {
    const below = memory()
    await encrypted(below, secret).blobs.put('a', bytesOf(1))
    await below.blobs.delete(['keyring'])
    const again = encrypted(below, secret)
    await expect(again.blobs.get('a')).rejects.toMatchObject({ code: 'missing' })
    await expect(again.blobs.put('b', bytesOf(1))).rejects.toMatchObject({ code: 'missing' })
  })

  test('has one keyring, however many write first at the same time', async () => {
    const below = memory()
    const writers = Array.from({ length: 6 }, () => encrypted(below, secret))
    await Promise.all(writers.map((one, n) => one.blobs.put(`k${n}`, bytesOf(10, n))))
    const reader = encrypted(below, secret)
    for (let n = 0; n < writers.length; n++) expect((await reader.blobs.get(`k${n}`))?.data).toEqual(bytesOf(10, n))
  })

  test('is left as it was by reading it', async () => {
    const below = memory()
    const backend = encrypted(below, secret)
    expect(await backend.blobs.get('a')).toBeUndefined()
    expect(await allOf(backend.blobs.list())).toEqual([])
    await queues(backend)
    expect(await allOf(below.blobs.list())).toEqual([])
  })

  test('keeps its keyring to itself', async () => {
    const backend = encrypted(memory(), secret)
    await backend.blobs.put('a', bytesOf(1))
    expect(await allOf(backend.blobs.list(), (info) => info.key)).toEqual(['a'])
    expect(await backend.blobs.get('keyring')).toBeUndefined()
    await expect(backend.blobs.put('keyring', bytesOf(1))).rejects.toMatchObject({ code: 'invalid' })
    await expect(backend.blobs.delete(['keyring'])).rejects.toMatchObject({ code: 'invalid' })
  })

  test.each([undefined, {}, { passphrase: '' }, { key: new Uint8Array(16) }])('is not made with a secret like %o', (wrong) => {
    expect(() => encrypted(memory(), wrong as never)).toThrow(expect.objectContaining({ code: 'invalid' }))
  })
})

describe('a sealed blob', () => {
  test('is found damaged at every flipped byte and at every cut', async () => {
    const below = memory()
    const backend = encrypted(below, secret)
    await backend.blobs.put('a', bytesOf(40))
    const whole = await stored(below, 'a')
    for (let at = 0; at < whole.length; at++) {
      await below.blobs.put('a', flipped(whole, at))
      await expect(backend.blobs.get('a'), `byte ${at}`).rejects.toMatchObject({ code: 'corrupt' })
      await expect(backend.blobs.get('a', { range: { start: 3, end: 9 } }), `range, byte ${at}`).rejects.toMatchObject({ code: 'corrupt' })
      await below.blobs.put('a', whole.subarray(0, at))
      await expect(backend.blobs.get('a'), `cut at ${at}`).rejects.toMatchObject({ code: 'corrupt' })
    }
    await below.blobs.put('a', whole)
    expect((await backend.blobs.get('a'))?.data).toEqual(bytesOf(40))
  })

  test('does not open in the place of another one, nor in another store', async () => {
    const [below, elsewhere] = [memory(), memory()]
    const [backend, foreign] = [encrypted(below, secret), encrypted(elsewhere, secret)]
    for (const [n, key] of ['a', 'b'].entries()) await backend.blobs.put(key, bytesOf(40, n))
    await foreign.blobs.put('a', bytesOf(40))
    const [a, b] = [await stored(below, 'a'), await stored(below, 'b')]
    await below.blobs.put('a', b)
    await below.blobs.put('b', a)
    for (const key of ['a', 'b']) await expect(backend.blobs.get(key)).rejects.toMatchObject({ code: 'corrupt' })
    await elsewhere.blobs.put('a', a)
    await expect(foreign.blobs.get('a')).rejects.toMatchObject({ code: 'corrupt' })
  })

  test('gives any range of it, reading little more than that', async () => {
    let read = 0
    const below = memory()
    const { blobs } = below
    const counting: Backend = {
      ...below,
      name: below.name,
      blobs: {
        traits: blobs.traits,
        put: (...args) => blobs.put(...args),
        delete: (...args) => blobs.delete(...args),
        list: (...args) => blobs.list(...args),
        async get(...args) {
          const blob = await blobs.get(...args)
          read += blob?.data.length ?? 0
          return blob
        },
      },
      health: () => below.health(),
      close: () => below.close(),
    }
    const backend = encrypted(counting, secret)
    const size = 5 * SEGMENT + 100
    const plain = bytesOf(size)
    await backend.blobs.put('big', plain)
    await backend.blobs.get('big', { range: { start: 0, end: 1 } })
    for (const [start, end] of [
      [0, 10],
      [SEGMENT - 1, SEGMENT + 1],
      [SEGMENT, 2 * SEGMENT],
      [3 * SEGMENT + 5, 3 * SEGMENT + 6],
      [size - 1, size + 50],
      [size, size + 1],
      [0, size],
    ] as const) {
      read = 0
      const part = await backend.blobs.get('big', { range: { start, end } })
      expect(Buffer.compare(part?.data as Uint8Array, plain.subarray(start, end))).toBe(0)
      expect(part?.bytes).toBe(size)
      expect(read).toBeLessThanOrEqual(end - start + 2 * SEGMENT + 200)
    }
  })

  test('says how long it is without being opened, at every length', async () => {
    const backend = encrypted(memory(), secret)
    const lengths = [0, 1, SEGMENT - 1, SEGMENT, SEGMENT + 1, 2 * SEGMENT, 2 * SEGMENT + 1]
    for (const [n, length] of lengths.entries()) await backend.blobs.put(`b${n}`, bytesOf(length))
    expect(await allOf(backend.blobs.list(), (info) => info.bytes)).toEqual(lengths)
    for (const [n, length] of lengths.entries()) expect((await backend.blobs.get(`b${n}`))?.data.length).toBe(length)
  })

  test('as large as the store below allows fits, one byte more is invalid', async () => {
    const below = memory({ maxBlobBytes: 1_500_000 })
    const { blobs } = encrypted(below, secret)
    await blobs.put('most', new Uint8Array(blobs.traits.maxBlobBytes))
    expect((await stored(below, 'most')).length).toBeGreaterThan(1_500_000 - 17)
    await expect(blobs.put('more', new Uint8Array(blobs.traits.maxBlobBytes + 1))).rejects.toMatchObject({ code: 'invalid' })
  })

  test('never has the salt of another one, also where two clones go on from one state', async () => {
    const below = memory()
    await encrypted(below, secret).blobs.put('a', bytesOf(1))
    const clones = [encrypted(below, secret), encrypted(below, secret)]
    const salts = new Set<string>()
    for (let n = 0; n < 2_000; n++) {
      await clones[n % 2]?.blobs.put('a', bytesOf(20))
      salts.add(Buffer.from((await stored(below, 'a')).subarray(16, 48)).toString('hex'))
    }
    expect(salts.size).toBe(2_000)
  })

  test('put back from an older copy of the store is read: what is older is not seen by this', async () => {
    const below = memory()
    const backend = encrypted(below, secret)
    await backend.blobs.put('a', bytesOf(4, 1))
    const old = await stored(below, 'a')
    await backend.blobs.put('a', bytesOf(4, 2))
    await below.blobs.put('a', old)
    expect((await backend.blobs.get('a'))?.data).toEqual(bytesOf(4, 1))
  })
})

describe('the secrets of a store', () => {
  const reads = async (below: Backend, by: typeof secret): Promise<Uint8Array | undefined> =>
    (await encrypted(below, by).blobs.get('a'))?.data

  test('are changed at once, without writing data again', async () => {
    const below = memory()
    await encrypted(below, secret).blobs.put('a', bytesOf(5))
    const before = await stored(below, 'a')
    await changeSecret(below, secret, other)
    expect(await stored(below, 'a')).toEqual(before)
    expect(await reads(below, other)).toEqual(bytesOf(5))
    await expect(reads(below, secret)).rejects.toMatchObject({ code: 'denied' })
    await expect(changeSecret(below, secret, third)).rejects.toMatchObject({ code: 'denied' })
  })

  test('may be several, of both kinds, until one is removed; never none', async () => {
    const below = memory()
    const word = { passphrase: 'correct horse' }
    await encrypted(below, secret).blobs.put('a', bytesOf(5))
    await addSecret(below, secret, other)
    await addSecret(encrypted(below, other), other, word)
    for (const by of [secret, other, word as never]) expect(await reads(below, by)).toEqual(bytesOf(5))
    await removeSecret(below, word, secret)
    await expect(reads(below, secret)).rejects.toMatchObject({ code: 'denied' })
    await expect(removeSecret(below, other, secret)).rejects.toMatchObject({ code: 'missing' })
    await removeSecret(below, word, other)
    await expect(removeSecret(below, word, word)).rejects.toMatchObject({ code: 'invalid' })
  })

  test('changed by several at once are all changed', async () => {
    const below = memory()
    await encrypted(below, secret).blobs.put('a', bytesOf(5))
    const more = Array.from({ length: 4 }, (_, n) => ({ key: new Uint8Array(32).fill(40 + n) }))
    await Promise.all(more.map((one) => addSecret(below, secret, one)))
    for (const one of more) expect(await reads(below, one)).toEqual(bytesOf(5))
  })

  test('seal with a new key after a rotation; what was stored stays readable, also for who is running', async () => {
    const below = memory()
    const running = encrypted(below, secret)
    await running.blobs.put('a', bytesOf(5))
    await addSecret(below, secret, other)
    await expect(rotateKey(below, [secret])).rejects.toMatchObject({ code: 'invalid' })
    await expect(rotateKey(below, [secret, third])).rejects.toMatchObject({ code: 'denied' })
    await expect(rotateKey(below, [])).rejects.toMatchObject({ code: 'invalid' })
    await rotateKey(below, [secret, other])
    await encrypted(below, other).blobs.put('b', bytesOf(6))
    expect((await stored(below, 'a'))[8]).toBe(1)
    expect((await stored(below, 'b'))[8]).toBe(2)
    expect(await reads(below, other)).toEqual(bytesOf(5))
    expect((await running.blobs.get('b'))?.data).toEqual(bytesOf(6))
    await running.blobs.put('c', bytesOf(7))
    expect((await stored(below, 'c'))[8]).toBe(2)
  })

  test('of a place that was never encrypted are missing', async () => {
    await expect(changeSecret(memory(), secret, other)).rejects.toMatchObject({ code: 'missing' })
  })
})

describe('a keyring', () => {
  test('is found damaged at every flipped byte and at every cut', async () => {
    const below = memory()
    await encrypted(below, secret).blobs.put('a', bytesOf(1))
    const whole = await stored(below, 'keyring')
    for (let at = 0; at < whole.length; at++) {
      for (const bytes of [flipped(whole, at), whole.subarray(0, at)]) {
        await below.blobs.put('keyring', bytes)
        await expect(encrypted(below, secret).blobs.get('a'), `byte ${at}`).rejects.toMatchObject({ code: 'corrupt' })
      }
    }
  })
})
