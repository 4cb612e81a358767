// `varve snapshot` as a process of its own: forks, labels, copies, and what is asked before anything is deleted.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openSnapshots, openStore } from 'varve'
import { nodeFs } from 'varve/adapters/node-fs'
import { damage, type Fixture, filesIn, makeFixture, states } from './snapshot-fixture.js'
import { MAIN, runVarve } from './varve-process.js'

let fixture: Fixture

beforeAll(async () => {
  fixture = await makeFixture()
})

afterAll(() => fixture.remove())

const varve = (words: readonly string[]) => runVarve(['snapshot', ...words])

test('delete asks first: where nobody can be asked it says what to write', () => {
  const { ids, newStore } = fixture
  const store = newStore()
  const refused = varve(['delete', store, ids[0]])
  expect(refused).toMatchObject({ status: 64, stdout: '', stderr: expect.stringMatching(/Delete this snapshot\? .*--yes/) })
  expect(varve(['list', store, '--json']).json()).toHaveLength(6)
  expect(varve(['delete', store, ids[0], ids[1], '--yes']).stdout).toBe(
    '2 snapshots deleted; varve snapshot collect frees what no other needs\n',
  )
  expect(varve(['delete', store, '--agent', 'planner', '--session', 's1', '--yes', '--json']).json()).toHaveLength(2)
  expect(varve(['list', store, '--json']).json()).toHaveLength(2)
  for (const words of [[], ['--agent', 'raw'], [ids[3], '--agent', 'raw', '--session', 's1']]) {
    expect(varve(['delete', store, ...words, '--yes']), words.join(' ')).toMatchObject({ status: 64 })
  }
})

test('a fork is a branch of its own with the same state', () => {
  const { ids, newStore } = fixture
  const store = newStore()
  const [fork] = varve(['fork', store, ids[1], '--branch', 'try', '--json']).json()
  expect(fork).toMatchObject({ agent: 'planner', session: 's1', branch: 'try', parents: [ids[1]] })
  expect(varve(['restore', store, 'planner/s1@try']).stdout).toBe(JSON.stringify(states[1]))
  expect(varve(['fork', store, ids[1], '--session', 's2']).stdout).toMatch(/^[0-9a-f-]{36}\nplanner\/s2@main 0\n$/)
  expect(varve(['fork', store, ids[1], '--branch', 'try'])).toMatchObject({ status: 1, stderr: expect.stringContaining('[conflict]') })
})

test('tags and pins are given and taken', () => {
  const { ids, newStore } = fixture
  const store = newStore()
  expect(varve(['tag', store, ids[2], 'best', 'good']).stdout).toBe('tags: "good" "best"\n')
  expect(varve(['tag', store, 'planner/s1', 'x', '--remove']).stdout).toBe('no tags\n')
  expect(varve(['tag', store, ids[2], 'good', '--remove']).stdout).toBe('tags: "best"\n')
  expect(varve(['pin', store, ids[0], ids[1]]).stdout).toBe('2 snapshots pinned\n')
  expect(varve(['unpin', store, ids[1]]).stdout).toBe('1 snapshot unpinned\n')
  const pinned = varve(['list', store, '--json'])
    .json()
    .filter(({ pinned }) => pinned)
  expect(pinned.map(({ id }) => id)).toEqual([ids[0]])
})

test('prune says what goes and why the rest stays, asks, and does it', () => {
  const { ids, newStore } = fixture
  const store = newStore()
  varve(['pin', store, ids[0]])
  const words = ['prune', store, '--agent', 'planner', '--session', 's1', '--last', '1', '--tag', 'good']
  const planned = varve([...words, '--dry-run'])
  expect(planned).toMatchObject({ status: 0, stderr: '', stdout: expect.stringMatching(/\n1 snapshot would be deleted, 3 kept\n$/) })
  for (const line of [`${ids[3]} .* last$`, `${ids[2]} .* tag good$`, `${ids[1]} .* GOES$`, `${ids[0]} .* pinned$`]) {
    expect(planned.stdout).toMatch(new RegExp(line, 'm'))
  }
  expect(varve(words)).toMatchObject({ status: 64, stderr: expect.stringContaining('Delete 1 snapshot of 4?') })
  expect(varve(['list', store, '--json']).json()).toHaveLength(6)
  const [done] = varve([...words, '--yes', '--json']).json()
  expect(done).toMatchObject({ dryRun: false, removed: [{ id: ids[1] }] })
  expect(varve(words).stdout).toMatch(/\n0 snapshots deleted, 3 kept\n$/)
  expect(varve(['prune', store])).toMatchObject({ status: 64, stderr: expect.stringContaining('at least one rule') })
  expect(varve(['prune', store, '--last', '1', '--agent', 'x'])).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('no such agent'),
  })
})

