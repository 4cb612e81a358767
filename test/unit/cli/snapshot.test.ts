// `varve snapshot` as a process of its own: what is saved, shown, compared, checked and restored.

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { digitsApart } from '../../../dist/cli/snapshot/info-table.js'
import { branchesMeant } from '../../../dist/cli/snapshot/which.js'
import { bytes, damage, type Fixture, filesIn, makeFixture, states } from './snapshot-fixture.js'
import { runVarve, type Surroundings } from './varve-process.js'

let fixture: Fixture

beforeAll(async () => {
  fixture = await makeFixture()
})

afterAll(() => fixture.remove())

const varve = (words: readonly string[], surroundings: Surroundings = {}) => runVarve(['snapshot', ...words], surroundings)

test('list shows snapshots newest first, all of them or those that filters leave', () => {
  const { directory, ids } = fixture
  const all = varve(['list', directory, '--json']).json()
  expect(all).toHaveLength(6)
  expect(all.slice(2).map(({ id }) => id)).toEqual([...ids].reverse())
  expect(varve(['list', directory]).stdout).toMatch(/^id +agent +session +branch +index +time +bytes +added +tags\n/)
  const listed = (...words: string[]) =>
    varve(['list', directory, '--json', ...words])
      .json()
      .map(({ id }) => id)
  expect(listed('--agent', 'planner', '--session', 's1', '--tag', 'good')).toEqual([ids[2]])
  expect(listed('--branch', 'x')).toHaveLength(1)
  expect(listed('--after', '2100-01-01')).toEqual([])
  const first = varve(['list', directory, '--agent', 'planner', '--session', 's1', '--limit', '1'])
  expect(first.stderr).toBe(`there are more: --after-id ${ids[3]}\n`)
  expect(varve(['list', directory, '--before', 'yesterday'])).toMatchObject({ status: 64 })
})

test('list goes on past a damaged manifest, and says whose it is', async () => {
  const { newFile, newStore } = fixture
  const store = newStore()
  const place = { agent: 'planner', session: 'described' }
  const [before, long] = [
    ['x', 'short'],
    ['y', 'long '.repeat(100)],
  ].map(([state, description]) => {
    const words = [
      'save',
      store,
      newFile(`"${state}"`),
      '--agent',
      place.agent,
      '--session',
      place.session,
      '--description',
      description as string,
    ]
    return varve([...words, '--json']).json()[0] as { id: string }
  })
  const file = filesIn(store).find((path) => path.includes('manifests') && path.includes(long?.id as string))
  writeFileSync(file as string, 'damaged')
  const words = ['list', store, '--session', place.session]
  const listed = varve([...words, '--json'])
  expect(listed.json()).toMatchObject([
    { id: long?.id, damaged: expect.any(String) },
    { id: before?.id, description: 'short' },
  ])
  expect(listed).toMatchObject({ status: 1, stderr: expect.stringContaining(`damaged: ${long?.id}, planner/described@main 1`) })
  const text = varve(words)
  expect(text.stdout).toContain('(damaged)')
  expect(text.stdout).toContain(before?.id)
  expect(text.stderr).toContain('varve snapshot repair')
})

test('show tells all about a snapshot, named by its id, its first digits or as the newest, and what it was made from', () => {
  const { directory, ids } = fixture
  const text = varve(['show', directory, ids[2]]).stdout
  expect(text).toMatch(/^fact +value\nid +/)
  for (const part of [ids[2], 'before the trip', '{"offset":7,"by":"me"}', 'made from\n', ids[1]]) expect(text).toContain(part)
  const newest = varve(['show', directory, 'planner/s1', '--json', '--chain', '2']).json()
  expect(newest).toMatchObject([{ id: ids[3], index: 3, chain: [{ id: ids[2] }, { id: ids[1] }] }])
  expect(varve(['show', directory, 'planner/s1', '--chain', '1']).stdout).toMatch(/and others before/)
  expect(varve(['show', directory, ids[0].slice(0, 8).toUpperCase(), '--json']).json()).toMatchObject([{ id: ids[0] }])
  expect(varve(['show', directory, 'planner/a/b@c@x', '--json']).json()).toMatchObject([{ session: 'a/b@c' }])
})

