// The playground as people use it, built as it is published and served from memory.

import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { type BrowserContext, expect, type Page, test } from '@playwright/test'
import { build } from 'vite'
import { Profile } from './harness/profile.js'

const TYPES: Readonly<Record<string, string>> = { html: 'text/html', js: 'text/javascript', css: 'text/css', svg: 'image/svg+xml' }

let server: Server
let address: string

// One build for all tests of the file.
test.describe.configure({ mode: 'default' })

test.beforeAll(async () => {
  const files = await buildPlayground()
  server = createServer((request, response) => {
    const name = new URL(request.url ?? '/', 'http://local').pathname.slice(1) || 'index.html'
    const type = TYPES[name.split('.').pop() ?? ''] ?? 'text/plain'
    response.writeHead(files.has(name) ? 200 : 404, { 'content-type': type })
    response.end(files.get(name))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
})

test.afterAll(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

async function buildPlayground(): Promise<ReadonlyMap<string, string | Uint8Array>> {
  const root = fileURLToPath(new URL('../../playground', import.meta.url))
  const result = await build({ root, logLevel: 'error', build: { write: false } })
  const outputs = (Array.isArray(result) ? result : [result]).flatMap((bundle) => ('output' in bundle ? bundle.output : []))
  return new Map(outputs.map((file) => [file.fileName, file.type === 'chunk' ? file.code : file.source]))
}

interface Tab {
  readonly page: Page
  /** What the console and uncaught errors said. */
  readonly complaints: readonly string[]
}

async function openTab(context: BrowserContext): Promise<Tab> {
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text())
  })
  await page.goto(address)
  await ready(page)
  return { page, complaints }
}

async function ready(page: Page): Promise<void> {
  await expect(page.locator('html')).toHaveAttribute('data-ready', 'true')
  await expect(page.locator('#total')).not.toHaveText('–')
}

async function append(page: Page, customer: string, item: string): Promise<void> {
  await page.getByLabel('Customer (key)').fill(customer)
  await page.getByLabel('Item').fill(item)
  await page.getByRole('button', { name: 'Append one' }).click()
  await expect(page.locator('#receipt')).toContainText(`Stored ${customer} at bucket`)
}

test('appended records are in the buckets, in the tail and in the lag', async ({ context }) => {
  const { page, complaints } = await openTab(context)
  await append(page, 'ada', 'atlas')
  await expect(page.locator('#total')).toHaveText('1')
  await expect(page.locator('#tail li')).toHaveText([/ada atlas.*this tab/])
  await page.getByRole('button', { name: 'Append a thousand' }).click()
  await expect(page.locator('#receipt')).toContainText('Stored 1,000 records in 4 buckets')
  await expect(page.locator('#total')).toHaveText('1,001')
  await expect(page.locator('[data-group=billing]')).toHaveAttribute('data-lag', '1001')
  const marks = await page.locator('#buckets li').evaluateAll((rows) => rows.map((row) => Number((row as HTMLElement).dataset.next)))
  expect(marks).toHaveLength(4)
  expect(marks.reduce((sum, next) => sum + next, 0)).toBe(1001)
  await expect(page.locator('#errors')).toBeHidden()
  expect(complaints).toEqual([])
})

test('what was appended and saved is there after a reload', async ({ context }) => {
  const { page } = await openTab(context)
  await append(page, 'bo', 'lamp')
  await page.getByLabel('State to keep').fill('layer one')
  await page.getByRole('button', { name: 'Save snapshot' }).click()
  await expect(page.locator('#shots li[data-index]')).toHaveCount(1)
  await page.reload()
  await ready(page)
  await expect(page.locator('#total')).toHaveText('1')
  await expect(page.locator('#tail li')).toHaveText([/bo lamp/])
  await page.getByRole('button', { name: 'Load snapshot 0' }).click()
  await expect(page.locator('#loaded pre')).toHaveText('layer one')
})

test('a browser that is killed after an append still has it', async () => {
  const profile = await Profile.make()
  try {
    const first = await openTab(await profile.start())
    await first.page.getByRole('button', { name: 'Append a thousand' }).click()
    await expect(first.page.locator('#receipt')).toContainText('Stored 1,000 records')
    await profile.kill()
    const { page } = await openTab(await profile.start())
    await expect(page.locator('#total')).toHaveText('1,000')
  } finally {
    await profile.remove()
  }
})

test('two tabs see what the other one appends and saves', async ({ context }) => {
  const a = (await openTab(context)).page
  const b = (await openTab(context)).page
  await append(a, 'chidi', 'clock')
  await expect(b.locator('#tail li')).toHaveText([/chidi clock.*tab [0-9a-f]{4}/])
  await expect(b.locator('#total')).toHaveText('1')
  await append(b, 'dana', 'globe')
  await expect(a.locator('#tail li').first()).toHaveText(/dana globe/)
  await expect(a.locator('#total')).toHaveText('2')
  await b.getByRole('button', { name: 'Save snapshot' }).click()
  await expect(a.locator('#shots li[data-index]')).toHaveCount(1)
})

