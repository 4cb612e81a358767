import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'

const root = mkdtempSync(join(tmpdir(), 'varve-syncs-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

let calls: Readonly<Record<string, readonly string[]>> = {}
beforeAll(() => {
  const script = fileURLToPath(new URL('../fixtures/node-fs-calls.mjs', import.meta.url))
  calls = JSON.parse(execFileSync(process.execPath, [script, root], { encoding: 'utf8' })) as typeof calls
})

test('a put is written aside, synced, renamed, and every new name above it synced from the top', () => {
  const first = calls['first put'] ?? []
  expect(first.slice(0, 3)).toEqual(['write tmp/*', 'sync tmp/*', 'rename blobs/a+/b='])
  expect(first.slice(3)).toEqual(['sync ../..', 'sync ..', 'sync .', 'sync blobs', 'sync blobs/a+'])
  expect(calls['second put']).toEqual(['write tmp/*', 'sync tmp/*', 'rename blobs/a+/b=', 'sync blobs/a+'])
})

test('a relaxed put syncs nothing, and a strict one after it syncs the folder that the relaxed one made', () => {
  expect(calls['relaxed put into a new folder']).toEqual(['write tmp/*', 'rename blobs/c+/d='])
  expect(calls['strict put beside it']).toEqual(['write tmp/*', 'sync tmp/*', 'rename blobs/c+/e=', 'sync blobs', 'sync blobs/c+'])
})

test('a delete is synced', () => {
  expect(calls.delete).toEqual(['sync blobs'])
})

test('an append is one write; the first strict sync of a file syncs its name too, a relaxed one nothing', () => {
  expect(calls['open and append']).toEqual(['write files/log+/0='])
  expect(calls['relaxed sync']).toEqual([])
  expect(calls['first strict sync']).toEqual(['sync files/log+/0=', 'sync .', 'sync files', 'sync files/log+'])
  expect(calls['second strict sync']).toEqual(['sync files/log+/0='])
})
