import { isStorageError, openQueue, openStore, type Queue } from 'varve'
import { crashStates, type FaultBackend, faultBackend, type FaultRule, faulty } from 'varve/testing'
import { describe, expect, test } from 'vitest'
import { imageOf } from './images.js'
import { contentOf, QUEUE } from './workload.js'

async function open(backend: Parameters<typeof openStore>[0], segmentBytes = 700): Promise<Queue<string>> {
  return openQueue<string>(await openStore(backend), QUEUE, { segmentBytes })
}

interface Outcome {
  readonly acknowledged: readonly (readonly [offset: number, value: string])[]
  readonly codes: readonly string[]
}

/** `count` appends, three at a time; errors are noted and the next ones go on. */
async function appendMuch(queue: Queue<string>, name: string, count = 24): Promise<Outcome> {
  const acknowledged: [number, string][] = []
  const codes: string[] = []
  for (let n = 0; n < count; n += 3) {
    const values = [n, n + 1, n + 2].map((i) => `${name} ${i} ${'.'.repeat(i)}`)
    const settled = await Promise.allSettled(values.map((value) => queue.append(value)))
    for (const [index, result] of settled.entries()) {
      if (result.status === 'fulfilled') acknowledged.push([result.value.offset, values[index] as string])
      else codes.push(isStorageError(result.reason) ? result.reason.code : String(result.reason))
    }
  }
  return { acknowledged, codes }
}

async function expectKept(backend: FaultBackend, acknowledged: Outcome['acknowledged']): Promise<string[]> {
  const store = await openStore(backend)
  const [content = []] = await contentOf(await openQueue<string>(store, QUEUE, { create: false }))
  for (const [offset, value] of acknowledged) expect(content[offset]).toBe(value)
  expect(new Set(content).size).toBe(content.length)
  await store.close()
  return content
}

/** Whatever the fault was, a restart after a kill or a power failure finds all that was acknowledged. */
async function expectKeptByCrash(backend: FaultBackend, acknowledged: Outcome['acknowledged']): Promise<void> {
  const { recording } = backend
  const options = { from: recording.operations.length, backend: { files: backend.files !== undefined } }
  for (const state of crashStates(recording, options)) await expectKept(state.open(), acknowledged)
}

describe('a failed sync', () => {
  test.each([1, 2, 3, 4, 5, 6, 7])('number %i fails its waiters, loses nothing that was acknowledged, and the log goes on', async (n) => {
    const backend = faultBackend()
    const queue = await open(backend)
    await queue.append('before')
    await queue.close()
    const failing = faulty(backend.another(), [{ on: 'file.sync', key: '/seg/', n, effect: 'fail' }])
    await backend.close()
    const { acknowledged, codes } = await appendMuch(await open(failing), 'a')
    expect(failing.struck).toBe(1)
    expect(codes.length).toBeGreaterThan(0)
    expect(codes.length).toBeLessThanOrEqual(3)
    expect(acknowledged.length + codes.length).toBe(24)
    await expectKeptByCrash(backend, [[0, 'before'], ...acknowledged])
  })
})

describe('a failed sync where appends are not synced', () => {
  test.each([1, 2, 3, 4])('number %i loses nothing that was acknowledged while the process lives, nor when it is killed', async (n) => {
    const backend = faultBackend()
    const failing = faulty(backend, [{ on: 'file.sync', key: '/seg/', n, effect: 'fail' }])
    const store = await openStore(failing)
    const queue = await openQueue<string>(store, QUEUE, { segmentBytes: 700, sync: 'never' })
    const { acknowledged } = await appendMuch(queue, 'a')
    await queue.flush().catch(() => queue.flush())
    expect(failing.struck).toBe(1)
    const content = (await queue.read({ limit: 1000 })).map(({ value }) => value)
    for (const [offset, value] of acknowledged) expect(content[offset]).toBe(value)
    await expectKeptByCrash(backend, acknowledged)
  })
})

describe('what was acknowledged before its sync', () => {
  const read = async (queue: Queue<string>) => (await contentOf(queue))[0]

  test('is written again when the disk is well again, though the flush and its second try failed', async () => {
    const failing = faulty(faultBackend(), [{ on: ['file.sync', 'files.open'], key: '/seg/', n: 3, always: true, effect: 'fail' }])
    const store = await openStore(failing)
    const queue = await openQueue<string>(store, QUEUE, { sync: { everyRecords: 100 } })
    for (const value of ['a', 'b', 'c']) await queue.append(value)
    await expect(queue.flush()).rejects.toMatchObject({ code: 'unavailable' })
    await expect(queue.flush()).rejects.toMatchObject({ code: 'unavailable' })
    failing.heal()
    await queue.append('d').catch(() => queue.append('d')) // the failure of the sync is told once more
    expect(await read(queue)).toEqual(['a', 'b', 'c', 'd'])
    await queue.flush()
    expect((await queue.stats()).buckets[0]).toMatchObject({ next: 4, durable: 4 })
  })

  test.each(['never', { everyRecords: 100 }] as const)('stays when a later write fails, sync: %o', async (sync) => {
    const disk = faultBackend()
    const failing = faulty(disk, [{ on: 'file.append', key: '/seg/', n: 6, effect: 'short', bytes: 10 }])
    const queue = await openQueue<string>(await openStore(failing), QUEUE, { sync })
    for (const value of ['a', 'b', 'c']) await queue.append(value)
    await expect(queue.append('does not fit')).rejects.toMatchObject({ code: 'quota' })
    expect(await read(queue)).toEqual(['a', 'b', 'c'])
    expect((await queue.append('d')).offset).toBe(3)
    await expectKeptByCrash(disk, [
      [0, 'a'],
      [1, 'b'],
      [2, 'c'],
    ])
  })
})