test('an acknowledged delivery is gone, one that was left comes again', async ({ context }) => {
  const { page } = await openTab(context)
  await append(page, 'eli', 'kettle')
  const deliveries = page.locator('#deliveries li')
  await page.getByRole('button', { name: 'Receive', exact: true }).click()
  await expect(deliveries).toHaveText([/eli kettle.*billing, delivery 1/])
  await page.getByRole('button', { name: /^Let .* expire$/ }).click()
  await expect(deliveries).toHaveAttribute('data-state', 'expired', { timeout: 15_000 })
  await expect(page.locator('[data-group=billing]')).toHaveAttribute('data-lag', '1')
  await expect(async () => {
    await page.getByRole('button', { name: 'Receive', exact: true }).click()
    await expect(deliveries.first()).toHaveText(/eli kettle.*billing, delivery 2/, { timeout: 500 })
  }).toPass()
  await page.getByRole('button', { name: /^Acknowledge / }).click()
  await expect(deliveries.first()).toHaveAttribute('data-state', 'acked')
  await expect(page.locator('[data-group=billing]')).toHaveAttribute('data-lag', '0')
})

test('another group has a lag of its own, and working off brings it to nothing', async ({ context }) => {
  const { page } = await openTab(context)
  await append(page, 'fatou', 'chair')
  await page.getByLabel('Another group').fill('<b>audit</b>')
  await page.getByRole('button', { name: 'Open' }).click()
  const audit = page.getByRole('radio', { name: '<b>audit</b>' })
  await expect(audit).toBeChecked()
  await page.getByRole('button', { name: 'Work off all' }).click()
  await expect(page.locator('#group-note')).toContainText('acknowledged 1 record in')
  await expect(page.getByRole('radio', { name: '<b>audit</b> all acknowledged' })).toBeChecked()
  await expect(page.locator('[data-group=billing]')).toHaveAttribute('data-lag', '1')
  expect(await page.locator('#groups b').count()).toBe(0)
})

test('a flipped bit in a snapshot is found by verify and refused by load', async ({ context }) => {
  const { page } = await openTab(context)
  for (const state of ['first layer', 'second layer']) {
    await page.getByLabel('State to keep').fill(state)
    await page.getByRole('button', { name: 'Save snapshot' }).click()
    await expect(page.locator('#snapshot-note')).toContainText('Saved #')
  }
  await expect(page.locator('#shots li[data-index]')).toHaveCount(2)
  await page.getByRole('button', { name: 'Verify all' }).click()
  await expect(page.locator('#snapshot-note')).toContainText('2 snapshots read back')
  await page.getByRole('button', { name: 'Corrupt a byte of snapshot 0' }).click()
  await expect(page.locator('#snapshot-note')).toContainText('Flipped a bit')
  await page.getByRole('button', { name: 'Verify all' }).click()
  await expect(page.locator('#snapshot-note')).toContainText('1 problem in 2 snapshots: corrupt')
  await expect(page.locator('#shots li[data-index="0"]')).toHaveAttribute('data-verdict', 'corrupt')
  await expect(page.locator('#shots li[data-index="1"]')).toHaveAttribute('data-verdict', 'ok')
  await page.getByRole('button', { name: 'Load snapshot 0' }).click()
  await expect(page.getByRole('alert')).toContainText('corrupt')
  await expect(page.getByRole('alert')).toContainText('the content of a snapshot is damaged')
  await page.getByRole('button', { name: 'Load snapshot 1' }).click()
  await expect(page.locator('#loaded pre')).toHaveText('second layer')
})

test('the storage panel says where the data is and why', async ({ context }) => {
  const { page } = await openTab(context)
  const health = page.locator('#health')
  await expect(health).toContainText('indexeddb')
  await expect(health).toContainText('varve-playground')
  await expect(health).toContainText('the default of browsers')
  await append(page, 'gus', 'pencil')
  await expect(health).toContainText("the store's id is kept in")
  await expect(page.locator('#usage-text')).toContainText('in use by this origin')
})

test('a database that is deleted under the page is told, not replaced by an empty one', async ({ context }) => {
  const { page } = await openTab(context)
  await append(page, 'hana', 'atlas')
  await page.evaluate(
    () =>
      new Promise((resolve, reject) => {
        const request = indexedDB.deleteDatabase('varve-playground')
        request.onsuccess = resolve
        request.onerror = reject
      }),
  )
  await page.getByRole('button', { name: 'Append one' }).click()
  await expect(page.getByRole('alert')).toContainText('corrupt')
})

test('deleting everything begins anew, also after damage', async ({ context }) => {
  const { page } = await openTab(context)
  await append(page, 'ines', 'book')
  await page.evaluate(() => void indexedDB.deleteDatabase('varve-playground'))
  await page.reload()
  await expect(page.getByRole('alert')).toContainText('corrupt')
  await page.getByRole('button', { name: 'Delete everything' }).click()
  await page.getByRole('button', { name: 'Keep all' }).click()
  await page.getByRole('button', { name: 'Delete everything' }).click()
  await page.getByRole('button', { name: 'Delete', exact: true }).click()
  await ready(page)
  await expect(page.locator('#total')).toHaveText('0')
  await append(page, 'jun', 'lamp')
  await expect(page.locator('#errors')).toBeHidden()
})

for (const scheme of ['light', 'dark'] as const) {
  test(`${scheme}: follows the system, can be chosen otherwise, fits a phone, and the console stays empty`, async ({ context }) => {
    const { page, complaints } = await openTab(context)
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor)
    await page.emulateMedia({ colorScheme: scheme })
    const own = await ground()
    await page.getByRole('button', { name: scheme === 'light' ? 'Dark' : 'Light', exact: true }).click()
    const other = await ground()
    expect(other).not.toBe(own)
    await page.reload()
    await ready(page)
    expect(await ground()).toBe(other)
    await page.getByRole('button', { name: 'Auto' }).click()
    expect(await ground()).toBe(own)
    await page.setViewportSize({ width: 360, height: 740 })
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
    expect(overflow).toBe(0)
    expect(complaints).toEqual([])
  })
}
