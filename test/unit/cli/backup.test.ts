// Backing up and restoring as a person does it, with stores of files beside their owner.

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openKv, openQueue, openSnapshots, openStore, type Store } from 'varve'
import { nodeFs } from 'varve/adapters/node-fs'
import { MAIN, runVarve } from './varve-process.js'

const folder = mkdtempSync(join(tmpdir(), 'varve-backup-'))
const directory = join(folder, 'store')
const at = (name: string) => join(folder, name)
const passphrase = { env: { VARVE_PASSPHRASE: 'correct horse' } }
/** Gives a program a terminal. */
const SCRIPT = '/usr/bin/script'
let store: Store

beforeAll(async () => {
  store = await openStore(nodeFs({ directory }))
  const orders = await openQueue(store, 'orders', { buckets: 2 })
  await orders.appendRecords(Array.from({ length: 50 }, (_, n) => ({ value: { n }, key: `k${n}` })))
  const group = await orders.group('billing')
  for (const delivery of await group.receive({ limit: 10 })) await delivery.ack()
  await openQueue(store, 'other').then((queue) => queue.append(1))
  await (await openKv(store)).put('theme', 'dark')
})

afterAll(async () => {
  await store.close()
  rmSync(folder, { recursive: true, force: true })
})

test('a store that is in use is backed up, and restored to another directory', () => {
  const made = runVarve(['backup', directory, at('a.varve')])
  expect([made.status, made.stderr]).toEqual([0, ''])
  expect(made.stdout).toMatch(/51 records, 1 value, 0 snapshots/)
  const restored = runVarve(['restore', at('a.varve'), at('restored')])
  expect([restored.status, restored.stderr]).toEqual([0, ''])
  expect(restored.stdout).toMatch(/^part +name +restored +present/)
  expect(runVarve(['queue', 'read', at('restored'), 'orders', '--json']).stdout).toBe(
    runVarve(['queue', 'read', directory, 'orders', '--json']).stdout,
  )
  expect(runVarve(['queue', 'lag', at('restored'), '--json']).stdout).toBe(runVarve(['queue', 'lag', directory, '--json']).stdout)
  expect(runVarve(['kv', 'get', at('restored'), 'theme']).stdout).toBe('"dark"\n')
  expect(runVarve(['doctor', at('restored')]).status).toBe(0)
})

test('run again it finds everything there; what differs is refused, left, or replaced', async () => {
  const again = runVarve(['restore', at('a.varve'), at('restored'), '--json']).json()[0]
  expect(again.queues).toMatchObject([
    { records: 0, present: 50 },
    { records: 0, present: 1 },
  ])
  const other = nodeFs({ directory: at('busy') })
  await (await openKv(other)).put('theme', 'light')
  await other.close()
  const refused = runVarve(['restore', at('a.varve'), at('busy')])
  expect(refused.status).toBe(1)
  expect(refused.stderr).toMatch(/another value.*\[conflict\]/)
  expect(runVarve(['restore', at('a.varve'), at('busy'), '--skip-existing']).stdout).toMatch(/1 had another value, left/)
  expect(runVarve(['kv', 'get', at('busy'), 'theme']).stdout).toBe('"light"\n')
  expect(runVarve(['restore', at('a.varve'), at('busy'), '--force']).status).toBe(0)
  expect(runVarve(['kv', 'get', at('busy'), 'theme']).stdout).toBe('"dark"\n')
  expect(runVarve(['restore', at('a.varve'), at('busy'), '--force', '--skip-existing']).status).toBe(64)
})

test('a file that is there is replaced only with --force, and nothing is left of a backup that failed', () => {
  const before = readFileSync(at('a.varve'))
  const refused = runVarve(['backup', directory, at('a.varve')])
  expect([refused.status, refused.stderr]).toEqual([1, expect.stringMatching(/--force replaces it/)])
  expect(readFileSync(at('a.varve'))).toEqual(before)
  expect(runVarve(['backup', directory, at('a.varve'), '--force']).status).toBe(0)
  expect(runVarve(['backup', directory, at('none.varve'), '--queue', 'nobody']).status).toBe(1)
  expect(() => statSync(at('none.varve'))).toThrow()
  expect(runVarve(['backup', directory]).status).toBe(64)
})

test('only what is named is in it', () => {
  runVarve(['backup', directory, at('part.varve'), '--queue', 'other'])
  const report = runVarve(['backup', '--verify', at('part.varve'), '--json']).json()[0]
  expect(report).toMatchObject({ encrypted: false, backend: 'node-fs', queues: [{ queue: 'other', records: 1 }], namespaces: [] })
})

test('it goes through pipes', () => {
  const out = spawnOut(['backup', directory, '-'])
  const restored = runVarve(['restore', '-', at('piped'), '--json'], { input: out })
  expect([restored.status, restored.json()[0].queues.length]).toEqual([0, 2])
})

