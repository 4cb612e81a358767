// `varve queue` as a process of its own: files and pipes, following, replication.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { openQueue, openStore } from 'varve'
import { nodeFs } from 'varve/adapters/node-fs'
import { MAIN, runVarve } from './varve-process.js'

const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'varve-cli-queue-'))
let made = 0
const newPlace = () => join(folder, `store-${made++}`)

afterAll(() => rmSync(folder, { recursive: true, force: true }))

const varve = (words: readonly string[], input = '') => runVarve(['queue', ...words], { input, cwd: folder })

function fileOf(lines: readonly unknown[]): string {
  const file = join(folder, `input-${made++}.ndjson`)
  writeFileSync(file, lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
  return file
}

/** Lines that the process prints, as they come. */
async function* linesOf(child: ChildProcess): AsyncGenerator<string> {
  let rest = ''
  for await (const chunk of child.stdout ?? []) {
    const lines = (rest + String(chunk)).split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
}

async function nextLine(lines: AsyncGenerator<string>): Promise<string> {
  const { value, done } = await lines.next()
  if (done) throw new Error('the process printed nothing more')
  return value
}

test('append takes files and standard input in their order; a bad line is told with its file', () => {
  const place = newPlace()
  const [one, two] = [fileOf([1, 2]), fileOf([4])]
  expect(varve(['append', place, 'q', one, '-', two, '--json'], '3\n').json()).toEqual([{ records: 4, skipped: 0 }])
  expect(
    varve(['read', place, 'q', '--json'])
      .json()
      .map(({ value }) => value),
  ).toEqual([1, 2, 3, 4])
  writeFileSync(two, '5\n{oops\n')
  const bad = varve(['append', place, 'q', two])
  expect(bad).toMatchObject({ status: 1, stderr: expect.stringContaining(`${two} line 2 is not JSON`) })
  expect(bad.stderr).toContain('1 record before this was appended')
  expect(varve(['append', place, 'q', join(folder, 'nowhere.ndjson')])).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('ENOENT'),
  })
})

test('what read prints, append takes again with its keys and headers', async () => {
  const [from, to] = [newPlace(), newPlace()]
  const lines = [
    { value: { n: 1 }, key: 'a', headers: { by: 'me' } },
    { value: 'text', headers: {} },
  ]
  expect(varve(['append', from, 'q', '--records', fileOf(lines)]).status).toBe(0)
  const { stdout, json } = varve(['read', from, 'q', '--json'])
  expect(json()).toMatchObject(lines)
  expect(varve(['append', to, 'q', '--records'], stdout).stdout).toBe('2 records appended\n')
  const places = (rows: { offset: number }[]) => rows.map(({ timestamp, ...row }: { offset: number; timestamp?: number }) => row)
  expect(places(varve(['read', to, 'q', '--json']).json())).toEqual(places(json()))
  for (const line of ['1', '{"key":"a"}', '{"value":1,"key":2}', '{"value":1,"headers":{"a":1}}']) {
    expect(varve(['append', to, 'q', '--records'], `${line}\n`)).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('line 1 is no record'),
    })
  }
})

test('a program reads all, a person the first of them; a store may be a file URL', () => {
  const place = newPlace()
  varve(['append', place, 'q', fileOf(Array.from({ length: 2_500 }, (_, n) => n))])
  const url = pathToFileURL(place).href
  expect(varve(['read', url, 'q', '--json']).json()).toHaveLength(2_500)
  expect(varve(['read', url, 'q', '--json', '--limit', '3', '--from', 'last:5']).json()).toHaveLength(3)
  expect(varve(['read', `file:${place}`, 'q']).stdout.split('\n')).toHaveLength(1 + 20 + 1)
  expect(varve(['list', place]).stdout).toMatch(/^queue +buckets +records +bytes +groups\nq +1 +2500 /)
})

test('a URL that is no store is wrong usage and says what is one', () => {
  for (const url of ['http://localhost/x', 'redis:']) expect(varve(['list', url]), url).toMatchObject({ status: 64, stdout: '' })
  expect(varve(['list', 'http://localhost/x']).stderr).toContain('a store is a directory, file:<path> or redis://<host>:<port>')
  const scan = spawnSync(process.execPath, [MAIN, 'scan', 'redis://localhost'], { encoding: 'utf8' })
  expect(scan).toMatchObject({ status: 64, stderr: expect.stringContaining('looks into files') })
})

