import { describe, expect, test } from 'vitest'
import { memory } from 'varve/adapters/memory'
import {
  blobStoreSuite,
  type CrashState,
  crashStates,
  type FaultBackend,
  faultBackend,
  faulty,
  fileStoreSuite,
  lockManagerSuite,
  registerSuite,
  signalBusSuite,
} from 'varve/testing'

describe('the simulated backend is a backend', () => {
  const make = async () => faultBackend()
  const options = { reopen: async (backend: object) => (backend as FaultBackend).another() }
  registerSuite(test, blobStoreSuite(make, options))
  registerSuite(test, fileStoreSuite(make, options))
  registerSuite(test, lockManagerSuite(make, options))
  registerSuite(test, signalBusSuite(make, options))
})

describe('the wrapper without rules changes nothing', () => {
  const make = async () => faulty(faultBackend(), [])
  registerSuite(test, blobStoreSuite(make))
  registerSuite(test, fileStoreSuite(make))
  registerSuite(test, lockManagerSuite(make))
})

const bytes = (text: string) => new TextEncoder().encode(text)
const textOf = (data: Uint8Array | undefined) => (data === undefined ? undefined : new TextDecoder().decode(data))

async function fileOf(state: CrashState, path: string): Promise<string | undefined> {
  const backend = state.open()
  try {
    const file = await backend.files?.open(path, { mode: 'read' })
    return textOf(await file?.read({ start: 0, end: 1e6 }))
  } catch {
    return undefined
  }
}

async function appendedTwice(options = {}) {
  const backend = faultBackend(options)
  const file = await backend.files?.open('log', { mode: 'append' })
  await file?.append(bytes('one'))
  await file?.sync('strict')
  const acknowledged = backend.recording.operations.length
  await file?.append(bytes('two'))
  await file?.append(bytes('three'))
  return { backend, acknowledged }
}

describe('a power failure', () => {
  test('keeps what was synced and loses, tears, reorders and spoils the rest', async () => {
    const { backend, acknowledged } = await appendedTwice()
    const seen = new Set<string | undefined>()
    for (const state of crashStates(backend.recording, { failures: ['power'], from: acknowledged })) seen.add(await fileOf(state, 'log'))
    for (const text of seen) expect(text?.startsWith('one')).toBe(true)
    for (const text of ['one', 'onetwo', 'onetwothree', 'one\0\0\0three', 'onet', 'onetwot']) expect(seen).toContain(text)
  })

  test('may take a file whose name was never synced', async () => {
    const { backend } = await appendedTwice()
    const seen = new Set<string | undefined>()
    for (const state of crashStates(backend.recording, { failures: ['power'], to: 2 })) seen.add(await fileOf(state, 'log'))
    expect(seen).toContain(undefined)
    expect(seen).toContain('one')
  })

  test('changes the boot id, a killed process does not', async () => {
    const { backend } = await appendedTwice()
    for (const state of crashStates(backend.recording)) {
      const same = (await state.open().files?.bootId()) === (await backend.files?.bootId())
      expect(same).toBe(state.failure === 'kill')
    }
  })

  test('takes relaxed puts or leaves them, and never strict ones', async () => {
    const backend = faultBackend()
    await backend.blobs.put('strict', bytes('s'))
    await backend.blobs.put('relaxed', bytes('r'), { durability: 'relaxed' })
    const seen = new Set<string>()
    for (const state of crashStates(backend.recording, { failures: ['power'], from: 2 })) {
      const left = state.open()
      expect(textOf((await left.blobs.get('strict'))?.data)).toBe('s')
      seen.add(String(textOf((await left.blobs.get('relaxed'))?.data)))
    }
    expect([...seen].sort()).toEqual(['r', 'undefined'])
  })

  test('takes a relaxed batch whole or not at all', async () => {
    const backend = faultBackend({ defaultDurability: 'relaxed' })
    await backend.blobs.batch?.([
      { key: 'a', put: bytes('1') },
      { key: 'b', put: bytes('2') },
    ])
    await backend.blobs.put('a', bytes('3'))
    const seen = new Set<string>()
    for (const state of crashStates(backend.recording, { failures: ['power'], from: 2 })) {
      const left = state.open()
      seen.add(`${textOf((await left.blobs.get('a'))?.data)} ${textOf((await left.blobs.get('b'))?.data)}`)
    }
    expect([...seen].sort()).toEqual(['1 2', '3 2', '3 undefined', 'undefined undefined'])
  })

  test('takes relaxed puts from one on where they share a log, and none before a strict one', async () => {
    const backend = faultBackend({ defaultDurability: 'relaxed', relaxedLoss: 'suffix' })
    await backend.blobs.put('a', bytes('1'))
    await backend.blobs.put('b', bytes('1'), { durability: 'strict' })
    for (const text of ['2', '3', '4', '5', '6', '7']) await backend.blobs.put(Number(text) % 2 === 0 ? 'a' : 'b', bytes(text))
    const seen = new Set<string>()
    for (const state of crashStates(backend.recording, { failures: ['power'], from: 8 })) {
      const left = state.open()
      seen.add(`${textOf((await left.blobs.get('a'))?.data)} ${textOf((await left.blobs.get('b'))?.data)}`)
    }
    expect([...seen].sort()).toEqual(['1 1', '2 1', '2 3', '4 3', '4 5', '6 5', '6 7'])
  })

  test('takes what was appended while a sync ran', async () => {
    const backend = faultBackend()
    const file = await backend.files?.open('log', { mode: 'append' })
    await file?.append(bytes('one'))
    const syncs = [file?.sync('strict'), file?.sync('strict')]
    await file?.append(bytes('two'))
    await Promise.all(syncs)
    const seen = new Set<string | undefined>()
    for (const state of crashStates(backend.recording, { failures: ['power'], from: backend.recording.operations.length }))
      seen.add(await fileOf(state, 'log'))
    expect(seen).toContain('one')
    expect(seen).not.toContain(undefined)
  })

  test('under the mutant without syncs takes what was acknowledged', async () => {
    const { backend, acknowledged } = await appendedTwice({ syncIsNoop: true })
    const seen = new Set<string | undefined>()
    for (const state of crashStates(backend.recording, { failures: ['power'], from: acknowledged })) seen.add(await fileOf(state, 'log'))
    expect(seen).toContain(undefined)
  })
})