test('an encrypted backup opens with its passphrase only, from the environment or a file', () => {
  const made = runVarve(['backup', directory, at('secret.varve'), '--json'], passphrase)
  expect(made.json()[0]).toMatchObject({ encrypted: true, records: 51 })
  expect(readFileSync(at('secret.varve')).includes('orders')).toBe(false)
  const wrong: Record<string, string>[] = [{}, { VARVE_PASSPHRASE: 'wrong' }]
  for (const env of wrong) {
    const denied = runVarve(['restore', at('secret.varve'), at('denied')], { env })
    expect([denied.status, denied.stderr]).toEqual([1, expect.stringMatching(/\[denied\]\nGive its passphrase/)])
  }
  writeFileSync(at('passphrase'), 'correct horse\n')
  const verified = runVarve(['backup', '--verify', at('secret.varve'), '--passphrase-file', at('passphrase')])
  expect([verified.status, verified.stdout]).toEqual([0, expect.stringMatching(/^part +name[\s\S]*whole: .*, encrypted, made /)])
  expect(runVarve(['restore', at('secret.varve'), at('opened')], passphrase).status).toBe(0)
  const asked = runVarve(['backup', directory, at('asked.varve'), '--encrypt'])
  expect([asked.status, asked.stderr]).toEqual([64, expect.stringMatching(/nobody can be asked for a passphrase/)])
})

test('snapshots that alone are encrypted go into a backup, and into a store where they are', async () => {
  const key = Buffer.alloc(32, 7)
  writeFileSync(at('key'), key)
  for (const name of ['sealed', 'sealed too']) {
    const backend = nodeFs({ directory: at(name) })
    const snapshots = await openSnapshots(backend, { encryption: { key } })
    await snapshots.save({ agent: 'a', session: name, state: { of: name } })
    await snapshots.close()
    await backend.close()
  }
  const denied = runVarve(['backup', at('sealed'), at('sealed.varve')])
  expect([denied.status, denied.stderr]).toEqual([1, expect.stringMatching(/\[denied\]/)])
  const env = { VARVE_KEY_FILE: at('key') }
  expect(runVarve(['backup', at('sealed'), at('sealed.varve'), '--json'], { env }).json()).toMatchObject([
    { encrypted: true, snapshots: 1 },
  ])
  writeFileSync(at('passphrase of the file'), 'correct horse')
  const words = ['--passphrase-file', at('passphrase of the file')]
  expect(runVarve(['backup', at('sealed'), at('other.varve'), ...words], { env }).status).toBe(0)
  expect(runVarve(['backup', '--verify', at('other.varve'), ...words]).status).toBe(0)
  expect(runVarve(['backup', '--verify', at('sealed.varve'), '--key-file', at('key')]).status).toBe(0)
  expect(runVarve(['restore', at('other.varve'), at('sealed too'), ...words]).status).toBe(1)
  expect(runVarve(['restore', at('other.varve'), at('sealed too'), ...words], { env }).status).toBe(0)
  expect(runVarve(['snapshot', 'restore', at('sealed too'), 'a/sealed'], { env }).stdout).toBe('{"of":"sealed"}')
  expect(runVarve(['snapshot', 'restore', at('sealed too'), 'a/sealed too'], { env }).stdout).toBe('{"of":"sealed too"}')
  expect(runVarve(['restore', at('other.varve'), at('unsealed'), ...words]).status).toBe(0)
  expect(runVarve(['snapshot', 'restore', at('unsealed'), 'a/sealed']).stdout).toBe('{"of":"sealed"}')
})

test('a damaged or cut file is told with the place, by verify and by restore', () => {
  for (const name of ['a.varve', 'secret.varve']) {
    const bytes = readFileSync(at(name))
    bytes[bytes.length - 200] = (bytes[bytes.length - 200] as number) ^ 1
    writeFileSync(at('bad.varve'), bytes)
    const found = runVarve(['backup', '--verify', at('bad.varve')], passphrase)
    expect([found.status, found.stderr]).toEqual([1, expect.stringMatching(/position=\d+.*\[corrupt\]\nThe archive is damaged/)])
    writeFileSync(at('cut.varve'), readFileSync(at(name)))
    truncateSync(at('cut.varve'), bytes.length - 1)
    expect(runVarve(['backup', '--verify', at('cut.varve')], passphrase).status).toBe(1)
    expect(runVarve(['restore', at('cut.varve'), at('cut')], passphrase).status).toBe(1)
  }
  writeFileSync(at('text'), 'hello')
  expect(runVarve(['backup', '--verify', at('text')]).stderr).toMatch(/no archive of Varve/)
})

test.runIf(existsSync(SCRIPT))('a passphrase is asked for on a terminal, and not shown', async () => {
  const screen = await onTerminal(['restore', at('secret.varve'), at('typed')], 'correct horse')
  expect(screen).toMatch(/Passphrase: /)
  expect(screen).not.toMatch(/correct|horse/)
  expect(runVarve(['queue', 'list', at('typed'), '--json']).json().length).toBe(2)
})

function spawnOut(words: readonly string[]): Uint8Array {
  const { status, stdout } = spawnSync(process.execPath, [MAIN, ...words])
  expect(status).toBe(0)
  return stdout
}

/** All that is seen on a terminal where this is typed, once there is a question. */
async function onTerminal(words: readonly string[], typed: string): Promise<string> {
  const { VARVE_PASSPHRASE: _, ...env } = process.env
  const command = [process.execPath, MAIN, ...words].map((word) => `'${word}'`).join(' ')
  const child = spawn(SCRIPT, ['-qec', command, '/dev/null'], { env })
  let screen = ''
  child.stdout.on('data', (text: Buffer) => {
    if (!screen.includes(': ') && String(text).includes(': ')) child.stdin.write(`${typed}\r`)
    screen += String(text)
  })
  const [code] = await once(child, 'exit')
  child.stdin.end()
  expect(code, screen).toBe(0)
  return screen
}
