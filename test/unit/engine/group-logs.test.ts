// Groups whose state is a log: on the simulated disk, seen from outside through what lies there.

import { isStorageError, openStore } from 'varve'
import { type CrashState, crashStates, type FaultBackend, faultBackend, faulty, ManualClock } from 'varve/testing'
import { expect, test } from 'vitest'
import { contextOf } from '../../../dist/core/derived/resolve.js'
import { streamsOf } from '../../../dist/core/derived/streams-over-journals.js'
import type { GroupPort, RecordStream } from '../../../dist/core/ports/stream-broker.js'

const STREAM = 'log/i0000000000000001/0'
const RECORDS = 300

type Backend = Parameters<typeof openStore>[0] & FaultBackend

async function withStream<T>(backend: object, use: (stream: RecordStream) => Promise<T>): Promise<T> {
  const store = await openStore(backend as Backend, { clock: new ManualClock() })
  const stream = await streamsOf(contextOf(store)).open(STREAM)
  try {
    return await use(stream)
  } finally {
    await store.close()
  }
}

/** As a second program sees it that only reads. */
async function stateBeside(backend: FaultBackend): Promise<{ committed: number; pending: number }> {
  const store = await openStore(backend.another(), { clock: new ManualClock(), mode: 'read' })
  try {
    const { committed, pending } = await (await (await streamsOf(contextOf(store)).open(STREAM)).group('g')).state()
    return { committed, pending }
  } finally {
    await store.close()
  }
}

async function fill(stream: RecordStream): Promise<void> {
  await stream.append({ records: Array.from({ length: RECORDS }, (_, n) => ({ value: `${n}`, codec: 1 })) })
}

async function files(backend: FaultBackend, below: string): Promise<{ path: string; size: number }[]> {
  const found: { path: string; size: number }[] = []
  for await (const file of backend.files?.list(below) ?? []) found.push(file)
  return found
}

async function keys(backend: FaultBackend, below: string): Promise<string[]> {
  const found: string[] = []
  for await (const { key } of backend.blobs.list({ prefix: below })) found.push(key)
  return found
}

async function consume(group: GroupPort, count: number): Promise<number[]> {
  const taken = await group.receive('c', { limit: count })
  await group.settle(taken.map(({ record, attempt }) => ({ offset: record.offset, attempt, action: 'ack' })))
  return taken.map(({ record }) => record.offset)
}

test('a thousand groups that nobody uses are a thousand cells, and no file', async () => {
  const backend = faultBackend()
  await withStream(backend, async (stream) => {
    await fill(stream)
    for (let n = 0; n < 1_000; n++) await stream.group(`g${n}`)
    expect((await stream.groups()).length).toBe(1_000)
    const before = backend.recording.operations.length
    for (let n = 0; n < 1_000; n++) await (await stream.group(`g${n}`)).receive('c', { limit: 0 })
    expect(backend.recording.operations.length).toBe(before)
  })
  expect(await files(backend, `${STREAM}/groups/`)).toEqual([])
  expect((await keys(backend, `${STREAM}/group/`)).length).toBe(1_000)
})

test('what is written for an acknowledgement does not grow with what is pending', async () => {
  const backend = faultBackend()
  await withStream(backend, async (stream) => {
    await fill(stream)
    const group = await stream.group('g')
    const size = async (): Promise<number> => (await files(backend, `${STREAM}/groups/`)).reduce((sum, file) => sum + file.size, 0)
    await group.receive('c', { limit: 1 })
    const one = await size()
    await group.settle([{ offset: 0, attempt: 1, action: 'ack' }])
    const few = (await size()) - one
    for (let n = 0; n < 150; n++) await group.receive(`c${n}`, { limit: 1 })
    const before = await size()
    await group.settle([{ offset: 1, attempt: 1, action: 'ack' }])
    expect((await size()) - before).toBeLessThanOrEqual(few + 16)
  })
})

