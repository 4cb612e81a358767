// The command as a process of its own, beside this process, which owns the store.

import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as v from 'valibot'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { deleteQueue, openKv, openQueue, openSnapshots, openStore, type Store } from 'varve'
import { nodeFs } from 'varve/adapters/node-fs'
import { runVarve } from './varve-process.js'

const folder = mkdtempSync(join(tmpdir(), 'varve-cli-'))
const directory = join(folder, 'store')
let store: Store

const varve = (words: readonly string[], input = '') => runVarve(words, { input })

beforeAll(async () => {
  store = await openStore(nodeFs({ directory }))
  const queue = await openQueue(store, 'orders', { buckets: 2 })
  await queue.appendRecords([
    { value: { item: 'book' }, key: 'ada' },
    { value: { item: 'pen' }, key: 'ada' },
  ])
  const group = await queue.group('billing')
  const [first] = await group.receive()
  await first?.ack()
  await (await openKv(store)).put('theme', 'dark')
  await (await openSnapshots(store)).save({ agent: 'planner', session: 's1', state: { step: 1 } })
})

afterAll(async () => {
  await store.close()
  rmSync(folder, { recursive: true, force: true })
})

test('queues lists them beside their owner', () => {
  const { status, json } = varve(['queue', 'list', directory, '--json'])
  expect(status).toBe(0)
  expect(json()).toMatchObject([{ queue: 'orders', buckets: 2, records: 2, groups: 1 }])
  expect(varve(['queue', 'list', directory]).stdout).toMatch(/^queue +buckets +records/)
})

test('stats shows high-water marks, groups and lag how far consumers are', () => {
  const buckets = varve(['queue', 'stats', directory, 'orders', '--json']).json()
  expect(buckets.map(({ next }: { next: number }) => next).sort()).toEqual([0, 2])
  expect(varve(['queue', 'stats', directory, 'orders']).stdout).toMatch(/^bucket +first +next/)
  expect(varve(['queue', 'groups', directory, 'orders', '--json']).json()).toMatchObject([{ group: 'billing', lag: 1 }])
  expect(varve(['queue', 'groups', directory, 'orders']).stdout).toMatch(/^group +lag +committed\nbilling +1 /)
  const lags = varve(['queue', 'lag', directory, '--json']).json()
  expect(lags.map(({ committed, lag }: { committed: number; lag: number }) => [committed, lag]).sort()).toEqual([
    [0, 0],
    [1, 1],
  ])
  expect(varve(['queue', 'lag', directory, 'orders']).stdout).toMatch(/^queue +group +bucket +committed +next +lag\norders +billing/)
})

test('read prints the records of all buckets, or those from a position', () => {
  expect(varve(['queue', 'read', directory, 'orders', '--json']).json()).toMatchObject([
    { key: 'ada', offset: 0, value: { item: 'book' } },
    { key: 'ada', offset: 1, value: { item: 'pen' } },
  ])
  expect(varve(['queue', 'read', directory, 'orders', '--from', 'last:1', '--json']).json()).toMatchObject([{ offset: 1 }])
  expect(varve(['queue', 'read', directory, 'orders']).stdout).toMatch(/"item":"book"/)
})

test('read prints what a schema made of the values, without that schema', async () => {
  const schema = { version: 3, schema: v.object({ item: v.string(), count: v.optional(v.number(), 1) }) }
  const queue = await openQueue(store, 'versioned', { schema })
  await queue.append({ item: 'pen' })
  const { status, json } = varve(['queue', 'read', directory, 'versioned', '--json'])
  expect(status).toBe(0)
  expect(json()).toMatchObject([{ offset: 0, value: { item: 'pen', count: 1 }, schemaVersion: 3 }])
  expect(varve(['queue', 'read', directory, 'versioned']).stdout).toMatch(/"item":"pen","count":1/)
  await deleteQueue(store, 'versioned')
})

test('kv and snapshots show what is stored', () => {
  expect(varve(['kv', 'get', directory, 'theme']).stdout).toBe('"dark"\n')
  expect(varve(['kv', 'list', directory, '--json']).json()).toMatchObject([{ key: 'theme', value: 'dark' }])
  expect(varve(['snapshot', 'list', directory, '--json']).json()).toMatchObject([{ agent: 'planner', index: 0 }])
})

test('health says where the data lies', () => {
  expect(varve(['health', directory, '--json']).json()).toMatchObject([
    { backend: 'node-fs', location: directory, usedBytes: expect.any(Number), freeBytes: expect.any(Number) },
  ])
})

test('append is denied while another process owns the store, and says what to do', () => {
  const { status, stderr } = varve(['queue', 'append', directory, 'orders'], '{"item":"ink"}\n')
  expect(status).toBe(1)
  expect(stderr).toMatch(/\[denied\]\n.*append through the owner/)
})