describe('a killed process', () => {
  test('loses nothing but the end of the write under way', async () => {
    const { backend } = await appendedTwice()
    const seen = new Set<string | undefined>()
    for (const state of crashStates(backend.recording, { failures: ['kill'], from: 5 })) seen.add(await fileOf(state, 'log'))
    expect([...seen]).toEqual(['onetwothree', 'onetwot'])
  })
})

test('crash states are the same for the same seed, and open as often as one likes', async () => {
  const { backend } = await appendedTwice()
  const list = (seed: number) => [...crashStates(backend.recording, { seed })].map((state) => `${state.description} ${state.identity}`)
  expect(list(7)).toEqual(list(7))
  expect(new Set([...crashStates(backend.recording)].map((state) => state.identity)).size).toBeGreaterThan(15)
  const [first] = [...crashStates(backend.recording, { from: 5 })]
  const one = first?.open()
  await one?.files?.delete('log')
  expect(await fileOf(first as CrashState, 'log')).toBe('onetwothree')
})

test('what recovery writes can crash again', async () => {
  const { backend } = await appendedTwice()
  const [state] = [...crashStates(backend.recording, { failures: ['power'], from: 5 })]
  const second = (state as CrashState).open()
  const file = await second.files?.open('log', { mode: 'append' })
  await file?.append(bytes('!'))
  const seen = new Set<string | undefined>()
  for (const again of crashStates(second.recording, { failures: ['power'] })) seen.add(await fileOf(again, 'log'))
  expect([...seen].sort().at(0)).toBe('onetwothree')
  expect(seen).toContain('onetwothree!')
})