test('a Redis server needs a client package, and the error has the line that installs one', () => {
  // The command as it is installed alone, with nothing but what it depends on.
  const alone = mkdtempSync(join(folder, 'alone-'))
  const installed = join(alone, 'node_modules')
  for (const part of ['dist', 'package.json']) cpSync(join(ROOT, part), join(installed, 'varve', part), { recursive: true })
  symlinkSync(join(ROOT, 'node_modules', 'commander'), join(installed, 'commander'))
  const main = join(installed, 'varve', 'dist', 'cli', 'main.js')
  const none = spawnSync(process.execPath, [main, 'queue', 'list', 'redis://127.0.0.1:1'], { encoding: 'utf8', cwd: alone })
  expect(none).toMatchObject({
    status: 1,
    stdout: '',
    stderr: expect.stringMatching(/none is installed here .*\nRun: npm install redis\n$/),
  })
  for (const client of ['ioredis', 'redis']) {
    symlinkSync(join(ROOT, 'node_modules', client), join(installed, client))
    const lost = spawnSync(process.execPath, [main, 'queue', 'list', 'redis://:secret@127.0.0.1:1'], { encoding: 'utf8', cwd: alone })
    const stderr = expect.stringContaining('no Redis server answers there (server="redis://127.0.0.1:1") [unavailable]')
    expect(lost, client).toMatchObject({ status: 1, stdout: '', stderr })
  }
})

test('tail prints what comes beside the owner, and ends well on SIGINT', async () => {
  const directory = newPlace()
  const backend = nodeFs({ directory })
  const store = await openStore(backend)
  const queue = await openQueue<number>(store, 'q', { buckets: 2 })
  await queue.append(0, { key: 'a' })
  const child = spawn(process.execPath, [MAIN, 'queue', 'tail', directory, 'q', '--from', 'earliest', '--json'])
  const closed = once(child, 'close')
  const lines = linesOf(child)
  expect(JSON.parse(await nextLine(lines))).toMatchObject({ value: 0, key: 'a', offset: 0 })
  await queue.append(1, { key: 'b' })
  expect(JSON.parse(await nextLine(lines))).toMatchObject({ value: 1, key: 'b' })
  child.kill('SIGINT')
  expect(await closed).toEqual([0, null])
  await queue.append(2, { key: 'c' })
  await store.close()
  await backend.close()
  expect(varve(['tail', directory, 'q', '--from', 'earliest', '--limit', '2']).stdout).toMatch(/^bucket +offset +time .*\n.*\n.*\n$/)
})

test('replicate copies what is there, beside the owner, and goes on when it is run again', async () => {
  const [from, to] = [newPlace(), newPlace()]
  const backend = nodeFs({ directory: from })
  const store = await openStore(backend)
  const queue = await openQueue<number>(store, 'orders', { buckets: 2 })
  const other = await openQueue<string>(store, 'other')
  await queue.appendRecords([1, 2, 3].map((n) => ({ value: n, key: `${n}` })))
  await other.append('x')
  const group = await queue.group('billing')
  await group.ack(await group.receive({ limit: 2 }))
  const first = varve(['replicate', from, to, '--json'])
  expect(first).toMatchObject({ status: 0, stderr: '' })
  expect(first.json().map(({ queue: name, lag }) => [name, lag])).toEqual([
    ['orders', 0],
    ['orders', 0],
    ['other', 0],
  ])
  expect(varve(['read', to, 'orders', '--json']).stdout).toBe(varve(['read', from, 'orders', '--json']).stdout)
  expect(varve(['groups', to, 'orders', '--json']).json()).toEqual(varve(['groups', from, 'orders', '--json']).json())
  await queue.append(4, { key: '1' })
  expect(varve(['replicate', from, to, 'orders']).stdout).toMatch(
    /^queue +bucket +records +next +lag +notes\norders +0 (?:.|\n)*\n1 record copied\n$/,
  )
  expect(varve(['replicate', from, to, 'orders', '--as', 'text', '--format', 'ndjson']).status).toBe(0)
  expect(varve(['read', to, 'text', '--json']).stdout).toBe(varve(['read', from, 'orders', '--json']).stdout)
  expect(varve(['replicate', from, to, 'nothing'])).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('there are "orders", "other"'),
  })
  expect(varve(['replicate', from, to, '--as', 'x'])).toMatchObject({ status: 64 })
  expect(varve(['append', to, 'other'], '"y"\n').status).toBe(0)
  expect(varve(['replicate', from, to, 'other'])).toMatchObject({
    status: 1,
    stderr: expect.stringMatching(/differsFrom=1.*\[conflict\]\n/),
  })
  await store.close()
  await backend.close()
})

