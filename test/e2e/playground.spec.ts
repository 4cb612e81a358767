// The playground as a visitor uses it: what was acknowledged survives reloads and closed tabs, and tabs see each other.

import { readFile } from 'node:fs/promises'
import { type BrowserContext, expect, type Page, test } from '@playwright/test'

const PATH = '/playground/index.html'

async function openPlayground(context: BrowserContext): Promise<Page> {
  const page = await context.newPage()
  await page.goto(PATH)
  await ready(page)
  return page
}

/** Buttons do something from then on. */
async function ready(page: Page): Promise<void> {
  await expect(page.locator('html[data-ready=true]')).toBeAttached({ timeout: 20_000 })
}

async function reload(page: Page): Promise<void> {
  await page.reload()
  await ready(page)
}

const total = (page: Page) => page.locator('#total')
const receipt = (page: Page) => page.locator('#receipt')
const errors = (page: Page) => page.locator('#errors')

async function appendThousand(page: Page): Promise<void> {
  await page.locator('#append-many').click()
  await expect(receipt(page)).toContainText('Stored 1,000 records')
}

test('records survive a reload', async ({ context }) => {
  const page = await openPlayground(context)
  await page.getByRole('button', { name: 'Append one' }).click()
  await expect(receipt(page)).toContainText('offset 0')
  await appendThousand(page)
  await expect(total(page)).toHaveText('1,001')
  await reload(page)
  await expect(total(page)).toHaveText('1,001')
  await expect(errors(page)).toBeHidden()
})

test('two tabs append at once; both see all records, and each shows the other its own', async ({ context }) => {
  const tabs = [await openPlayground(context), await openPlayground(context)]
  for (let round = 1; round <= 3; round++) await Promise.all(tabs.map(appendThousand))
  for (const tab of tabs) await expect(total(tab)).toHaveText('6,000')
  const [a, b] = tabs as [Page, Page]
  await a.locator('input[name=item]').fill('a letter to the other tab')
  await a.getByRole('button', { name: 'Append one' }).click()
  await expect(b.locator('#tail li').first()).toContainText('a letter to the other tab')
  for (const tab of tabs) await expect(errors(tab)).toBeHidden()
})

test('a tab closed in mid-append loses nothing that was acknowledged, and leaves a working queue', async ({ context }) => {
  let acknowledged = 0
  for (let round = 0; round < 10; round++) {
    const page = await openPlayground(context)
    await appendThousand(page)
    acknowledged += 1000
    await page.locator('#append-many').click()
    await page.close()
  }
  const page = await openPlayground(context)
  await expect(total(page)).not.toHaveText('–')
  const found = Number((await total(page).innerText()).replaceAll(',', ''))
  expect(found).toBeGreaterThanOrEqual(acknowledged)
  await appendThousand(page)
  await expect(errors(page)).toBeHidden()
})

test('a group keeps what it acknowledged over a reload, and gets what it let expire again', async ({ context }) => {
  const page = await openPlayground(context)
  await appendThousand(page)
  await page.locator('#receive-five').click()
  await expect(page.locator('#deliveries li')).toHaveCount(5)
  const first = page.locator('#deliveries li').first()
  await first.getByRole('button', { name: /^Acknowledge/ }).click()
  await expect(first).toHaveAttribute('data-state', 'acked')
  await reload(page)
  await page.locator('#work-off').click()
  await expect(page.locator('#group-note')).toContainText('acknowledged')
  await expect(async () => {
    await page.locator('#work-off').click()
    await expect(page.locator('[data-group=billing]')).toHaveAttribute('data-lag', '0', { timeout: 1000 })
  }).toPass({ timeout: 30_000 })
  await expect(errors(page)).toBeHidden()
})