test('append makes a queue of its own; a bad line is told by its number or passed over', () => {
  const other = join(folder, 'other')
  expect(varve(['queue', 'append', other, 'log', '--key', 'k', '--json'], '{"k":"a"}\n{"k":"b"}\n').json()).toEqual([
    { records: 2, skipped: 0 },
  ])
  const bad = varve(['queue', 'append', other, 'log'], '1\nnope\n3\n')
  expect(bad).toMatchObject({ status: 1, stderr: expect.stringMatching(/line 2 is not JSON.*--skip-bad-lines/) })
  expect(varve(['queue', 'append', other, 'log', '--key', 'k'], '{"k":"a"}\n{}\n')).toMatchObject({
    status: 1,
    stderr: expect.stringMatching(/1 record before this.*\n.*line 2 has no text or number/),
  })
  expect(varve(['queue', 'append', other, 'log', '--skip-bad-lines', '--json'], '1\nnope\n3\n').json()).toEqual([
    { records: 2, skipped: 1 },
  ])
})

const LOOKING = [
  ['queue list'],
  ['queue stats', 'orders'],
  ['queue read', 'orders'],
  ['kv list'],
  ['kv get', 'theme'],
  ['snapshot list'],
  ['health'],
]

test('a directory without a store is a failure that says what to do, and stays as it was', () => {
  const empty = join(folder, 'empty')
  mkdirSync(join(empty, 'lock'), { recursive: true })
  writeFileSync(join(empty, 'notes.txt'), 'not ours')
  for (const [verb = '', ...names] of LOOKING) {
    const { status, stdout, stderr } = varve([...verb.split(' '), empty, ...names])
    expect({ verb, status, stdout }).toEqual({ verb, status: 1, stdout: '' })
    expect(stderr).toMatch(/there is no store in this directory .*\[missing\]\nA store lies in the directory that nodeFs\(\) was given/)
  }
  expect(readdirSync(empty, { recursive: true }).sort()).toEqual(['lock', 'notes.txt'])
  expect(varve(['queue', 'list', join(folder, 'nowhere')])).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('no such directory'),
  })
  expect(existsSync(join(folder, 'nowhere'))).toBe(false)
})

test('the folder above stores names them', () => {
  const { status, stderr } = varve(['health', folder])
  expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining(JSON.stringify(directory)) })
  const project = join(folder, 'project')
  cpSync(join(directory, 'blobs'), join(project, '.varve', 'shop', 'blobs'), { recursive: true })
  expect(varve(['queue', 'list', project]).stderr).toContain(JSON.stringify(join(project, '.varve', 'shop')))
})

test('a store that was opened and holds nothing yet is an empty one, not a missing one', async () => {
  const backend = nodeFs({ directory: join(folder, 'new') })
  const opened = await openStore(backend)
  expect(varve(['queue', 'list', join(folder, 'new')])).toMatchObject({ status: 0, stdout: 'no queues\n' })
  expect(varve(['kv', 'list', join(folder, 'new')])).toMatchObject({ status: 0, stdout: 'no keys\n' })
  expect(varve(['snapshot', 'list', join(folder, 'new')])).toMatchObject({ status: 0, stdout: 'no snapshots\n' })
  await opened.close()
  await backend.close()
})

test('an unknown name is a failure that lists the known ones', async () => {
  await (await openKv(store, 'counters')).put('visits', 1)
  const rows: [words: string[], says: string][] = [
    [['queue', 'stats', directory, 'nothing'], 'no such queue; there is "orders" (queue="nothing") [missing]'],
    [['queue', 'read', directory, 'nothing'], 'no such queue; there is "orders" (queue="nothing") [missing]'],
    [['kv', 'get', directory, 'nothing'], 'no such key; there is "theme" (key="nothing") [missing]'],
    [['kv', 'get', directory, 'theme', '--namespace', 'x'], 'no such namespace; there are "counters", "default" (namespace="x") [missing]'],
    [['kv', 'list', directory, '--namespace', 'x'], 'no such namespace; there are "counters", "default" (namespace="x") [missing]'],
    [['snapshot', 'list', directory, '--agent', 'x'], 'no such agent; there is "planner" (agent="x") [missing]'],
    [['snapshot', 'list', directory, '--agent', 'planner', '--session', 'x'], 'no such session; there is "s1" (session="x") [missing]'],
    [['snapshot', 'list', directory, '--tag', 'x'], 'no such tag; there is none at all (tag="x") [missing]'],
  ]
  for (const [words, says] of rows) {
    expect(varve(words)).toMatchObject({ status: 1, stdout: '', stderr: expect.stringContaining(`varve: there is ${says}`) })
  }
  expect(varve(['kv', 'list', directory, '--prefix', 'nothing'])).toMatchObject({ status: 0, stdout: 'no keys\n' })
})

test('wrong usage is 64, help and version are 0', () => {
  for (const words of [
    [],
    ['frobnicate'],
    ['queue'],
    ['queue', 'list'],
    ['queue', 'read', directory, 'orders', '--limit', 'x'],
    ['queue', 'list', directory, '--no-such'],
  ]) {
    expect(varve(words), words.join(' ')).toMatchObject({ status: 64 })
  }
  expect(varve(['--help'])).toMatchObject({ status: 0, stdout: expect.stringContaining('Exit codes') })
  const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'))
  expect(varve(['--version'])).toMatchObject({ status: 0, stdout: `${version}\n` })
})
