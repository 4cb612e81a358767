import * as v from 'valibot'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openQueue, type StandardSchema } from 'varve'
import { memory } from 'varve/adapters/memory'

type Memory = ReturnType<typeof memory>
let backend: Memory
beforeEach(() => {
  backend = memory()
})
afterEach(() => backend.close())

/** A schema whose result is what `validate` gives. */
function schemaOf<T>(validate: StandardSchema<T>['~standard']['validate']): StandardSchema<T> {
  return { '~standard': { version: 1, vendor: 'test', validate } }
}

/** A schema that waits until it is told to go on. */
function waiting() {
  let goOn = (): void => {}
  const going = new Promise<void>((resolve) => {
    goOn = resolve
  })
  const schema = schemaOf<string>(async (value) => {
    await going
    return { value: value as string }
  })
  return { schema, goOn }
}

const order = v.object({
  item: v.string(),
  count: v.optional(v.pipe(v.number(), v.integer()), 1),
  lines: v.optional(v.array(v.object({ text: v.string() })), []),
})

test('a schema of a library fills in its defaults, and its issues say where', async () => {
  const queue = await openQueue(backend, 'orders', { schema: order, key: ({ item }) => item })
  await queue.append({ item: 'pen' })
  await expect(queue.append({ item: 'pen', lines: [{ text: 'a' }, { text: 5 as unknown as string }] })).rejects.toMatchObject({
    code: 'invalid',
    operation: 'append',
    facts: { schemaVersion: 1, issues: [{ path: '$.lines[1].text', message: expect.stringContaining('string') }] },
  })
  const wide = v.object({ ...order.entries, count: v.number() })
  const wider = await openQueue(backend, 'orders', { schema: { version: 2, schema: wide } })
  await wider.append({ item: 'ink', count: 0.5 })
  const values = (await wider.read()).map(({ value }) => value)
  expect(values).toEqual([
    { item: 'pen', count: 1, lines: [] },
    { item: 'ink', count: 0.5, lines: [] },
  ])
})

test('a field that was dropped is gone, one that was added has its default, one that was renamed comes by an upcaster', async () => {
  const first = v.object({ name: v.string(), old: v.string() })
  const second = v.object({ item: v.string(), added: v.optional(v.string(), 'new') })
  await (await openQueue(backend, 'orders', { schema: first })).append({ name: 'pen', old: 'x' })
  const upcasters = { 1: ({ name, ...rest }: { name: string }) => ({ ...rest, item: name }) }
  const queue = await openQueue(backend, 'orders', { schema: { version: 2, schema: second, upcasters } })
  expect((await queue.read()).map(({ value }) => value)).toEqual([{ item: 'pen', added: 'new' }])
})

test('a schema that is a function is a schema', async () => {
  const callable = Object.assign(() => {}, order)
  const queue = await openQueue(backend, 'orders', { schema: callable })
  await queue.append({ item: 'pen' })
  expect((await queue.read())[0]?.value.count).toBe(1)
})

test('an error tells the first issues and how many there are', async () => {
  const queue = await openQueue(backend, 'numbers', { schema: v.array(v.number()) })
  const error = await queue.append(Array.from({ length: 50 }, String) as unknown as number[]).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ code: 'invalid', facts: { issueCount: 50 } })
  expect((error as { facts: { issues: unknown[] } }).facts.issues).toHaveLength(20)
})

test('paths go through keys of every kind', async () => {
  const path = ['a', 0, { key: 'b c' }, { key: Symbol('s') }]
  const queue = await openQueue(backend, 'q', { schema: schemaOf(() => ({ issues: [{ message: 'no', path }, { message: 'never' }] })) })
  await expect(queue.append(1)).rejects.toMatchObject({
    facts: {
      issues: [
        { path: '$.a[0]["b c"][Symbol(s)]', message: 'no' },
        { path: '$', message: 'never' },
      ],
    },
  })
})