test('the log is cut again and again, by what was written and by sessions, and the state stays', async () => {
  const backend = faultBackend()
  let offset = 0
  for (let session = 0; session < 30; session++) {
    await withStream(session === 0 ? backend : backend.another(), async (stream) => {
      if (session === 0) await fill(stream)
      const group = await stream.group('g')
      expect((await group.state()).committed).toBe(offset)
      expect(await consume(group, 2)).toEqual([offset, offset + 1])
      offset += 2
    })
  }
  expect((await files(backend, `${STREAM}/groups/`)).length).toBeLessThan(12)
  await withStream(backend.another(), async (stream) => {
    await fill(stream)
    const group = await stream.group('g')
    const reason = 'r'.repeat(1_000)
    for (let n = 0; n < 2_500; n++) {
      const [taken] = await group.receive('c', { limit: 1 })
      const handle = { offset: taken?.record.offset ?? -1, attempt: taken?.attempt ?? 0 }
      await group.settle([{ ...handle, action: 'nack', delayMs: 0, reason }])
    }
    expect(await group.pending()).toMatchObject([{ offset, attempt: 2_500, reason }])
    const held = (await files(backend, `${STREAM}/groups/`)).reduce((sum, file) => sum + file.size, 0)
    expect(held).toBeLessThan(4 * 1024 * 1024)
  })
})

test('an acknowledgement that could not be stored is refused, and can be made again', async () => {
  // The first makes the segment, the second stores the delivery.
  const backend = faulty(faultBackend(), [{ on: 'file.sync', key: '/groups/', n: 3, effect: 'fail' }])
  await withStream(backend, async (stream) => {
    await fill(stream)
    const group = await stream.group('g')
    const [taken] = await group.receive('c', { limit: 1 })
    const ack = [{ offset: taken?.record.offset ?? -1, attempt: 1, action: 'ack' as const }]
    await expect(group.settle(ack)).rejects.toMatchObject({ code: 'unavailable' })
    expect(backend.struck).toBe(1)
    expect((await group.state()).committed).toBe(0)
    expect(await group.settle(ack)).toEqual({ settled: 1, ignored: 0 })
    expect((await group.state()).committed).toBe(1)
  })
})

test('a reader beside the owner sees what is stored, and a group that there is none of begins at the beginning', async () => {
  const backend = faultBackend()
  await withStream(backend, async (stream) => {
    await fill(stream)
    expect(await stateBeside(backend)).toEqual({ committed: 0, pending: 0 })
    const group = await stream.group('g')
    await consume(group, 10)
    await group.receive('c', { limit: 5 })
    expect(await stateBeside(backend)).toEqual({ committed: 10, pending: 5 })
  })
  expect(await stateBeside(backend)).toEqual({ committed: 10, pending: 5 })
})

test('the order of keys holds after the process was killed', async () => {
  const backend = faultBackend()
  const keyed = ['a', 'a', 'b', 'a', 'c'].map((key) => ({ key, value: key, codec: 1 }))
  const store = await openStore(backend as Backend, { clock: new ManualClock() })
  const stream = await streamsOf(contextOf(store)).open(STREAM)
  await stream.append({ records: keyed })
  const taken = await (await stream.group('g', { ordering: 'key' })).receive('c', { limit: 10 })
  expect(taken.map(({ record }) => record.offset)).toEqual([0, 2, 4])
  const image = [...crashStates(backend.recording)].at(-1) as CrashState
  await withStream(image.open(), async (after) => {
    const group = await after.group('g')
    expect(await group.receive('c', { limit: 10 })).toEqual([])
    await group.settle([{ offset: 0, attempt: 1, action: 'ack' }])
    expect((await group.receive('c', { limit: 10 })).map(({ record }) => record.offset)).toEqual([1])
  })
  await store.close()
})

test('a group whose queue was closed opens nothing any more', async () => {
  const backend = faultBackend()
  const group = await withStream(backend, async (stream) => {
    await fill(stream)
    const opened = await stream.group('g')
    await opened.receive('c', { limit: 1 })
    return opened
  })
  const before = backend.recording.operations.length
  await expect(group.settle([{ offset: 0, attempt: 1, action: 'ack' }])).rejects.toMatchObject({ code: 'closed' })
  await expect(group.state()).rejects.toMatchObject({ code: 'closed' })
  expect(backend.recording.operations.length).toBe(before)
})

test('a group that is deleted leaves nothing, whoever holds it', async () => {
  const backend = faultBackend()
  await withStream(backend, async (stream) => {
    await fill(stream)
    const group = await stream.group('g')
    await consume(group, 10)
    expect((await files(backend, `${STREAM}/groups/`)).length).toBe(1)
    await stream.deleteGroup('g')
    expect(await files(backend, `${STREAM}/group`)).toEqual([])
    expect(await keys(backend, `${STREAM}/group`)).toEqual([])
    expect(isStorageError(await group.state().catch((error: unknown) => error), 'missing')).toBe(true)
  })
})
