// scan, recover, doctor and compact as processes of their own, on stores that were damaged by hand.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { openQueue, openStore } from 'varve'
import { nodeFs } from 'varve/adapters/node-fs'
import { makeLeft } from '../doctor/torn-store.js'

const MAIN = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url))
const root = mkdtempSync(join(tmpdir(), 'varve-cli-doctor-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
let made = 0

function varve(...words: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...words], { encoding: 'utf8', input: '' })
  return { status, stdout, stderr, json: () => JSON.parse(stdout) }
}

/** A closed store with one queue of several segments, and a group. */
async function makeStore(): Promise<string> {
  const directory = join(root, `store ${made++}`)
  const backend = nodeFs({ directory })
  const queue = await openQueue<number>(backend, 'orders', { segmentBytes: 1024, key: (n) => String(n % 3) })
  for (let n = 0; n < 40; n++) await queue.append(n)
  await (await queue.group('billing')).commit(0, 5)
  await queue.close()
  await backend.close()
  return directory
}

function filesUnder(directory: string, part = ''): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => relative(directory, path).includes(part))
    .sort()
}

function flip(path: string, at: number): void {
  const bytes = readFileSync(path)
  bytes[at] = (bytes[at] as number) ^ 0x10
  writeFileSync(path, bytes)
}

/** One record of the queue's first segment cannot be read any more. Its path in the store. */
function damage(directory: string): string {
  const path = filesUnder(directory, 'seg+').find((one) => !one.includes('group')) as string
  flip(path, 400)
  return relative(directory, path)
}

const contentOf = (directory: string) => filesUnder(directory).map((path) => [path, readFileSync(path).toString('hex')])

test('scan of a healthy store is 0, also beside its owner, of one queue or all', async () => {
  const directory = await makeStore()
  const backend = nodeFs({ directory })
  const queue = await openQueue<number>(backend, 'orders', { key: () => 'k' })
  await queue.append(1)
  expect(varve('scan', directory)).toMatchObject({
    status: 0,
    stderr: '',
    stdout: expect.stringMatching(/^healthy: 1 queue, 41 records, \d+ bytes\n$/),
  })
  await queue.close()
  await backend.close()
  const one = varve('scan', directory, 'orders', '--json')
  expect(one.status).toBe(0)
  expect(one.json()).toMatchObject({
    backend: 'node-fs',
    healthy: true,
    anomalies: [],
    lostRecords: 0,
    scanned: { queues: 1, records: 41 },
  })
  expect(varve('scan', directory, 'nothing')).toMatchObject({ status: 1, stdout: '', stderr: expect.stringContaining('there is "orders"') })
})

test('scan of a damaged store is 1 and says what, where, and which offsets', async () => {
  const directory = await makeStore()
  const path = damage(directory)
  const before = contentOf(directory)
  const { status, stdout } = varve('scan', directory)
  expect(status).toBe(1)
  expect(stdout).toMatch(/^kind +queue +bucket +position +offsets lost\ncorrupted_frame +orders +0 +\d+ +\d+\n/)
  expect(stdout).toContain(`\n    ${path}\n`)
  expect(stdout).toMatch(/\n1 anomaly, 1 record lost, in 1 queue, 39 records, \d+ bytes\n$/)
  const json = varve('scan', directory, '--json')
  expect(json.status).toBe(1)
  expect(json.json().anomalies).toMatchObject([
    { kind: 'corrupted_frame', queue: 'orders', bucket: 0, path: expect.stringMatching(/^log\/i.*\/seg\//) },
  ])
  expect(contentOf(directory)).toEqual(before)
})

test('recover keeps copies beside the store, in its layout, and leaves nothing to find', async () => {
  const directory = await makeStore()
  const path = damage(directory)
  const damaged = readFileSync(join(directory, path))
  const { status, stdout } = varve('recover', directory)
  expect(status).toBe(0)
  expect(stdout).toMatch(/corrupted_frame[\s\S]*\n2 files copied to .*\nrecovered: 1 queue, 39 records, \d+ bytes\n$/)
  const [run = ''] = readdirSync(`${directory}.quarantine`)
  expect(stdout).toContain(join(`${directory}.quarantine`, run))
  expect(readFileSync(join(`${directory}.quarantine`, run, path)).equals(damaged)).toBe(true)
  expect(varve('scan', directory).status).toBe(0)
  expect(varve('recover', directory)).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/^nothing to recover: 1 queue, 39 records/),
  })
  expect(readdirSync(`${directory}.quarantine`)).toEqual([run])
})

