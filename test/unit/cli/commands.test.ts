// The command as a process of its own, beside this process, which owns the store.

import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openKv, openQueue, openSnapshots, openStore, type Store } from 'varve'
import { nodeFs } from 'varve/adapters/node-fs'

const MAIN = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'varve-cli-'))
const directory = join(folder, 'store')
let store: Store

function varve(words: readonly string[], input = '') {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...words], { encoding: 'utf8', input })
  return {
    status,
    stdout,
    stderr,
    json: () =>
      stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
  }
}

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
  const { status, json } = varve(['queues', directory, '--json'])
  expect(status).toBe(0)
  expect(json()).toMatchObject([{ queue: 'orders', buckets: 2, records: 2, groups: 1 }])
  expect(varve(['queues', directory]).stdout).toMatch(/^queue +buckets +records/)
})

test('stats shows high-water marks and lag', () => {
  const [stats] = varve(['stats', directory, 'orders', '--json']).json()
  expect(stats.buckets.map(({ next }: { next: number }) => next).sort()).toEqual([0, 2])
  expect(stats.groups).toMatchObject([{ group: 'billing', lag: 1 }])
  expect(varve(['stats', directory, 'orders']).stdout).toMatch(/billing/)
})

test('read prints the records of all buckets, or those from a position', () => {
  expect(varve(['read', directory, 'orders', '--json']).json()).toMatchObject([
    { key: 'ada', offset: 0, value: { item: 'book' } },
    { key: 'ada', offset: 1, value: { item: 'pen' } },
  ])
  expect(varve(['read', directory, 'orders', '--from', 'last:1', '--json']).json()).toMatchObject([{ offset: 1 }])
  expect(varve(['read', directory, 'orders']).stdout).toMatch(/"item":"book"/)
})

test('kv and snapshots show what is stored', () => {
  expect(varve(['kv', 'get', directory, 'theme']).stdout).toBe('"dark"\n')
  expect(varve(['kv', 'list', directory, '--json']).json()).toMatchObject([{ key: 'theme', value: 'dark' }])
  expect(varve(['snapshots', 'list', directory, '--json']).json()).toMatchObject([{ agent: 'planner', index: 0 }])
})

test('health says where the data lies', () => {
  expect(varve(['health', directory, '--json']).json()).toMatchObject([{ backend: 'node-fs', location: directory }])
})

test('append is denied while another process owns the store, and says what to do', () => {
  const { status, stderr } = varve(['append', directory, 'orders'], '{"item":"ink"}\n')
  expect(status).toBe(1)
  expect(stderr).toMatch(/\[denied\]\n.*append through the owner/)
})

test('append makes a queue of its own; a bad line is told by its number or passed over', () => {
  const other = join(folder, 'other')
  expect(varve(['append', other, 'log', '--key', 'k', '--json'], '{"k":"a"}\n{"k":"b"}\n').json()).toEqual([{ records: 2, skipped: 0 }])
  const bad = varve(['append', other, 'log'], '1\nnope\n3\n')
  expect(bad).toMatchObject({ status: 1, stderr: expect.stringMatching(/line 2 is not JSON.*--skip-bad-lines/) })
  expect(varve(['append', other, 'log', '--key', 'k'], '{"k":"a"}\n{}\n')).toMatchObject({
    status: 1,
    stderr: expect.stringMatching(/1 records before this.*\n.*line 2 has no text or number/),
  })
  expect(varve(['append', other, 'log', '--skip-bad-lines', '--json'], '1\nnope\n3\n').json()).toEqual([{ records: 2, skipped: 1 }])
})

test('what is not there is a failure that says so', () => {
  expect(varve(['queues', join(folder, 'nowhere')])).toMatchObject({ status: 1, stderr: expect.stringContaining('no such directory') })
  expect(varve(['stats', directory, 'nothing'])).toMatchObject({ status: 1, stderr: expect.stringContaining('[missing]') })
  expect(varve(['kv', 'get', directory, 'nothing'])).toMatchObject({ status: 1, stderr: expect.stringContaining('[missing]') })
})

test('wrong usage is 64, help and version are 0', () => {
  for (const words of [[], ['frobnicate'], ['queues'], ['read', directory, 'orders', '--limit', 'x'], ['queues', directory, '--no-such']]) {
    expect(varve(words), words.join(' ')).toMatchObject({ status: 64 })
  }
  expect(varve(['--help'])).toMatchObject({ status: 0, stdout: expect.stringContaining('Exit codes') })
  const { version } = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'))
  expect(varve(['--version'])).toMatchObject({ status: 0, stdout: `${version}\n` })
})
