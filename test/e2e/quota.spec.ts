// Over quota, made by the browser's own debugging interface: the write fails with `quota` and nothing stored is lost.

import { expect, type Page, test } from '@playwright/test'
import { SCALE, tally } from '../tally.js'
import { ask, openHarness } from './harness/ask.js'
import { browserBackends, type Place } from './harness/backends.js'

const MIB = 2 ** 20
const QUEUES_FILLED = Math.ceil(10 * SCALE)

for (const { name: backend, places } of browserBackends) {
  test(`${backend}: a full origin refuses with quota, keeps what it has, and goes on when there is room`, async ({ page, context }) => {
    const place = places[places.length - 1] as Place
    await openHarness(page)
    const act = <T>(action: string, argument: object) => ask<T>(page, place, action, { store: 's', ...argument })
    await act('open', { backend })
    const cdp = await context.newCDPSession(page)
    const origin = new URL(page.url()).origin
    await cdp.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 8 * MIB })
    const stored: string[] = []
    let refusal = ''
    for (let i = 0; i < 40 && refusal === ''; i++) {
      const outcome = await act<string>('put', { key: `k${String(i).padStart(2, '0')}`, bytes: MIB })
      if (outcome === 'stored') stored.push(`k${String(i).padStart(2, '0')}`)
      else refusal = outcome
    }
    expect(refusal).toBe('quota')
    expect(stored.length).toBeGreaterThan(0)
    expect(await act('keys', {})).toEqual(stored)
    await cdp.send('Storage.overrideQuotaForOrigin', { origin })
    expect(await act('put', { key: 'later', text: 'room' })).toBe('stored')
    expect(await act('keys', {})).toEqual([...stored, 'later'])
  })
}

for (const { name: backend, places } of browserBackends) {
  test(`${backend}: a queue in a full origin keeps what was acknowledged and goes on when there is room, ${QUEUES_FILLED} times`, async ({
    browser,
    baseURL,
  }) => {
    test.setTimeout(60_000 * SCALE)
    const begun = performance.now()
    const place = places[places.length - 1] as Place
    for (let n = 0; n < QUEUES_FILLED; n++) {
      // A browser remembers for a while how much room an origin has, so each case has an origin of its own.
      const context = await browser.newContext(baseURL === undefined ? {} : { baseURL })
      await fillQueue(await context.newPage(), place, backend, n)
      await context.close()
    }
    tally({ row: `disk full, quota: queues on ${backend}`, ran: QUEUES_FILLED, ms: performance.now() - begun })
  })
}

async function fillQueue(page: Page, place: Place, backend: string, n: number): Promise<void> {
  await openHarness(page)
  const act = <T>(action: string, argument: object) => ask<T>(page, place, action, { backend, store: 's', ...argument })
  const append = (from: number, limit: number) =>
    act<{ readonly next: number; readonly code?: string }>('appendUntilRefused', { from, bytes: 20_000 + 4519 * (n % 10), limit })
  const cdp = await page.context().newCDPSession(page)
  const origin = new URL(page.url()).origin
  await cdp.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: (1 + (n % 5)) * MIB })
  const full = await append(0, 1000)
  expect(full.code).toBe('quota')
  expect(full.next).toBeGreaterThan(0)
  await cdp.send('Storage.overrideQuotaForOrigin', { origin })
  const { length } = await act<readonly unknown[]>('readQueue', {})
  expect([full.next, full.next + 1], 'at most the record that was refused is there too').toContain(length)
  expect(await append(length, 3)).toEqual({ next: length + 3, code: undefined })
}

test('opfs: an append that does not fit leaves the file as it was', async ({ page, context }) => {
  await openHarness(page)
  const act = <T>(action: string, argument: object) => ask<T>(page, 'worker', action, { store: 's', path: 'f', ...argument })
  await act('open', { backend: 'opfs' })
  const cdp = await context.newCDPSession(page)
  const origin = new URL(page.url()).origin
  await cdp.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: 4 * MIB })
  let appended = 0
  while (appended < 20 && (await act('append', { bytes: MIB })) === 'stored') appended++
  expect(appended).toBeLessThan(20)
  expect(await act('fileSize', {})).toBe(appended * MIB)
  await cdp.send('Storage.overrideQuotaForOrigin', { origin })
  expect(await act('append', { bytes: 10 })).toBe('stored')
  expect(await act('fileSize', {})).toBe(appended * MIB + 10)
})

test('indexeddb: storage cleared by the user under the running page is corrupt, not an empty store', async ({ page, context }) => {
  await openHarness(page)
  await ask(page, 'page', 'open', { backend: 'indexeddb', store: 's' })
  await ask(page, 'page', 'put', { store: 's', key: 'k', text: 'x' })
  const cdp = await context.newCDPSession(page)
  await cdp.send('Storage.clearDataForOrigin', { origin: new URL(page.url()).origin, storageTypes: 'all' })
  expect(await ask(page, 'page', 'get', { store: 's', key: 'k' })).toBe('corrupt')
  expect(await ask(page, 'page', 'put', { store: 's', key: 'k', text: 'y' })).toBe('corrupt')
})
