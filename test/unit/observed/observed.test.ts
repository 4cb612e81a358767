import { describe, expect, test } from 'vitest'
import { type Backend, changeSecret, encrypted, openKv, openQueue, openSnapshots, openStore, StorageError, toPut, transaction } from 'varve'
import { memory } from 'varve/adapters/memory'
import { observed, type StorageObserver, type StorageRequest, type StorageRetry } from 'varve/observe'
import { type FaultRule, faultBackend, faulty, ManualClock } from 'varve/testing'
import { storedBlobs } from '../../../dist/core/derived/stored-blobs.js'
import { withBlobs } from '../snapshots/faulty-backend.js'

const bytesOf = (length: number): Uint8Array => new Uint8Array(length).fill(7)
const secret = { key: bytesOf(32) }

interface Recorder extends StorageObserver {
  readonly requests: StorageRequest[]
  readonly retries: StorageRetry[]
}

function recorder(): Recorder {
  const [requests, retries]: [StorageRequest[], StorageRetry[]] = [[], []]
  return { requests, retries, request: (request) => requests.push(request), retry: (retry) => retries.push(retry) }
}

async function drain(source: AsyncIterable<unknown>): Promise<number> {
  let count = 0
  for await (const _ of source) count++
  return count
}

/** As behind a network, so that what is unavailable is asked again. */
const remote = (backend: Backend): Backend => withBlobs(backend, ({ traits }) => ({ traits: { ...traits, durable: 'remote' } }))

describe('each request is told when it is done', () => {
  test('to blobs: which, and how many bytes it carried', async () => {
    const seen = recorder()
    const { blobs } = observed(memory(), seen, { clock: new ManualClock() })
    await blobs.put('a', bytesOf(10))
    await blobs.get('a')
    await blobs.get('a', { range: { start: 2, end: 5 } })
    await blobs.get('nothing')
    await blobs.batch?.([
      { key: 'b', put: bytesOf(3) },
      { key: 'c', put: bytesOf(4) },
      { key: 'a', delete: true },
    ])
    await blobs.batch?.([{ key: 'c', delete: true }])
    expect(await drain(blobs.list())).toBe(1)
    await blobs.delete(['b'])
    const told = { backend: 'memory', durationMs: 0 }
    expect(seen.requests).toEqual([
      { ...told, operation: 'blobs.put', writtenBytes: 10 },
      { ...told, operation: 'blobs.get', readBytes: 10 },
      { ...told, operation: 'blobs.get', readBytes: 3 },
      { ...told, operation: 'blobs.get' },
      { ...told, operation: 'blobs.batch', writtenBytes: 7 },
      { ...told, operation: 'blobs.batch' },
      { ...told, operation: 'blobs.list' },
      { ...told, operation: 'blobs.delete' },
    ])
  })

  test('to files and locks', async () => {
    const seen = recorder()
    const { files, locks } = observed(faultBackend(), seen, { clock: new ManualClock() })
    const file = await files?.open('log/0', { mode: 'append' })
    await file?.append(bytesOf(8))
    await file?.sync('strict')
    expect(file?.size).toBe(8)
    await file?.read({ start: 3, end: 100 })
    await file?.close()
    expect(await drain(files?.list('log/') as AsyncIterable<unknown>)).toBe(1)
    await files?.delete('log/0')
    await (await locks?.acquire('store'))?.release()
    await (await locks?.acquire('store', { wait: true }))?.release()
    await locks?.owner('store')
    expect(seen.requests.map(({ backend, durationMs, ...rest }) => ({ ...rest }))).toEqual([
      { operation: 'files.open' },
      { operation: 'file.append', writtenBytes: 8 },
      { operation: 'file.sync' },
      { operation: 'file.read', readBytes: 5 },
      { operation: 'files.list' },
      { operation: 'files.delete' },
      { operation: 'locks.acquire' },
      { operation: 'locks.acquire', waited: true },
      { operation: 'locks.owner' },
    ])
  })

  test('with the time it took, which never runs backwards', async () => {
    const clock = new ManualClock()
    const seen = recorder()
    const slow = withBlobs(memory(), (blobs) => ({
      get: async (key) => {
        await clock.advance(40)
        return await blobs.get(key)
      },
      put: async (key, bytes) => {
        await clock.set(clock.now() - 1_000)
        return await blobs.put(key, bytes)
      },
    }))
    const { blobs } = observed(slow, seen, { clock })
    await blobs.get('a')
    await blobs.put('a', bytesOf(1))
    expect(seen.requests.map(({ durationMs }) => durationMs)).toEqual([40, 0])
  })

  test('with keys, paths and names only where they are asked for', async () => {
    for (const keys of [false, true]) {
      const seen = recorder()
      const { blobs, files, locks } = observed(faultBackend(), seen, { keys })
      await blobs.put('k/1', bytesOf(1))
      await blobs.delete(['k/1', 'k/2'])
      await drain(blobs.list({ prefix: 'k/' }))
      await (await files?.open('p', { mode: 'append' }))?.close()
      await locks?.acquire('l')
      expect(seen.requests.map((request) => request.keys)).toEqual(
        keys ? [['k/1'], ['k/1', 'k/2'], ['k/'], ['p'], ['l']] : [undefined, undefined, undefined, undefined, undefined],
      )
      expect(seen.requests.every((request) => 'keys' in request === keys)).toBe(true)
    }
  })
})