test('what is given back three times is a dead letter, and can be put back', async ({ context }) => {
  const page = await openPlayground(context)
  await page.locator('input[name=customer]').fill('ada')
  await page.getByRole('button', { name: 'Append one' }).click()
  await expect(receipt(page)).toContainText('offset 0')
  await page.locator('#pending summary').click()
  await page.locator('#dead summary').click()
  for (const delivery of [1, 2, 3]) {
    await expect(async () => {
      await page.locator('#receive').click()
      await expect(page.locator('#deliveries li').first()).toContainText(`delivery ${delivery} of 3`, { timeout: 500 })
    }).toPass({ timeout: 20_000 })
    await page.locator('#deliveries li').first().getByRole('button', { name: /back$/ }).click()
    if (delivery < 3) await expect(page.locator('#pending li')).toContainText('given back by hand')
  }
  await expect(page.locator('#deliveries li').first()).toHaveAttribute('data-state', 'dead')
  await expect(page.locator('#dead-letters li')).toContainText('billing, 3 deliveries: given back by hand')
  await expect(page.locator('#pending li')).toHaveCount(0)
  await page.locator('#put-back').click()
  await expect(page.locator('#dead-note')).toContainText('Put back 1 record')
  await expect(total(page)).toHaveText('2')
  await page.locator('#put-back').click()
  await expect(page.locator('#dead-note')).toContainText('nothing')
  await expect(errors(page)).toBeHidden()
})

test('a group in the order of keys delivers the next of a key when the one before is acknowledged', async ({ context }) => {
  const page = await openPlayground(context)
  await page.locator('input[name=customer]').fill('ada')
  for (const offset of [0, 1]) {
    await page.getByRole('button', { name: 'Append one' }).click()
    await expect(receipt(page)).toContainText(`offset ${offset}`)
  }
  await page.getByRole('textbox', { name: 'Another group' }).fill('ordered')
  await page.locator('select[name=ordering]').selectOption('key')
  await page.getByRole('button', { name: 'Open' }).click()
  await expect(page.locator('[data-group=ordered] input')).toBeChecked()
  await page.locator('#receive-five').click()
  await expect(page.locator('#deliveries li')).toHaveCount(1)
  await page
    .locator('#deliveries li')
    .first()
    .getByRole('button', { name: /^Acknowledge/ })
    .click()
  await expect(page.locator('#deliveries li').first()).toHaveAttribute('data-state', 'acked')
  await page.locator('#receive-five').click()
  await expect(page.locator('#deliveries li')).toHaveCount(2)
  await expect(errors(page)).toBeHidden()
})

test('a damaged snapshot is found, the others stay proved', async ({ context }) => {
  const page = await openPlayground(context)
  for (const text of ['first layer', 'second layer']) {
    await page.locator('textarea[name=state]').fill(text)
    await page.getByRole('button', { name: 'Save snapshot' }).click()
    await expect(page.locator('#shots li').first()).toContainText(text === 'first layer' ? '#0' : '#1')
  }
  await reload(page)
  await page.locator('#verify-all').click()
  await expect(page.locator('#snapshot-note')).toContainText('every hash is what it was')
  await page.getByRole('button', { name: 'Corrupt snapshot 0', exact: true }).click()
  await expect(page.locator('#snapshot-note')).toContainText('Flipped a bit')
  await page.locator('#verify-all').click()
  await expect(page.locator('#shots li[data-index="0"]')).toHaveAttribute('data-verdict', 'corrupt')
  await expect(page.locator('#shots li[data-index="1"]')).toHaveAttribute('data-verdict', 'ok')
  await page.getByRole('button', { name: 'Load snapshot 1', exact: true }).click()
  await expect(page.locator('#loaded pre')).toHaveText('second layer')
})

const saveOne = (page: Page, text: string) =>
  page
    .locator('textarea[name=state]')
    .fill(text)
    .then(() => page.getByRole('button', { name: 'Save snapshot' }).click())

test('ten steps of an agent store little more than what they add; a fork adds nothing and goes its own way', async ({ context }) => {
  const page = await openPlayground(context)
  await page.locator('#run-agent').click()
  await expect(page.locator('#shots li[data-index="9"]')).toBeVisible()
  await page.getByRole('button', { name: 'Fork snapshot 4', exact: true }).click()
  await expect(page.locator('#shots li[data-index="10"]')).toContainText('added 0 B')
  const branch = (await page.locator('#shots li[data-index="10"]').getAttribute('data-branch')) as string
  await page.locator('#branch').selectOption(branch)
  await saveOne(page, 'on the fork')
  await expect(page.locator('#shots li[data-index="11"]')).toHaveAttribute('data-branch', branch)
  await page.getByRole('button', { name: 'Load snapshot 9', exact: true }).click()
  await expect(page.locator('#loaded figcaption')).toContainText('200 messages')
  await page.getByRole('button', { name: 'Load snapshot 11', exact: true }).click()
  await expect(page.locator('#loaded figcaption')).toContainText('100 messages')
  await expect(errors(page)).toBeHidden()
})