describe('a fault at any operation', () => {
  const faults = [
    { effect: 'fail' },
    { effect: 'fail', code: 'quota' },
    { effect: 'lose' },
    { effect: 'short', on: 'file.append', bytes: 5 },
  ] satisfies Partial<FaultRule>[]
  for (const files of [true, false]) {
    test.each(faults.filter(({ on }) => files || on === undefined))(
      `loses nothing that was acknowledged, ${files ? 'on files' : 'on chunks'}: %o`,
      async (fault) => {
        let met = 0
        for (let n = 1; ; n++) {
          const backend = faultBackend({ files })
          const failing = faulty(backend, [{ ...fault, n }])
          const queue = await open(failing).catch(() => undefined)
          const acknowledged = queue === undefined ? [] : (await appendMuch(queue, 'a', 12)).acknowledged
          if (queue !== undefined) {
            const goesOn = queue.append('goes on').catch(() => queue.append('goes on'))
            expect((await goesOn).offset).toBeGreaterThanOrEqual(acknowledged.length)
            await expectKeptByCrash(backend, acknowledged)
          }
          if (failing.struck === 0) break
          met++
        }
        expect(met).toBeGreaterThan(4)
      },
    )
  }
})

describe('a lost answer', () => {
  test.each([1, 2, 3, 4, 5])('of put %i of a chunk stores its records once', async (n) => {
    const backend = faultBackend({ files: false })
    const failing = faulty(backend, [{ on: ['blobs.put', 'blobs.batch'], key: '/log/', n, effect: 'lose' }])
    const { acknowledged, codes } = await appendMuch(await open(failing), 'a')
    expect([failing.struck, codes.length, acknowledged.length]).toEqual([1, 0, 24])
    expect(await expectKept(backend.another(), acknowledged)).toHaveLength(24)
  })
})

describe('a full disk', () => {
  test.each([true, false])('is quota and loses nothing that was acknowledged, files: %s', async (files) => {
    for (let capacityBytes = 2_000; capacityBytes < 4_000; capacityBytes += 97) {
      const backend = faultBackend({ files, capacityBytes })
      const { acknowledged, codes } = await appendMuch(await open(backend), 'a', 60)
      expect(acknowledged.length, `${capacityBytes} bytes`).toBeGreaterThan(0)
      expect(new Set(codes), `${capacityBytes} bytes`).toEqual(new Set(['quota']))
      await expectKeptByCrash(backend, acknowledged)
      const roomy = faultBackend({ files, image: await imageOf(backend.another()), lastLockToken: 10 })
      const content = await expectKept(roomy.another(), acknowledged)
      expect((await (await open(roomy)).append('room again')).offset).toBe(content.length)
    }
  })
})

describe('a stale writer is fenced', () => {
  test.each([true, false])('when its lock was taken, told of it or not: silent %s', async (silent) => {
    const backend = faultBackend()
    const queue = await open(backend)
    await queue.append('first')
    backend.stealLock('store', { silent })
    await expect(queue.append('second')).rejects.toMatchObject({ code: 'fenced' })
    await expect(queue.append('third')).rejects.toMatchObject({ code: 'fenced' })
  })

  test.each([1, 5, 30])('after %i appends of its successor, and changes nothing of them', async (count) => {
    const backend = faultBackend()
    const stale = await open(backend, 300)
    const before = await appendMuch(stale, 'stale', 6)
    backend.stealLock('store', { silent: true })
    const successor = await open(backend.another(), 300)
    const after = await appendMuch(successor, 'new', count)
    const late = await appendMuch(stale, 'late', 30)
    expect(late.acknowledged).toEqual([])
    expect(new Set(late.codes)).toEqual(new Set(['fenced']))
    const more = await appendMuch(successor, 'more', 6)
    expect([...before.codes, ...after.codes, ...more.codes]).toEqual([])
    await expectKeptByCrash(backend, [...before.acknowledged, ...after.acknowledged, ...more.acknowledged])
    for (const value of (await contentOf(successor))[0] ?? []) expect(value).not.toContain('late')
  })

  test('when it closes after its successor began', async () => {
    const backend = faultBackend()
    const stale = await open(backend)
    await stale.append('stale')
    backend.stealLock('store', { silent: true })
    const successor = await open(backend.another())
    await successor.append('new')
    await stale.close().catch((error) => expect(error).toMatchObject({ code: 'fenced' }))
    expect((await successor.append('newer')).offset).toBe(2)
    await expectKeptByCrash(backend, [
      [0, 'stale'],
      [1, 'new'],
      [2, 'newer'],
    ])
  })

  test('when it was stopped in the middle of a sync', async () => {
    const backend = faultBackend()
    let wake = (): void => {}
    const until = new Promise<void>((resolve) => {
      wake = resolve
    })
    const stopped = faulty(backend, [{ on: 'file.sync', key: '/seg/', n: 3, effect: 'delay', until }])
    const stale = await open(stopped)
    const first = await stale.append('first')
    const hanging = stale.append('second').catch((error) => error)
    await Promise.resolve()
    backend.stealLock('store', { silent: true })
    const successor = await open(backend.another())
    const { offset } = await successor.append('successor')
    wake()
    const outcome = await hanging
    const acknowledged: [number, string][] = [
      [first.offset, 'first'],
      [offset, 'successor'],
    ]
    if (!isStorageError(outcome, 'fenced')) throw new Error('the stopped writer was not fenced')
    await expectKeptByCrash(backend, acknowledged)
  })
})
