// A browser killed, a tab closed, reloaded, crashed or frozen in mid-write: what was acknowledged is there, whole and without
// gaps, or the loss of the whole database is reported.

import { type BrowserContext, expect, type Page, test } from '@playwright/test'
import { SCALE, tally } from '../tally.js'
import { ask, openHarness } from './harness/ask.js'
import type { Place } from './harness/backends.js'
import { Frozen } from './harness/frozen.js'
import { Profile } from './harness/profile.js'
import type { Found } from './harness/writers.js'

const ROUNDS = Math.ceil(10 * SCALE)
const ROW = 'browser killed, tab closed, crashed, reloaded, frozen'
const chunksOrFiles = { write: 'writeForEver', read: 'readBack' }
const queue = { write: 'appendForEver', read: 'readQueueBack' }
const writers: readonly Omit<Writer, 'store'>[] = [
  { backend: 'indexeddb', what: 'blobs', place: 'page', ...chunksOrFiles },
  { backend: 'opfs', what: 'a file', place: 'worker', ...chunksOrFiles },
  { backend: 'indexeddb', what: 'a queue', place: 'page', ...queue },
  { backend: 'opfs', what: 'a queue', place: 'worker', ...queue },
]

const tabEnds: readonly { readonly what: string; readonly row: string; readonly end: (page: Page) => Promise<unknown> }[] = [
  { what: 'the tab is closed', row: 'closed', end: (page) => page.close() },
  { what: 'the tab is reloaded', row: 'reloaded', end: (page) => page.reload() },
  { what: 'the renderer crashes', row: 'crashed', end: crash },
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
    const begun = performance.now()
    try {
      let acked = 0
      for (let round = 0; round < ROUNDS; round++) {
        const context = await profile.start()
        const next = await verified(await harnessIn(context), writer, acked)
        acked = await writeUntil(await harnessIn(context), writer, next, 20 + 7 * round)
        await profile.kill()
      }
      await verified(await harnessIn(await profile.start()), writer, acked)
      tally({ row: `${ROW}: killed`, ran: ROUNDS, found: wipesReported(), ms: performance.now() - begun })
    } finally {
      await profile.remove()
    }
  })

  for (const { what, row, end } of tabEnds) {
    test(`${backend}, ${one.what}: ${what} in mid-write, ${ROUNDS} times`, async ({ context }) => {
      test.setTimeout(60_000 + ROUNDS * 5_000)
      const begun = performance.now()
      let acked = 0
      for (let round = 0; round < ROUNDS; round++) {
        const page = await harnessIn(context)
        const next = await verified(await harnessIn(context), writer, acked)
        acked = await writeUntil(page, writer, next, 20 + 7 * round)
        await end(page)
      }
      await verified(await harnessIn(context), writer, acked)
      tally({ row: `${ROW}: ${row}`, ran: ROUNDS, found: wipesReported(), ms: performance.now() - begun })
    })
  }

  test(`${backend}, ${one.what}: the tab is frozen in mid-write, and goes on or is killed, ${ROUNDS} times`, async () => {
    test.setTimeout(60_000 + ROUNDS * 5_000)
    const begun = performance.now()
    const profile = await Profile.make()
    try {
      const context = await profile.start()
      let acked = 0
      for (let round = 0; round < ROUNDS; round++) {
        const next = await verified(await harnessIn(context), writer, acked)
        acked = await freezeInMidWrite(context, writer, next, round)
      }
      await verified(await harnessIn(context), writer, acked)
      tally({ row: `${ROW}: frozen`, ran: ROUNDS, found: wipesReported(), ms: performance.now() - begun })
    } finally {
      await profile.remove()
    }
  })
}

/** Every second round the tab goes on where it was stopped; in the others it is never heard of again. */
async function freezeInMidWrite(context: BrowserContext, writer: Writer, from: number, round: number): Promise<number> {
  const page = await harnessIn(context)
  const writing = new Writing(page, writer, from)
  await writing.until(from + 20 + 7 * round)
  const frozen = await Frozen.busiest(context, () => writing.until(writing.acked + 20))
  const before = await ackedWhile(writing, async () => (await harnessIn(context)).close())
  const during = await ackedWhile(writing, async () => (await harnessIn(context)).close())
  expect(during, 'a frozen tab writes nothing').toBe(before)
  if (round % 2 === 0) {
    frozen.thaw()
    await writing.until(writing.acked + 20)
  } else frozen.kill()
  await page.close()
  return writing.acked
}

/** What was said before a tab was frozen may be heard a little later. */
async function ackedWhile(writing: Writing, task: () => Promise<unknown>): Promise<number> {
  await task()
  return writing.acked
}

function wipesReported(): number {
  return test.info().annotations.filter(({ type }) => type === 'wiped').length
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

/** Writes on, without end, and ends in mid-write once `records` more were acknowledged; gives the number of all. */
async function writeUntil(page: Page, writer: Writer, from: number, records: number): Promise<number> {
  const writing = new Writing(page, writer, from)
  await writing.until(from + records)
  return writing.acked
}

/** A page that writes without end. */
class Writing {
  /** How many records were acknowledged. */
  acked: number
  readonly #failed: Promise<never>
  #heard: (() => void) | undefined

  constructor(page: Page, { backend, place, store, write }: Writer, from: number) {
    this.acked = from
    page.on('console', (message) => {
      if (!message.text().startsWith('acked ')) return
      this.acked = Number(message.text().slice(6)) + 1
      this.#heard?.()
    })
    this.#failed = ask<never>(page, place, write, { backend, store, from })
    this.#failed.catch(() => {})
  }

  /** Resolves once that many were acknowledged; rejects when the page stopped before. */
  until(records: number): Promise<void> {
    const enough = new Promise<void>((resolve) => {
      this.#heard = () => {
        if (this.acked >= records) resolve()
      }
      this.#heard()
    })
    return Promise.race([enough, this.#failed])
  }
}