describe('how a request ended is told', () => {
  test('by the code of its error, and what is none of ours as unknown', async () => {
    const seen = recorder()
    const rules: FaultRule[] = [
      { on: 'blobs.get', n: 1, effect: 'fail', code: 'denied' },
      { on: 'blobs.get', n: 2, effect: 'fail', error: () => new TypeError('secret words') },
    ]
    const { blobs, files } = observed(faulty(faultBackend(), rules), seen)
    await expect(blobs.get('a')).rejects.toMatchObject({ code: 'denied' })
    await expect(blobs.get('a')).rejects.toThrow(TypeError)
    await blobs.put('a', bytesOf(1))
    await expect(blobs.put('a', bytesOf(1), { when: 'absent' })).rejects.toMatchObject({ code: 'conflict' })
    await expect(files?.open('none', { mode: 'read' })).rejects.toMatchObject({ code: 'missing' })
    expect(seen.requests.map(({ error }) => error)).toEqual(['denied', 'unknown', undefined, 'conflict', 'missing'])
    expect(seen.requests[3]).not.toHaveProperty('writtenBytes')
    expect(JSON.stringify(seen.requests)).not.toContain('secret words')
  })

  test('as aborted where its signal ended it, whatever the reason is', async () => {
    const seen = recorder()
    const { blobs } = observed(memory(), seen)
    for (const reason of [undefined, new Error('enough'), new StorageError('closed', 'enough')]) {
      const signal = AbortSignal.abort(reason)
      await expect(blobs.get('a', { signal })).rejects.toBe(signal.reason)
      await expect(drain(blobs.list({ signal }))).rejects.toBe(signal.reason)
    }
    expect(seen.requests.map(({ aborted, error }) => ({ aborted, error }))).toEqual(Array(6).fill({ aborted: true, error: undefined }))
  })
})

describe('a listing is told once', () => {
  async function listed(): Promise<{ seen: Recorder; clock: ManualClock; backend: Backend; rules: FaultRule[] }> {
    const [seen, clock, rules]: [Recorder, ManualClock, FaultRule[]] = [recorder(), new ManualClock(), []]
    const below = memory()
    for (const key of ['a', 'b', 'c']) await below.blobs.put(key, bytesOf(1))
    const slow = withBlobs(below, (blobs) => ({
      async *list(options) {
        for await (const info of blobs.list(options)) {
          if (info.key === 'c' && rules.length > 0) throw new StorageError('unavailable', 'gone')
          await clock.advance(10)
          yield info
        }
      },
    }))
    return { seen, clock, rules, backend: observed(slow, seen, { clock }) }
  }

  test('at its end, without the time its reader took', async () => {
    const { seen, clock, backend } = await listed()
    const reading = backend.blobs.list()
    expect(seen.requests).toEqual([])
    for await (const _ of reading) {
      expect(seen.requests).toEqual([])
      await clock.advance(1_000)
    }
    expect(seen.requests).toEqual([{ backend: 'memory', operation: 'blobs.list', durationMs: 30 }])
  })

  test('when its reader had enough, which ends it below too', async () => {
    const seen = recorder()
    let ended = 0
    const below = withBlobs(memory(), () => ({
      async *list() {
        try {
          for (;;) yield { key: 'a', bytes: 1, version: '1' }
        } finally {
          ended++
        }
      },
    }))
    for await (const _ of observed(below, seen).blobs.list()) break
    expect(seen.requests.map(({ operation, error }) => ({ operation, error }))).toEqual([{ operation: 'blobs.list', error: undefined }])
    expect(ended).toBe(1)
  })

  test('when it fails in the middle', async () => {
    const { seen, backend, rules } = await listed()
    rules.push({ n: 1, effect: 'fail' })
    await expect(drain(backend.blobs.list())).rejects.toMatchObject({ code: 'unavailable' })
    expect(seen.requests).toEqual([{ backend: 'memory', operation: 'blobs.list', durationMs: 20, error: 'unavailable' }])
  })
})

