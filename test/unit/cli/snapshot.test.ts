// `varve snapshot` as a process of its own: files and pipes, tables, what is asked before anything is lost.

import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openSnapshots, openStore, type SnapshotInfo } from 'varve'
import { nodeFs } from 'varve/adapters/node-fs'
import { digitsApart } from '../../../dist/cli/snapshot/info-table.js'
import { branchesMeant } from '../../../dist/cli/snapshot/which.js'
import { runVarve, type Surroundings } from './varve-process.js'

const folder = mkdtempSync(join(tmpdir(), 'varve-cli-snapshot-'))
const directory = join(folder, 'store')
const bytes = Uint8Array.from({ length: 300 }, (_, i) => i)
let made = 0
/** Of planner/s1, oldest first. */
const saved: SnapshotInfo[] = []

const states = Array.from({ length: 4 }, (_, step) => ({
  step,
  notes: Array.from({ length: step * 300 }, (_, i) => `note ${i} of planner`),
}))

beforeAll(async () => {
  const backend = nodeFs({ directory })
  const store = await openStore(backend)
  const snapshots = await openSnapshots(store)
  for (const [i, state] of states.entries()) {
    const more = i === 2 ? { tags: ['good'], description: 'before the trip', metadata: { offset: 7, by: 'me' } } : {}
    saved.push(await snapshots.save({ agent: 'planner', session: 's1', state, ...more }))
  }
  await snapshots.save({ agent: 'planner', session: 'a/b@c', state: 'odd', branch: 'x' })
  await snapshots.save({ agent: 'raw', session: 's1', state: bytes })
  await snapshots.close()
  await store.close()
  await backend.close()
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

const varve = (words: readonly string[], surroundings: Surroundings = {}) => runVarve(['snapshot', ...words], surroundings)
const newFile = (text?: string | Uint8Array): string => {
  const file = join(folder, `file-${made++}`)
  if (text !== undefined) writeFileSync(file, text)
  return file
}
/** A copy of the store, to be changed. */
const newStore = (): string => {
  const copy = join(folder, `store-${made++}`)
  cpSync(directory, copy, { recursive: true })
  return copy
}
const idOf = (index: number): string => saved[index]?.id ?? ''

test('list shows snapshots newest first, all of them or those that filters leave', () => {
  const all = varve(['list', directory, '--json']).json()
  expect(all).toHaveLength(6)
  expect(all.slice(2).map(({ id }) => id)).toEqual(saved.map(({ id }) => id).reverse())
  expect(varve(['list', directory]).stdout).toMatch(/^id +agent +session +branch +index +time +bytes +added +tags\n/)
  const ids = (...words: string[]) =>
    varve(['list', directory, '--json', ...words])
      .json()
      .map(({ id }) => id)
  expect(ids('--agent', 'planner', '--session', 's1', '--tag', 'good')).toEqual([idOf(2)])
  expect(ids('--branch', 'x')).toHaveLength(1)
  expect(ids('--after', '2100-01-01')).toEqual([])
  const first = varve(['list', directory, '--agent', 'planner', '--session', 's1', '--limit', '1'])
  expect(first.stderr).toBe(`there are more: --after-id ${idOf(3)}\n`)
  expect(varve(['list', directory, '--before', 'yesterday'])).toMatchObject({ status: 64 })
})

test('show tells all about a snapshot, named by its id, its first digits or as the newest, and what it was made from', () => {
  const text = varve(['show', directory, idOf(2)]).stdout
  expect(text).toMatch(/^fact +value\nid +/)
  for (const part of [idOf(2), 'before the trip', '{"offset":7,"by":"me"}', 'made from\n', idOf(1)]) expect(text).toContain(part)
  const newest = varve(['show', directory, 'planner/s1', '--json', '--chain', '2']).json()
  expect(newest).toMatchObject([{ id: idOf(3), index: 3, chain: [{ id: idOf(2) }, { id: idOf(1) }] }])
  expect(varve(['show', directory, 'planner/s1', '--chain', '1']).stdout).toMatch(/and others before/)
  expect(varve(['show', directory, idOf(0).slice(0, 8).toUpperCase(), '--json']).json()).toMatchObject([{ id: idOf(0) }])
  expect(varve(['show', directory, 'planner/a/b@c@x', '--json']).json()).toMatchObject([{ session: 'a/b@c' }])
})

test('a snapshot that is not there is a failure, what names none is wrong usage', () => {
  const rows: [which: string, status: number, says: string][] = [
    ['00000000', 1, 'no snapshot has an id that begins so'],
    ['00000000-0000-4000-8000-000000000000', 1, 'there is no such snapshot'],
    ['planner/nothing', 1, 'no such session; there are "a/b@c", "s1"'],
    ['planner/s1@nothing', 1, 'no such branch; there is "main"'],
    ['abc', 64, 'a snapshot is an id, at least 4 digits'],
  ]
  for (const [which, status, says] of rows) {
    expect(varve(['show', directory, which]), which).toMatchObject({ status, stdout: '', stderr: expect.stringContaining(says) })
  }
})

test('what save takes, restore gives again', () => {
  const store = join(folder, 'new')
  const state = '{"b":[1,2.5,"é",null],"a":{"__proto__":1}}'
  const one = varve([
    'save',
    store,
    newFile(state),
    '--agent',
    'a',
    '--session',
    's',
    '--tag',
    'x',
    '--tag',
    'y',
    '--metadata',
    '{"n":1}',
    '--json',
  ])
  expect(one.json()).toMatchObject([{ agent: 'a', branch: 'main', index: 0, tags: ['x', 'y'], metadata: { n: 1 } }])
  const two = varve(['save', store, '--agent', 'a', '--session', 's', '--description', 'second'], { input: ' [1] ' })
  expect(two).toMatchObject({ status: 0, stdout: expect.stringMatching(/^[0-9a-f-]{36}\na\/s@main 1: 3 bytes, added /) })
  const first = one.json()[0].id
  const branch = varve(['save', store, newFile('7'), '--agent', 'a', '--session', 's', '--branch', 'b', '--parent', first, '--json'])
  expect(branch.json()).toMatchObject([{ branch: 'b', parents: [first] }])
  expect(varve(['restore', store, first])).toMatchObject({ status: 0, stdout: state, stderr: '' })
  const file = newFile()
  expect(varve(['restore', store, 'a/s', file]).stdout).toBe('restored a/s@main 1, 3 bytes\n')
  expect(readFileSync(file, 'utf8')).toBe('[1]')
})

test('save refuses what is no JSON or would not come back equal, and saves nothing', () => {
  const store = newStore()
  const words = ['save', store, '--agent', 'a', '--session', 's']
  expect(varve(words, { input: '{"a":' })).toMatchObject({ status: 64, stderr: expect.stringContaining('the input is not JSON') })
  expect(varve(words, { input: '[1e999]' })).toMatchObject({ status: 64, stdout: '' })
  expect(varve([...words, '--metadata', 'x'], { input: '1' })).toMatchObject({
    status: 64,
    stderr: expect.stringContaining('It is not JSON'),
  })
  expect(varve(['save', store, newFile(), '--agent', 'a', '--session', 's'])).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('ENOENT'),
  })
  expect(varve(['save', store, '--session', 's'])).toMatchObject({ status: 64 })
  expect(varve(['list', store, '--json']).json()).toHaveLength(6)
})