describe('faults', () => {
  test('the n-th operation fails once, or from then on', async () => {
    const once = faulty(memory(), [{ on: 'blobs.put', n: 2, effect: 'fail', code: 'quota' }])
    await once.blobs.put('a', bytes('1'))
    await expect(once.blobs.put('b', bytes('2'))).rejects.toMatchObject({ code: 'quota' })
    await once.blobs.put('c', bytes('3'))
    expect(await once.blobs.get('b')).toBeUndefined()
    const always = faulty(memory(), [{ n: 1, effect: 'fail', always: true }])
    for (let i = 0; i < 3; i++) await expect(always.blobs.get('a')).rejects.toMatchObject({ code: 'unavailable' })
    expect(always.struck).toBe(3)
  })

  test('a lost answer is a thing done', async () => {
    const backend = faulty(memory(), [{ on: 'blobs.put', n: 1, effect: 'lose' }])
    await expect(backend.blobs.put('a', bytes('1'), { when: 'absent' })).rejects.toMatchObject({ code: 'unavailable' })
    expect(textOf((await backend.blobs.get('a'))?.data)).toBe('1')
  })

  test('a delayed call is done when it is released', async () => {
    let release = (): void => {}
    const until = new Promise<void>((resolve) => (release = resolve))
    const backend = faulty(memory(), [{ on: 'blobs.put', key: 'slow', n: 1, effect: 'delay', until }])
    const slow = backend.blobs.put('slow', bytes('1'))
    await backend.blobs.put('fast', bytes('2'))
    expect(await backend.blobs.get('slow')).toBeUndefined()
    release()
    await slow
    expect(textOf((await backend.blobs.get('slow'))?.data)).toBe('1')
  })

  test('a read flips a bit or is short', async () => {
    const inner = memory()
    await inner.blobs.put('a', Uint8Array.of(0, 0))
    const backend = faulty(inner, [
      { on: 'blobs.get', n: 1, effect: 'flip', bit: 9 },
      { on: 'blobs.get', n: 2, effect: 'short', bytes: 1 },
    ])
    expect((await backend.blobs.get('a'))?.data).toEqual(Uint8Array.of(0, 2))
    expect((await backend.blobs.get('a'))?.data).toEqual(Uint8Array.of(0))
    expect((await backend.blobs.get('a'))?.data).toEqual(Uint8Array.of(0, 0))
  })

  test('what a failed sync did not cover, no later sync covers', async () => {
    const inner = faultBackend()
    const backend = faulty(inner, [{ on: 'file.sync', n: 1, effect: 'fail' }])
    const file = await backend.files?.open('log', { mode: 'append' })
    await file?.append(bytes('lost'))
    await expect(file?.sync('strict')).rejects.toMatchObject({ code: 'unavailable' })
    await file?.sync('strict')
    const seen = new Set<string | undefined>()
    for (const state of crashStates(inner.recording, { failures: ['power'], from: inner.recording.operations.length }))
      seen.add(await fileOf(state, 'log'))
    expect(seen).toContain('')
  })

  test('a full disk stores what fits and says quota; the next append goes over it', async () => {
    const backend = faultBackend({ capacityBytes: 10 })
    const file = await backend.files?.open('log', { mode: 'append' })
    await file?.append(bytes('12345678'))
    await expect(file?.append(bytes('abcdef'))).rejects.toMatchObject({ code: 'quota' })
    expect(file?.size).toBe(8)
    await expect(backend.blobs.put('a', bytes('x'))).rejects.toMatchObject({ code: 'quota' })
    const again = await backend.another().files?.open('log', { mode: 'read' })
    expect(textOf(await again?.read({ start: 0, end: 99 }))).toBe('12345678ab')
  })
})

describe('a stolen lock', () => {
  test('is not held any more, and the next holder has a greater token', async () => {
    const backend = faultBackend()
    const lock = await backend.locks.acquire('store')
    backend.stealLock('store')
    expect(lock?.held()).toBe(false)
    expect(lock?.lost.aborted).toBe(true)
    const next = await backend.another().locks.acquire('store')
    expect(next?.token).toBeGreaterThan(lock?.token as number)
  })

  test('taken in silence only `held()` tells, and under the mutant without a fence nothing does', async () => {
    for (const fenceIsNoop of [false, true]) {
      const backend = faultBackend({ fenceIsNoop })
      const lock = await backend.locks.acquire('store')
      backend.stealLock('store', { silent: true })
      expect(lock?.lost.aborted).toBe(false)
      expect(lock?.held()).toBe(fenceIsNoop)
    }
  })
})