describe('an observer that fails', () => {
  test.each([
    [
      'throws',
      () => Promise.reject(new Error('observer')),
      () => {
        throw new Error('observer')
      },
    ],
  ])('%s, and storage goes on', async (_, rejecting, throwing) => {
    for (const request of [throwing, rejecting as unknown as () => void]) {
      const backend = observed(memory(), { request, retry: request })
      const kv = await openKv<Record<string, number>>(backend)
      await kv.put('a', 1)
      expect(await kv.get('a')).toBe(1)
      expect(await kv.get('b')).toBeUndefined()
      await backend.close()
    }
  })
})

describe('what is observed is what it wraps', () => {
  test('with the same ports, traits and name', () => {
    for (const below of [memory(), faultBackend(), faultBackend({ files: false }), encrypted(faultBackend(), secret)]) {
      const backend = observed(below, recorder())
      const ports = ['blobs', 'files', 'locks', 'signals', 'streams', 'sql', 'requestScoped'] as const
      expect(ports.filter((port) => backend[port] !== undefined)).toEqual(ports.filter((port) => below[port] !== undefined))
      expect(backend.blobs.traits).toBe(below.blobs.traits)
      expect(backend.blobs.batch === undefined).toBe(below.blobs.batch === undefined)
      expect(backend.name).toBe(below.name)
    }
  })

  test('also what a backend lacks', () => {
    const { batch: _, ...few } = memory().blobs
    const below: Backend = { name: 'few', blobs: few as Backend['blobs'], health: () => memory().health(), close: async () => {} }
    const backend = observed(below, recorder())
    expect(Object.keys(backend)).not.toContain('files')
    expect(backend.blobs.batch).toBeUndefined()
  })

  test('closed, after what was opened on it; twice is once', async () => {
    const below = faultBackend()
    const backend = observed(below, recorder())
    const queue = await openQueue<string>(backend, 'work', { sync: 'never' })
    await queue.append('a')
    await backend.close()
    await backend.close()
    await expect(below.blobs.get('a')).rejects.toMatchObject({ code: 'closed' })
    await expect(queue.append('b')).rejects.toMatchObject({ code: 'closed' })
  })

  test('for a store, a queue with a group, and a transaction', async () => {
    const seen = recorder()
    const store = await openStore(observed(memory(), seen))
    const queue = await openQueue<string>(store, 'work')
    await queue.append('a')
    const group = await queue.group('g')
    expect((await group.receive())[0]?.value).toBe('a')
    const kv = await openKv<Record<string, number>>(store)
    await transaction(store, [toPut(kv, 'a', 1)])
    expect(await kv.get('a')).toBe(1)
    await store.close()
    expect(new Set(seen.requests.map(({ operation }) => operation))).toEqual(
      new Set(['blobs.get', 'blobs.put', 'blobs.list', 'blobs.batch']),
    )
  })
})