test('a snapshot that is not there is a failure, what names none is wrong usage', () => {
  const { directory } = fixture
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
  const { folder, newFile } = fixture
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
  const { newStore, newFile } = fixture
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
  const { directory, folder, newFile } = fixture
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

test('verify says what is whole, and names what a flipped byte damaged', () => {
  const { directory, ids, newStore, newFile } = fixture
  expect(varve(['verify', directory])).toMatchObject({ status: 0, stdout: 'whole: 6 snapshots\n' })
  expect(varve(['verify', directory, 'planner/s1', '--json']).json()).toMatchObject([{ ok: true, checked: 1, problems: [] }])
  const store = newStore()
  damage(store)
  const found = varve(['verify', store])
  expect(found).toMatchObject({ status: 1, stdout: expect.stringContaining(ids[3]) })
  expect(found.stdout).toMatch(/^ {2}lost: \/notes\/\d+$/m)
  expect(found.stdout).toMatch(/\[corrupt\]\n(?:.|\n)*1 problem, in 6 snapshots\n$/)
  const file = newFile()
  expect(varve(['restore', store, 'planner/s1', file])).toMatchObject({ status: 1, stderr: expect.stringContaining('[corrupt]') })
  expect(existsSync(file)).toBe(false)
})

test('texts, lines and bytes of any length are saved as what they are', () => {
  const { folder, newFile } = fixture
  const store = join(folder, 'codecs')
  const long = Uint8Array.from({ length: 300_000 }, (_, i) => (i * i) % 251)
  const rows: [codec: string, input: string | Uint8Array][] = [
    ['text', 'é\n{'],
    ['ndjson', '{"a":1}\n2\n'],
    ['bytes', long],
  ]
  for (const [codec, input] of rows) {
    const words = ['save', store, '--agent', 'a', '--session', codec, '--codec', codec, '--compression', 'brotli', '--verify']
    expect(varve(words, { input }), codec).toMatchObject({ status: 0 })
    const file = newFile()
    expect(varve(['restore', store, `a/${codec}`, file]).status).toBe(0)
    expect(readFileSync(file).equals(Buffer.from(input)), codec).toBe(true)
  }
  expect(varve(['restore', store, 'a/ndjson', '--json']).stdout).toBe('[{"a":1},2]')
  const bad = varve(['save', store, '--agent', 'a', '--session', 's', '--codec', 'ndjson'], { input: '1\n{\n' })
  expect(bad).toMatchObject({ status: 64, stderr: expect.stringContaining('line 2 is not JSON') })
  const none = varve(['save', store, '--agent', 'a', '--session', 's', '--codec', 'text'], { input: Uint8Array.of(0xff) })
  expect(none).toMatchObject({ status: 64, stderr: expect.stringContaining('no UTF-8') })
})

test('ids are cut to what tells them apart; a branch may be named by any of its parts', () => {
  expect(digitsApart(['aaaaaaaa-1', 'bbbbbbbb-1'])).toBe(8)
  expect(digitsApart(['aaaaaaaa-11', 'aaaaaaaa-12', 'b', 'b'])).toBe(11)
  expect(branchesMeant('a/b@c')).toEqual([
    { agent: 'a', session: 'b', branch: 'c' },
    { agent: 'a', session: 'b@c' },
  ])
})

test('a part of a state is restored by its path', () => {
  const { directory } = fixture
  expect(varve(['restore', directory, 'planner/s1', '--path', '/notes/899']).stdout).toBe('"note 899 of planner"')
  expect(varve(['restore', directory, 'planner/s1', '--path', '/nothing'])).toMatchObject({
    status: 1,
    stdout: '',
    stderr: expect.stringContaining('[missing]'),
  })
})

test('what is left of a damaged state is restored, and what is lost is named', () => {
  const { newStore, newFile } = fixture
  const store = newStore()
  damage(store)
  const file = newFile()
  const left = varve(['restore', store, 'planner/s1', file, '--damaged'])
  expect(left).toMatchObject({
    status: 1,
    stderr: expect.stringMatching(/^lost: \/notes\/\d+ .*\[corrupt\]\n(?:.|\n)*lost, all else is there\n$/),
  })
  const state = JSON.parse(readFileSync(file, 'utf8'))
  expect(state.step).toBe(3)
  expect(state.notes.filter((note: unknown) => note !== null).length).toBeGreaterThan(500)
  expect(varve(['restore', store, 'raw/s1', '--damaged'])).toMatchObject({ status: 0, stderr: '' })
})

test('verify looks as deep as it is told, and goes on where its budget ended', () => {
  const { directory } = fixture
  expect(varve(['verify', directory, '--level', 'chain'])).toMatchObject({ status: 0 })
  const [first] = varve(['verify', directory, '--budget', '1kB', '--json']).json()
  expect(first).toMatchObject({ ok: true, cursor: expect.any(String) })
  const text = varve(['verify', directory, '--budget', '1kB']).stdout
  expect(text).toContain(`not all was looked at: go on with --cursor ${first.cursor}`)
  const [rest] = varve(['verify', directory, '--cursor', first.cursor, '--json']).json()
  expect(rest.cursor).toBeUndefined()
  expect(first.checked + rest.checked).toBe(6)
  expect(varve(['verify', directory, '--level', 'deep'])).toMatchObject({ status: 64 })
})

test('diff shows places with what was and is there, or a JSON Patch', () => {
  const { directory, ids } = fixture
  const [patch] = varve(['diff', directory, ids[0], ids[1], '--json']).json()
  expect(patch).toContainEqual({ op: 'replace', path: '/step', value: 1 })
  const text = varve(['diff', directory, ids[0], ids[1]]).stdout
  expect(text).toMatch(/^--- planner\/s1@main 0 .*\n\+\+\+ planner\/s1@main 1 /)
  expect(text).toContain('/step\n  - 0\n  + 1\n')
  expect(text).toMatch(/\n\d+ added, 0 removed, 1 replaced\n$/)
  expect(text).not.toContain('\u001b')
  expect(varve(['diff', directory, ids[1], ids[1]]).stdout).toBe('no difference\n')
})
