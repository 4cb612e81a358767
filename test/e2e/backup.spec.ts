// An encrypted backup between a browser and a directory: the file goes through a download and a file input, as it does for
// people, and the command line is a process of its own.

import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from '@playwright/test'
import { nodeFs } from 'varve/adapters/node-fs'
import { ask, openHarness } from './harness/ask.js'
import { describeStore, fillStore } from './harness/store-contents.js'

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url))
const passphrase = 'correct horse battery staple'
const run = promisify(execFile)

let folder: string
test.beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'varve-backup-'))
})
test.afterEach(() => rm(folder, { recursive: true, force: true }))

async function varve(...words: readonly string[]): Promise<string> {
  const { stdout } = await run(process.execPath, [MAIN, ...words], { env: { ...process.env, VARVE_PASSPHRASE: passphrase } })
  return stdout
}

async function contentsOf(directory: string): Promise<string> {
  const backend = nodeFs({ directory })
  try {
    return await describeStore(backend)
  } finally {
    await backend.close()
  }
}

test('a browser’s store is downloaded encrypted, restored by the command line, and equal', async ({ page }) => {
  await openHarness(page)
  const request = { backend: 'indexeddb', store: 'backed-up', passphrase }
  const contents = await ask<string>(page, 'page', 'fillForBackup', request)
  expect(contents).toContain('tomorrow') // what is pending, too
  const [download] = await Promise.all([page.waitForEvent('download'), ask(page, 'page', 'downloadBackup', request)])
  const file = join(folder, download.suggestedFilename())
  await download.saveAs(file)
  const bytes = await readFile(file)
  for (const word of ['orders', 'planner', 'customer', 'indexeddb']) expect(bytes.includes(word), word).toBe(false)
  const [verified] = (await varve('backup', '--verify', file, '--json')).split('\n')
  expect(JSON.parse(verified as string)).toMatchObject({
    encrypted: true,
    backend: 'indexeddb',
    queues: [{ queue: 'done' }, { queue: 'orders' }],
  })
  await varve('restore', file, join(folder, 'restored'))
  await varve('doctor', join(folder, 'restored'))
  expect(await contentsOf(join(folder, 'restored'))).toBe(contents)
})

test('a directory’s store is backed up by the command line, chosen in a page, and equal', async ({ page }) => {
  const directory = join(folder, 'store')
  const backend = nodeFs({ directory })
  await fillStore(backend)
  const contents = await describeStore(backend)
  await varve('backup', directory, join(folder, 'store.varve')) // beside this process, which owns the store
  await backend.close()
  await openHarness(page)
  await ask(page, 'page', 'askForFile')
  await page.setInputFiles('input', join(folder, 'store.varve'))
  const imported = await ask<{ report: { encrypted: boolean }; contents: string }>(page, 'page', 'importChosenFile', {
    backend: 'indexeddb',
    store: 'restored',
    passphrase,
  })
  expect(imported.report.encrypted).toBe(true)
  expect(imported.contents).toBe(contents)
})