test('copy takes snapshots to another store, and passes over those that are there', () => {
  const { directory, folder, ids } = fixture
  const to = join(folder, 'copied')
  expect(varve(['copy', directory, to, '--agent', 'planner', '--dry-run']).stdout).toMatch(/^5 snapshots would be copied; would add about /)
  expect(existsSync(to)).toBe(false)
  expect(varve(['copy', directory, to, '--agent', 'planner']).stdout).toMatch(/^5 snapshots copied; added /)
  expect(varve(['copy', directory, to, '--json']).json()).toMatchObject([{ copied: 1, skipped: 5 }])
  expect(varve(['restore', to, ids[3]]).stdout).toBe(JSON.stringify(states[3]))
})

test('restore --to copies one snapshot alone', () => {
  const { directory, folder, ids } = fixture
  const to = join(folder, 'restored')
  expect(varve(['restore', directory, ids[1], '--to', to]).stdout).toMatch(/^copied planner\/s1@main 1; added /)
  expect(varve(['restore', directory, ids[1], '--to', to]).stdout).toBe('planner/s1@main 1 was there before\n')
  expect(varve(['list', to, '--json']).json()).toMatchObject([{ id: ids[1], index: 1 }])
  expect(varve(['restore', directory, ids[1], '--to', to, '--json'])).toMatchObject({ status: 64 })
})

test('a save that is stopped by Ctrl-C in the middle of its input leaves no snapshot', async () => {
  const store = fixture.newStore()
  const child = spawn(process.execPath, [MAIN, 'snapshot', 'save', store, '--agent', 'a', '--session', 's', '--codec', 'bytes'])
  const ended = once(child, 'close')
  let said = ''
  child.stderr.on('data', (text) => {
    said += text
  })
  await new Promise((written) => child.stdin.write(new Uint8Array(3_000_000), written))
  child.kill('SIGINT')
  expect(await ended).toEqual([1, null])
  expect(said).toBe('varve: interrupted\n')
  expect(varve(['list', store, '--json']).json()).toHaveLength(6)
  expect(varve(['verify', store]).status).toBe(0)
})