test('replicate --live follows, and ends well on SIGINT', async () => {
  const [from, to] = [newPlace(), newPlace()]
  const backend = nodeFs({ directory: from })
  const store = await openStore(backend)
  const queue = await openQueue<number>(store, 'q')
  await queue.append(1)
  const child = spawn(process.execPath, [MAIN, 'queue', 'replicate', from, to, '--live', '--json'])
  const closed = once(child, 'close')
  const lines = linesOf(child)
  const copied = async (records: number) => {
    while (JSON.parse(await nextLine(lines)).records < records) {}
  }
  await copied(1)
  await queue.append(2)
  await copied(2)
  child.kill('SIGINT')
  expect(await closed).toEqual([0, null])
  expect(varve(['read', to, 'q', '--json']).json()).toHaveLength(2)
  await store.close()
  await backend.close()
})

test('a record with an id is stored once, however often its file is appended', () => {
  const place = newPlace()
  const file = fileOf([{ order: 1 }, { order: 2 }])
  expect(varve(['append', place, 'q', file, '--id', 'order', '--json']).json()).toEqual([{ records: 2, skipped: 0, duplicates: 0 }])
  expect(varve(['append', place, 'q', file, '--id', 'order']).stdout).toBe('2 records appended, 2 of them had been stored before\n')
  const printed = varve(['read', place, 'q', '--json'])
  expect(printed.json()).toHaveLength(2)
  expect(varve(['append', place, 'q', '--records'], printed.stdout).stdout).toContain('2 of them had been stored before')
})

test('pending says who has what; dead letters say why, and are put back once', async () => {
  const directory = newPlace()
  const backend = nodeFs({ directory })
  const store = await openStore(backend)
  const queue = await openQueue<number>(store, 'orders')
  await queue.appendMany([1, 2, 3])
  const group = await queue.group('billing', { deadLetters: 'failed', maxDeliveries: 1 })
  const [first, second] = await group.receive({ consumer: 'me', limit: 2 })
  expect(varve(['pending', directory, 'orders', 'billing', '--json']).json()).toMatchObject([
    { bucket: 0, offset: 0, consumer: 'me', deliveries: 1, idleMs: expect.any(Number) },
    { offset: 1 },
  ])
  expect(varve(['pending', directory, 'orders', 'billing', '--limit', '1']).stdout).toMatch(
    /^bucket +offset +consumer +idle +deliveries +reason\n +0 +0 +"me" +\S.* +1\n$/,
  )
  expect(varve(['pending', directory, 'orders', 'nobody'])).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('there is "billing"'),
  })
  await first?.nack({ reason: 'no such customer' })
  await second?.ack()
  await store.close()
  await backend.close()
  expect(varve(['pending', directory, 'orders', 'billing']).stdout).toBe('nothing pending\n')
  expect(varve(['dead-letters', directory, 'failed', '--json']).json()).toMatchObject([
    { value: 1, letter: { queue: 'orders', offset: 0, group: 'billing', reason: 'no such customer', deliveries: 1 } },
  ])
  expect(varve(['dead-letters', directory, 'failed']).stdout).toMatch(
    /^bucket +offset +given up +from .*\n.*"orders" 0:0 .*"no such customer"\n$/,
  )
  expect(varve(['dead-letters', directory, 'failed', '--return']).stdout).toBe('1 record put back into "orders"\n')
  expect(varve(['dead-letters', directory, 'failed', '--return', '--json']).json()).toEqual([])
  expect(varve(['dead-letters', directory, 'failed']).stdout).toBe('no dead letters\n')
  expect(varve(['read', directory, 'orders', '--from', 'last:1', '--json']).json()).toMatchObject([{ value: 1, offset: 3 }])
  expect(varve(['dead-letters', directory, 'failed', '--return', 'nothing'])).toMatchObject({ status: 1, stdout: '' })
})
