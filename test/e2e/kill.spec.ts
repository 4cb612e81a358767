// A browser killed, and a tab closed, in mid-write: what was acknowledged is there, whole and without gaps, or the loss of
// the whole database is reported.

import { type BrowserContext, expect, type Page, test } from '@playwright/test'
import { ask, openHarness } from './harness/ask.js'
import type { Place } from './harness/backends.js'
import { Profile } from './harness/profile.js'
import type { Found } from './harness/writers.js'

const ROUNDS = Number(process.env.VARVE_KILL_ROUNDS ?? 10)
const chunksOrFiles = { write: 'writeForEver', read: 'readBack' }
const queue = { write: 'appendForEver', read: 'readQueueBack' }
const writers: readonly Omit<Writer, 'store'>[] = [
  { backend: 'indexeddb', what: 'blobs', place: 'page', ...chunksOrFiles },
  { backend: 'opfs', what: 'a file', place: 'worker', ...chunksOrFiles },
  { backend: 'indexeddb', what: 'a queue', place: 'page', ...queue },
  { backend: 'opfs', what: 'a queue', place: 'worker', ...queue },
]

const tabEnds: readonly { readonly what: string; readonly end: (page: Page) => Promise<unknown> }[] = [
  { what: 'the tab is closed', end: (page) => page.close() },
  { what: 'the tab is reloaded', end: (page) => page.reload() },
  { what: 'the renderer crashes', end: crash },
]

interface Writer {
  readonly backend: string
  /** What is written to, for the test's name. */
  readonly what: string
  readonly place: Place
  /** Actions of the harness. */
  readonly write: string
  readonly read: string
  readonly store: string
}

for (const one of writers) {
  const { backend } = one
  const writer: Writer = { ...one, store: 'kill' }

  test(`${backend}, ${one.what}: the browser is killed in mid-write, ${ROUNDS} times`, async () => {
    test.setTimeout(60_000 + ROUNDS * 15_000)
    const profile = await Profile.make()
    try {
      let acked = 0
      for (let round = 0; round < ROUNDS; round++) {
        const context = await profile.start()
        const next = await verified(await harnessIn(context), writer, acked)
        acked = await writeUntil(await harnessIn(context), writer, next, 20 + 7 * round)
        await profile.kill()
      }
      await verified(await harnessIn(await profile.start()), writer, acked)
    } finally {
      await profile.remove()
    }
  })

  for (const { what, end } of tabEnds) {
    test(`${backend}, ${one.what}: ${what} in mid-write, ${ROUNDS} times`, async ({ context }) => {
      test.setTimeout(60_000 + ROUNDS * 5_000)
      let acked = 0
      for (let round = 0; round < ROUNDS; round++) {
        const page = await harnessIn(context)
        const next = await verified(await harnessIn(context), writer, acked)
        acked = await writeUntil(page, writer, next, 20 + 7 * round)
        await end(page)
      }
      await verified(await harnessIn(context), writer, acked)
    })
  }
}

async function crash(page: Page): Promise<void> {
  const cdp = await page.context().newCDPSession(page)
  const crashed = page.waitForEvent('crash')
  cdp.send('Page.crash').catch(() => {})
  await crashed
  await page.close()
}

async function harnessIn(context: BrowserContext): Promise<Page> {
  const page = await context.newPage()
  await openHarness(page)
  return page
}

/** Where the next record goes; after a reported wipe, 0 in a new store. */
async function verified(page: Page, { backend, place, store, read }: Writer, acked: number): Promise<number> {
  const found = await ask<Found>(page, place, read, { backend, store })
  if (found.state === 'wiped') {
    test.info().annotations.push({ type: 'wiped', description: `${acked} records were acknowledged; ${found.report}` })
    await ask(page, place, 'destroyStore', { backend, store })
    return 0
  }
  expect(found.next).toBeGreaterThanOrEqual(acked)
  await page.close()
  return found.next
}

/** Writes on, without end; resolves in mid-write once `records` more were acknowledged, with the number of all. */
async function writeUntil(page: Page, { backend, place, store, write }: Writer, from: number, records: number): Promise<number> {
  let acked = from
  const enough = new Promise<void>((resolve) => {
    page.on('console', (message) => {
      if (!message.text().startsWith('acked ')) return
      acked = Number(message.text().slice(6)) + 1
      if (acked >= from + records) resolve()
    })
  })
  const writing = ask(page, place, write, { backend, store, from })
  const failed = writing.then(
    () => {},
    (error: Error) => {
      if (acked < from + records) throw error
    },
  )
  await Promise.race([enough, failed])
  return acked
}