test.each([
  [
    'throws',
    () => {
      throw new RangeError('broken')
    },
  ],
  ['rejects', () => Promise.reject(new RangeError('broken'))],
])('a schema that %s makes the append invalid, with the cause', async (_how, validate) => {
  const queue = await openQueue(backend, 'q', { schema: schemaOf<number>(validate) })
  await expect(queue.append(1)).rejects.toMatchObject({ code: 'invalid', cause: { message: 'broken' } })
  await (await openQueue<number>(backend, 'q')).append(1)
  await expect(queue.read()).rejects.toMatchObject({
    code: 'invalid',
    facts: { offset: 0, recordVersion: 0 },
    cause: { message: 'broken' },
  })
})

test('a schema that answers with nothing makes the append invalid', async () => {
  const queue = await openQueue(backend, 'q', { schema: schemaOf<number>(() => undefined as never) })
  await expect(queue.append(1)).rejects.toMatchObject({ code: 'invalid' })
})

test('a value that its schema returns as it is, is taken as it is at the call', async () => {
  const queue = await openQueue(backend, 'q', { schema: schemaOf<unknown>((value) => ({ value })) })
  const list = [1]
  const bytes = Uint8Array.of(1)
  const appended = [queue.append(list), queue.append(bytes)]
  list.push(2)
  bytes[0] = 2
  await Promise.all(appended)
  expect((await queue.read()).map(({ value }) => value)).toEqual([[1], Uint8Array.of(1)])
})

test('what a schema makes of a value must be something that the codec keeps', async () => {
  const schema = v.pipe(
    v.string(),
    v.transform((text) => new Date(text)),
  )
  const queue = await openQueue(backend, 'dates', { schema })
  await expect(queue.append('2026-01-01')).rejects.toMatchObject({ code: 'invalid', message: expect.stringContaining('structured') })
  const structured = await openQueue(backend, 'dates', { schema, codec: 'structured' })
  await structured.append('2026-01-01')
  expect((await structured.read())[0]?.value).toEqual(new Date('2026-01-01'))
})

test('the limit of a record is that of what is stored', async () => {
  const schema = v.pipe(
    v.number(),
    v.transform((length) => 'x'.repeat(length)),
  )
  const queue = await openQueue(backend, 'q', { schema, maxRecordBytes: 100 })
  await queue.append(98)
  await expect(queue.append(99)).rejects.toMatchObject({ code: 'invalid', facts: { bytes: 101 } })
})

test('an append that is aborted while its schema is waited for stores nothing', async () => {
  const { schema, goOn } = waiting()
  const queue = await openQueue(backend, 'q', { schema })
  const controller = new AbortController()
  const appended = queue.append('a', { signal: controller.signal })
  controller.abort(new RangeError('enough'))
  goOn()
  await expect(appended).rejects.toThrow('enough')
  expect(await queue.read()).toEqual([])
})

test('an append whose queue is closed while its schema is waited for stores nothing', async () => {
  const { schema, goOn } = waiting()
  const queue = await openQueue(backend, 'q', { schema })
  const appended = queue.append('a')
  await queue.close()
  goOn()
  await expect(appended).rejects.toMatchObject({ code: 'closed' })
  expect(await (await openQueue(backend, 'q')).read()).toEqual([])
})

test('a batch that fails before its schema has answered leaves no rejection behind', async () => {
  const schema = schemaOf<number>((value) => (value === 1 ? { issues: [{ message: 'at once' }] } : Promise.reject(new RangeError('late'))))
  const queue = await openQueue(backend, 'q', { schema })
  await expect(queue.appendMany([0, 1])).rejects.toMatchObject({ code: 'invalid', facts: { index: 1 } })
})

test('a version may be any number, and its upcasters run in order', async () => {
  const newest = 2 ** 53 - 1
  await (await openQueue<string>(backend, 'q')).append('')
  const add = (letter: string) => (value: string) => value + letter
  const upcasters = { 900000000000: add('c'), 10: add('b'), 9: add('a') }
  const queue = await openQueue(backend, 'q', { schema: { version: newest, schema: v.string(), upcasters } })
  await queue.append('new')
  expect((await queue.read()).map(({ value, schemaVersion }) => [value, schemaVersion])).toEqual([
    ['abc', undefined],
    ['new', newest],
  ])
})