test('collect frees what deleted snapshots alone needed', () => {
  const { newStore } = fixture
  const store = newStore()
  varve(['delete', store, 'raw/s1', '--yes'])
  varve(['delete', store, '--agent', 'planner', '--session', 's1', '--yes'])
  const planned = varve(['collect', store, '--dry-run'])
  expect(planned.stdout).toMatch(/^\S+ \S+ would be freed \(.*; 1 snapshot needs /)
  const [done] = varve(['collect', store, '--json']).json()
  expect(done).toMatchObject({ dryRun: false, snapshots: 1 })
  expect(done.reclaimedBytes).toBeGreaterThan(0)
  expect(varve(['verify', store]).status).toBe(0)
})

test('with a passphrase a new store is encrypted, and opened again', () => {
  const { directory, folder, newFile } = fixture
  const [store, file] = [join(folder, 'secret'), newFile('correct horse\n')]
  const words = ['save', store, newFile('{"canary":"not to be read"}'), '--agent', 'a', '--session', 's']
  expect(varve([...words, '--passphrase-file', file])).toMatchObject({ status: 0 })
  const env = { VARVE_PASSPHRASE: 'correct horse' }
  expect(runVarve(['snapshot', 'restore', store, 'a/s'], { env }).stdout).toBe('{"canary":"not to be read"}')
  expect(runVarve(['kv', 'list', store], { env }).stdout).toBe('no keys\n')
  for (const path of filesIn(store)) expect(readFileSync(path, 'latin1'), path).not.toMatch(/canary/)
  const without = varve(['restore', store, 'a/s'])
  expect(without).toMatchObject({ status: 1, stdout: '', stderr: expect.stringMatching(/\[denied\]\n.*--passphrase-file/) })
  const wrong = runVarve(['snapshot', 'restore', store, 'a/s'], { env: { VARVE_PASSPHRASE: 'battery staple' } })
  expect(wrong).toMatchObject({ status: 1, stdout: '', stderr: expect.stringContaining('[denied]') })
  expect(runVarve(['snapshot', 'list', directory], { env }).status).toBe(0)
  expect(varve(['list', store, '--passphrase-file', newFile('')])).toMatchObject({ status: 64 })
})

test('a key opens what it encrypted, as bytes, in hexadecimal or in base64', () => {
  const { folder, newFile } = fixture
  const key = Buffer.from(Array.from({ length: 32 }, (_, n) => n * 7))
  const [store, raw] = [join(folder, 'keyed'), join(folder, 'key')]
  writeFileSync(raw, key)
  const hex = newFile(`${key.toString('hex').toUpperCase()}\n`)
  const base64 = newFile(key.toString('base64url'))
  const words = ['save', store, newFile('{"canary":"not to be read"}'), '--agent', 'a', '--session', 's']
  expect(varve([...words, '--key-file', raw])).toMatchObject({ status: 0 })
  for (const path of filesIn(store)) expect(readFileSync(path, 'latin1'), path).not.toMatch(/canary/)
  for (const file of [raw, hex, base64]) {
    expect(varve(['restore', store, 'a/s', '--key-file', file]).stdout).toBe('{"canary":"not to be read"}')
    expect(runVarve(['kv', 'list', store], { env: { VARVE_KEY_FILE: file } }).stdout).toBe('no keys\n')
  }
  expect(varve(['list', store])).toMatchObject({ status: 1, stderr: expect.stringMatching(/\[denied\]\n.*--key-file/) })
  expect(varve(['list', store, '--key-file', newFile('a'.repeat(64))])).toMatchObject({ status: 1 })
  const noKey = varve(['list', store, '--key-file', newFile('too short')])
  expect(noKey).toMatchObject({ status: 64, stderr: expect.stringContaining('32 bytes') })
  expect(varve(['list', store, '--key-file', raw, '--passphrase-file', newFile('x')])).toMatchObject({ status: 64 })
  const env = { VARVE_KEY_FILE: raw, VARVE_PASSPHRASE: 'correct horse' }
  expect(runVarve(['snapshot', 'list', store], { env })).toMatchObject({ status: 64 })
  expect(runVarve(['snapshot', 'list', store, '--key-file', raw], { env }).status).toBe(0)
})

test('snapshots that are encrypted by themselves are opened and copied with their passphrase', async () => {
  const { folder } = fixture
  const [directory, to] = [join(folder, 'sealed'), join(folder, 'sealed-copy')]
  const backend = nodeFs({ directory })
  const store = await openStore(backend)
  const snapshots = await openSnapshots(store, { encryption: { passphrase: 'correct horse' } })
  const { id } = await snapshots.save({ agent: 'a', session: 's', state: [1] })
  await store.close()
  await backend.close()
  const env = { VARVE_PASSPHRASE: 'correct horse' }
  expect(runVarve(['snapshot', 'restore', directory, 'a/s'], { env }).stdout).toBe('[1]')
  expect(runVarve(['snapshot', 'copy', directory, to], { env }).status).toBe(0)
  expect(runVarve(['snapshot', 'restore', to, id], { env }).stdout).toBe('[1]')
  expect(varve(['list', to])).toMatchObject({ status: 1, stderr: expect.stringContaining('[denied]') })
})

test('what export writes, import takes, whole or in part, encrypted or not', () => {
  const { directory, folder, ids, newFile } = fixture
  const [file, to] = [newFile(), join(folder, 'imported')]
  expect(varve(['export', directory, file, '--agent', 'planner']).stdout).toMatch(/^5 snapshots in /)
  expect(varve(['export', directory, file])).toMatchObject({ status: 1, stderr: expect.stringContaining('--force replaces it') })
  expect(varve(['import', to, file]).stdout).toMatch(/^5 snapshots imported; added /)
  expect(varve(['export', directory, file, '--force', '--json']).json()).toMatchObject([{ file, encrypted: false, snapshots: 6 }])
  expect(varve(['import', to, file, '--json']).json()).toMatchObject([{ imported: 1, skipped: 5 }])
  expect(varve(['restore', to, ids[3]]).stdout).toBe(JSON.stringify(states[3]))
  const env = { VARVE_PASSPHRASE: 'correct horse' }
  expect(runVarve(['snapshot', 'export', directory, file, '--force'], { env }).status).toBe(0)
  expect(readFileSync(file, 'latin1')).not.toContain('planner')
  expect(varve(['import', join(folder, 'none'), file])).toMatchObject({ status: 1, stderr: expect.stringContaining('[denied]') })
  expect(runVarve(['snapshot', 'import', join(folder, 'plain'), file], { env }).stdout).toMatch(/^6 snapshots imported; /)
  expect(varve(['restore', join(folder, 'plain'), ids[3]]).status).toBe(0)
})

test('repair says what is lost, and takes it from a copy', () => {
  const { directory, newStore } = fixture
  const store = newStore()
  damage(store)
  const alone = varve(['repair', store])
  expect(alone).toMatchObject({ status: 2, stdout: expect.stringMatching(/^ {2}lost: \/notes\/\d+$/m) })
  expect(alone.stdout).toMatch(/problems? left; varve snapshot restore --damaged saves what is whole\n$/)
  const mended = varve(['repair', store, '--from', directory])
  expect(mended).toMatchObject({ status: 0, stdout: expect.stringMatching(/problems? repaired\n$/) })
  expect(varve(['verify', store])).toMatchObject({ status: 0 })
  expect(varve(['repair', store])).toMatchObject({ status: 0, stdout: 'whole: nothing to repair\n' })
})