describe('over and below encryption', () => {
  test('it sees plain sizes above and sealed ones below', async () => {
    const [above, below] = [recorder(), recorder()]
    const backend = observed(encrypted(observed(memory(), below), secret), above)
    await backend.blobs.put('a', bytesOf(100))
    expect((await backend.blobs.get('a'))?.data).toEqual(bytesOf(100))
    const sizes = ({ requests }: Recorder) => requests.flatMap(({ readBytes, writtenBytes }) => [readBytes ?? writtenBytes ?? 0])
    expect(sizes(above)).toEqual([100, 100])
    expect(sizes(below).filter((bytes) => bytes === 180).length).toBe(2)
  })

  test('a cache of snapshots is given what the medium has, nothing plain', async () => {
    const near = memory()
    const snapshots = await openSnapshots<string>(observed(encrypted(memory(), secret), recorder()), { cache: near })
    const { id } = await snapshots.save({ agent: 'a', session: 's', state: 'canary '.repeat(2_000) })
    expect(await snapshots.load(id)).toContain('canary')
    await snapshots.close()
    let kept = ''
    for await (const { key } of near.blobs.list()) kept += new TextDecoder('latin1').decode((await near.blobs.get(key))?.data)
    expect(kept.length).toBeGreaterThan(100)
    expect(kept).toContain('VRVSEAL')
    expect(kept).not.toContain('canary')
  })

  test('what repairs sees sealed blobs as they lie there, through both', async () => {
    const { blobs } = observed(encrypted(memory(), secret), recorder())
    await blobs.put('a', bytesOf(10))
    const stored = await storedBlobs(blobs).get('a')
    expect(new TextDecoder('latin1').decode(stored?.data.subarray(0, 7))).toBe('VRVSEAL')
    const plain = observed(memory(), recorder()).blobs
    expect(storedBlobs(plain)).toBe(plain)
  })

  test('secrets are changed through it', async () => {
    const below = memory()
    const backend = observed(encrypted(below, secret), recorder())
    await (await openKv(backend)).put('a', 1)
    await changeSecret(backend, secret, { key: bytesOf(32).fill(8) })
    expect(await (await openKv(encrypted(below, { key: bytesOf(32).fill(8) }))).get('a')).toBe(1)
  })
})

describe('requests that are made again', () => {
  const failing: FaultRule[] = [
    { on: 'blobs.get', key: 'a', n: 1, effect: 'fail' },
    { on: 'blobs.get', key: 'a', n: 2, effect: 'fail' },
  ]

  async function patiently<Result>(clock: ManualClock, task: Promise<Result>): Promise<Result> {
    let isDone = false
    const done = task.finally(() => {
      isDone = true
    })
    done.catch(() => {})
    for (let step = 0; !isDone && step < 1_000; step++) await clock.advance(100)
    return await done
  }

  test.each([
    ['', (backend: Backend, seen: Recorder) => observed(backend, seen)],
    [' through encryption', (backend: Backend, seen: Recorder) => encrypted(observed(backend, seen), secret)],
    [' by each who observes', (backend: Backend, seen: Recorder) => observed(observed(backend, seen), recorder())],
  ])('are told%s, each attempt a request', async (_, wrap) => {
    const clock = new ManualClock()
    const seen = recorder()
    const rules: FaultRule[] = [{ on: 'blobs.put', key: 'kv', n: 1, effect: 'lose' }]
    const store = await patiently(clock, openStore(wrap(faulty(remote(memory()), rules), seen), { clock }))
    const kv = await patiently(clock, openKv<Record<string, number>>(store))
    await patiently(clock, kv.put('a', 1))
    const puts = seen.requests.filter(({ operation, keys: _keys, ...rest }) => operation === 'blobs.put' && rest.error === 'unavailable')
    expect(puts.length).toBe(1)
    expect(seen.retries).toEqual([{ backend: 'memory', operation: 'blobs.put', attempt: 1 }])
  })

  test('as often as they are', async () => {
    const clock = new ManualClock()
    const seen = recorder()
    const below = memory()
    await (await openKv<Record<string, number>>(below)).put('a', 1)
    const store = await openStore(observed(faulty(remote(below), [...failing]), seen), { clock })
    const kv = await openKv<Record<string, number>>(store)
    seen.requests.splice(0)
    expect(await patiently(clock, kv.get('a'))).toBe(1)
    expect(seen.retries.map(({ operation, attempt }) => ({ operation, attempt }))).toEqual([
      { operation: 'blobs.get', attempt: 1 },
      { operation: 'blobs.get', attempt: 2 },
    ])
    expect(seen.requests.filter(({ operation }) => operation === 'blobs.get').map(({ error }) => error)).toEqual([
      'unavailable',
      'unavailable',
      undefined,
    ])
  })

  test('and not where nothing is made again', async () => {
    const clock = new ManualClock()
    const seen = recorder()
    const rules: FaultRule[] = [{ on: 'blobs.get', n: 1, always: true, effect: 'fail' }]
    const backend = observed(faulty(remote(memory()), rules), seen)
    const store = await openStore(backend, { clock })
    const kv = await openKv<Record<string, number>>(store)
    await expect(patiently(clock, kv.get('a'))).rejects.toMatchObject({ code: 'unavailable' })
    expect(seen.requests.length).toBe(5)
    expect(seen.retries.length).toBe(4)
    const near = recorder()
    await expect((await openKv(observed(faulty(memory(), rules), near))).get('a')).rejects.toMatchObject({ code: 'unavailable' })
    expect(near.retries).toEqual([])
  })
})