test('recover takes another folder for copies, and --json tells both scans', async () => {
  const directory = await makeStore()
  const path = damage(directory)
  const folder = join(root, 'copies')
  const { status, json } = varve('recover', directory, '--quarantine', folder, '--yes', '--json')
  expect(status).toBe(0)
  const report = json()
  expect(report).toMatchObject({ mode: 'quarantine', before: { healthy: false, lostRecords: 1 }, after: { healthy: true } })
  expect(report.copies).toContain(path)
  expect(existsSync(join(report.quarantine, path))).toBe(true)
  expect(report.quarantine.startsWith(folder)).toBe(true)
})

test('recover --mode ignore is 1 and changes nothing; --mode repair keeps no copies', async () => {
  const directory = await makeStore()
  damage(directory)
  const before = contentOf(directory)
  expect(varve('recover', directory, '--mode', 'ignore')).toMatchObject({
    status: 1,
    stdout: expect.stringMatching(/corrupted_frame[\s\S]*left as it is\n$/),
  })
  expect(contentOf(directory)).toEqual(before)
  expect(varve('recover', directory, '--mode', 'repair')).toMatchObject({ status: 0, stdout: expect.not.stringContaining('copied') })
  expect(existsSync(`${directory}.quarantine`)).toBe(false)
})

test('what cannot be repaired is 2 after a recovery, and the doctor says why', async () => {
  const directory = await makeStore()
  flip(filesUnder(directory, 'queues+')[0] as string, 60)
  expect(varve('recover', directory)).toMatchObject({
    status: 2,
    stdout: expect.stringMatching(/still broken \(1 anomaly, no record lost\)/),
  })
  expect(varve('doctor', directory)).toMatchObject({
    status: 1,
    stdout: expect.stringMatching(/damaged_catalogue\n[\s\S]*Recovery: None: put the file back/),
  })
})

test('doctor says what each finding means and the command that repairs it, and with --repair does it', async () => {
  const directory = await makeStore()
  damage(directory)
  truncateSync(filesUnder(directory, 'seg+').at(-1) as string, 300)
  const found = varve('doctor', directory)
  expect(found.status).toBe(1)
  expect(found.stdout).toMatch(/location +.*store/)
  expect(found.stdout).toMatch(
    /\ncorrupted_frame\n {2}Stored bytes have changed[\s\S]*\n {2}Recovery: Keeps every record[\s\S]*\n {2}- queue orders, bucket 0, byte/,
  )
  expect(found.stdout).toMatch(/\ntruncated_segment\n/)
  expect(found.stdout).toContain(`\n  varve recover '${directory}' --mode quarantine\n`)
  expect(varve('doctor', directory, '--json').json()).toMatchObject({
    health: { backend: 'node-fs' },
    report: { healthy: false },
    findings: [{ kind: 'corrupted_frame' }, { kind: 'truncated_segment' }],
  })
  const repaired = varve('doctor', directory, '--repair')
  expect(repaired).toMatchObject({ status: 0, stdout: expect.stringMatching(/\nrecovered: /) })
  expect(varve('doctor', directory)).toMatchObject({ status: 0, stdout: expect.stringMatching(/\nhealthy: 1 queue/) })
})

test('recover and compact are refused while another process owns the store, and name it', async () => {
  const directory = await makeStore()
  damage(directory)
  const backend = nodeFs({ directory })
  const store = await openStore(backend)
  await (await openQueue(store, 'other')).append(1)
  for (const verb of ['recover', 'compact']) {
    const { status, stdout, stderr } = varve(verb, directory)
    expect({ verb, status, stdout }).toEqual({ verb, status: 1, stdout: '' })
    expect(stderr).toContain(`pid=${process.pid}`)
    expect(stderr).toContain('[denied]')
  }
  expect(varve('doctor', directory)).toMatchObject({
    status: 1,
    stdout: expect.stringMatching(/owned by a running process: [\s\S]*Stop its owner first/),
  })
  await store.close()
  await backend.close()
})

test('compact prints the report of what it did', async () => {
  const directory = await makeStore()
  const [row] = [varve('compact', directory, 'orders', '--by-key', '--json').json()]
  expect(row).toMatchObject({ queue: 'orders', backend: 'node-fs', beforeRecords: 40, afterRecords: 3, removedRecords: 37 })
  expect(row.reclaimedBytes).toBe(row.beforeBytes - row.afterBytes)
  expect(varve('compact', directory)).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/^queue +backend +records[\s\S]*\norders +node-fs +3 +3 +0/),
  })
  expect(varve('compact', directory, 'nothing')).toMatchObject({ status: 1, stderr: expect.stringContaining('there is "orders"') })
})