test('two snapshots are compared, and an older one is restored', async ({ context }) => {
  const page = await openPlayground(context)
  await saveOne(page, 'clay')
  await expect(page.locator('#shots li[data-index="0"]')).toBeVisible()
  await saveOne(page, 'sand')
  await page.getByRole('button', { name: 'Compare snapshot 0', exact: true }).click()
  await page.getByRole('button', { name: 'Compare with snapshot 1', exact: true }).click()
  await expect(page.locator('#diff li[data-op=replace]')).toContainText('/text')
  await expect(page.locator('#diff li[data-op=replace]')).toContainText('sand')
  await page.getByRole('button', { name: 'Restore snapshot 0', exact: true }).click()
  await expect(page.locator('#shots li[data-index="2"]')).toContainText('#0 restored')
  await page.getByRole('button', { name: 'Load snapshot 2', exact: true }).click()
  await expect(page.locator('#loaded pre')).toHaveText('clay')
})

test('pruning says why what stays stays, then takes the rest', async ({ context }) => {
  const page = await openPlayground(context)
  for (let n = 0; n < 4; n++) {
    await saveOne(page, `layer ${n}`)
    await expect(page.locator(`#shots li[data-index="${n}"]`)).toBeVisible()
  }
  await page.getByRole('button', { name: 'Pin snapshot 0', exact: true }).click()
  await expect(page.locator('#shots li[data-index="0"]')).toContainText('pinned')
  await page.locator('#prune input[name=last]').fill('2')
  await page.locator('#prune-look').click()
  await expect(page.locator('#prune-note')).toContainText('1 snapshot would go, 3 would stay')
  await expect(page.locator('#prune-list li').last()).toContainText('pinned')
  await expect(page.locator('#shots li')).toHaveCount(4)
  await page.getByRole('button', { name: 'Prune and collect' }).click()
  await expect(page.locator('#shots li')).toHaveCount(3)
  await page.locator('#verify-all').click()
  await expect(page.locator('#snapshot-note')).toContainText('every hash is what it was')
})

test('snapshots leave as a file and come back into an empty store', async ({ context }) => {
  const page = await openPlayground(context)
  for (const text of ['first', 'second']) await saveOne(page, text)
  await expect(page.locator('#shots li')).toHaveCount(2)
  const leaving = page.waitForEvent('download')
  await page.locator('#export').click()
  const file = await (await leaving).path()
  for (const index of [1, 0]) await page.getByRole('button', { name: `Delete snapshot ${index}`, exact: true }).click()
  await expect(page.locator('#shots li.empty')).toBeVisible()
  await page
    .locator('#import-file')
    .setInputFiles({ name: 'kept.varve', mimeType: 'application/octet-stream', buffer: await readFile(file) })
  await expect(page.locator('#snapshot-note')).toContainText('Imported 2 snapshots')
  await expect(page.locator('#shots li')).toHaveCount(2)
  await page.locator('#shots li').first().getByRole('button', { name: /^Load/ }).click()
  await expect(page.locator('#loaded pre')).toHaveText('second')
})

test('the storage panel says where the data lies and why', async ({ context }) => {
  const page = await openPlayground(context)
  await expect(page.locator('#health')).toContainText('indexeddb')
  await expect(page.locator('#health')).toContainText('the default of browsers')
})

test('the requests panel counts what each action asks of the storage', async ({ context }) => {
  const page = await openPlayground(context)
  const requests = async (operation: string): Promise<number> => {
    const cell = page.locator(`#requests tr[data-operation="${operation}"] td`).first()
    return (await cell.count()) === 0 ? 0 : Number((await cell.innerText()).replaceAll(',', ''))
  }
  await expect.poll(() => requests('blobs.get')).toBeGreaterThan(0)
  const before = await requests('blobs.batch')
  expect(await requests('snapshots.save')).toBe(0)
  await appendThousand(page)
  await expect.poll(() => requests('blobs.batch')).toBeGreaterThan(before)
  await page.getByRole('button', { name: 'Save snapshot' }).click()
  await expect.poll(() => requests('snapshots.save')).toBe(1)
  await expect(page.locator('#requests-total')).not.toHaveText('–')
})