test('restore replaces a file only when told to, and leaves nothing half-written', () => {
  const file = newFile('mine')
  const before = readdirSync(folder)
  expect(varve(['restore', directory, 'planner/s1', file])).toMatchObject({
    status: 1,
    stderr: expect.stringMatching(/the file exists; --force replaces it .*\[conflict\]/),
  })
  expect(varve(['restore', directory, 'planner/s1', file, '--dry-run'])).toMatchObject({
    status: 0,
    stdout: expect.stringMatching(/^can be restored: planner\/s1@main 3, /),
  })
  expect(readFileSync(file, 'utf8')).toBe('mine')
  expect(varve(['restore', directory, 'planner/s1', file, '--force']).status).toBe(0)
  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(states[3])
  expect(varve(['restore', directory, 'planner/s1', folder, '--force'])).toMatchObject({ status: 64 })
  expect(readdirSync(folder)).toEqual(before)
  expect(varve(['restore', directory, 'raw/s1', file, '--force']).status).toBe(0)
  expect(new Uint8Array(readFileSync(file))).toEqual(bytes)
})

/** Changes a byte in the middle of the longest file of the store. */
function damage(store: string): void {
  const files = readdirSync(join(store, 'blobs'), { recursive: true, encoding: 'utf8' }).map((path) => join(store, 'blobs', path))
  const [longest = ''] = files.filter((path) => statSync(path).isFile()).sort((a, b) => statSync(b).size - statSync(a).size)
  const stored = readFileSync(longest)
  const at = stored.length >> 1
  stored[at] = (stored[at] ?? 0) ^ 1
  writeFileSync(longest, stored)
}

test('verify says what is whole, and names what a flipped byte damaged', () => {
  expect(varve(['verify', directory])).toMatchObject({ status: 0, stdout: 'whole: 6 snapshots\n' })
  expect(varve(['verify', directory, 'planner/s1', '--json']).json()).toMatchObject([{ ok: true, checked: 1, problems: [] }])
  const store = newStore()
  damage(store)
  const found = varve(['verify', store])
  expect(found).toMatchObject({ status: 1, stdout: expect.stringContaining(idOf(3)) })
  expect(found.stdout).toMatch(/\[corrupt\]\n(?:.|\n)*1 problem, in 6 snapshots\n$/)
  const file = newFile()
  expect(varve(['restore', store, 'planner/s1', file])).toMatchObject({ status: 1, stderr: expect.stringContaining('[corrupt]') })
  expect(existsSync(file)).toBe(false)
})

test('delete asks first: where nobody can be asked it says what to write', () => {
  const store = newStore()
  const refused = varve(['delete', store, idOf(0)])
  expect(refused).toMatchObject({ status: 64, stdout: '', stderr: expect.stringMatching(/Delete this snapshot\? .*--yes/) })
  expect(varve(['list', store, '--json']).json()).toHaveLength(6)
  expect(varve(['delete', store, idOf(0), idOf(1), '--yes']).stdout).toMatch(/^2 snapshots deleted/)
  expect(varve(['delete', store, '--agent', 'planner', '--session', 's1', '--yes', '--json']).json()).toHaveLength(2)
  expect(varve(['list', store, '--json']).json()).toHaveLength(2)
  for (const words of [[], ['--agent', 'raw'], [idOf(3), '--agent', 'raw', '--session', 's1']]) {
    expect(varve(['delete', store, ...words, '--yes']), words.join(' ')).toMatchObject({ status: 64 })
  }
})

test('ids are cut to what tells them apart; a branch may be named by any of its parts', () => {
  expect(digitsApart(['aaaaaaaa-1', 'bbbbbbbb-1'])).toBe(8)
  expect(digitsApart(['aaaaaaaa-11', 'aaaaaaaa-12', 'b', 'b'])).toBe(11)
  expect(branchesMeant('a/b@c')).toEqual([
    { agent: 'a', session: 'b', branch: 'c' },
    { agent: 'a', session: 'b@c' },
  ])
})