test('recover --salvage brings back what lies whole in a torn tail', async () => {
  const directory = await makeLeft()
  expect(varve('scan', directory)).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/^healthy: [^\n]*\nnote: 4 whole records of q in torn tails/),
  })
  expect(varve('doctor', directory)).toMatchObject({ status: 0, stdout: expect.stringContaining('note: 4 whole records') })
  expect(varve('recover', directory, '--salvage', '--mode', 'ignore')).toMatchObject({
    status: 64,
    stderr: expect.stringContaining('--salvage'),
  })
  const { status, stdout } = varve('recover', directory, '--salvage')
  expect(status).toBe(0)
  expect(stdout).toMatch(/\n1 file copied to .*\n4 records of torn tails appended again\nrecovered: 1 queue, 10 records/)
  expect(varve('queue', 'read', directory, 'q', '--from', 'last:1', '--json').json()).toMatchObject({
    value: 'value 9',
    headers: { 'varve-salvaged-offset': '9' },
  })
  expect(varve('scan', directory)).toMatchObject({ status: 0, stdout: expect.stringMatching(/^healthy: [^\n]*\n$/) })
})

test('inspect shows segments and frames, also beside the owner and of a damaged store', async () => {
  const directory = await makeStore()
  const closed = varve('inspect', directory, 'orders', '--json').json().buckets[0]
  expect(closed).toMatchObject({ bucket: 0, first: 0, next: 40, durable: 40 })
  expect(closed.segments.length).toBeGreaterThan(2)
  expect(closed.segments[0]).toMatchObject({ base: 0, isClosed: true, indexEntries: 1, firstTimestamp: expect.any(Number) })
  const backend = nodeFs({ directory })
  const queue = await openQueue<number>(backend, 'orders', { segmentBytes: 1024, key: () => 'k' })
  for (let n = 0; n < 3; n++) await queue.append(n)
  const { segments } = varve('inspect', directory, 'orders', '--json', '--frames', '--bucket', '0').json().buckets[0]
  const open = segments.at(-1)
  expect(open).toMatchObject({ base: 40, next: 43, records: 3, isClosed: false })
  expect(open.frames.map(({ firstOffset, next, flags }: Record<string, unknown>) => [firstOffset, next, flags])).toEqual([
    [40, 40, ['control']],
    [40, 41, []],
    [41, 42, []],
    [42, 43, []],
  ])
  await queue.close()
  await backend.close()
  damage(directory)
  const text = varve('inspect', directory, 'orders', '--frames')
  expect(text).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/^queue orders: \d+ segments, 43 records[\s\S]*DAMAGED \((header|body|magic)\)/),
  })
  expect(text.stdout).toMatch(/\nbucket 0: first 0, next 43, durable 43, epoch \d+\n█+\|/)
  expect(varve('inspect', directory, 'orders', '--bucket', '7')).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('no such bucket; there is "0"'),
  })
})

test('wrong usage is 64 and changes nothing', async () => {
  const directory = await makeStore()
  damage(directory)
  const before = contentOf(directory)
  const rows: [words: string[], says: RegExp][] = [
    [['scan'], /missing required argument/],
    [['recover', directory, '--mode', 'mend'], /ignore, repair, quarantine/],
    [['recover', directory, '--mode', 'repair', '--quarantine', root], /--quarantine goes with --mode quarantine/],
    [['recover', directory, '--quarantine', join(directory, 'copies')], /outside of the store/],
    [['compact', directory, '--tombstone-ms', '5'], /--tombstone-ms goes with --by-key/],
  ]
  for (const [words, says] of rows) expect(varve(...words)).toMatchObject({ status: 64, stdout: '', stderr: expect.stringMatching(says) })
  expect(contentOf(directory)).toEqual(before)
})

test('a directory without a store stays as it was', () => {
  const empty = join(root, 'empty')
  mkdirSync(empty)
  for (const verb of ['scan', 'recover', 'doctor', 'compact', 'inspect']) {
    expect(varve(verb, empty, ...(verb === 'inspect' ? ['orders'] : []))).toMatchObject({
      status: 1,
      stdout: '',
      stderr: expect.stringContaining('there is no store in this directory'),
    })
  }
  expect(readdirSync(empty)).toEqual([])
})
