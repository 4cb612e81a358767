// The example of a shop that works offline: every order arrives once, while the page is closed and opened again, the network
// goes, and the server is killed.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, type Page, test } from '@playwright/test'
import { openQueue, openStore } from 'varve'
import { preview, build } from 'vite'

const example = fileURLToPath(new URL('../../examples/offline-orders/', import.meta.url))
const rounds = 3
const perRound = 4

test('orders of a page reach the server once each, through offline, a closed page and a killed server', async ({ context }) => {
  const folder = mkdtempSync(join(tmpdir(), 'varve-orders-'))
  const port = await freePort()
  const shop = await openShop(join(folder, 'page'), port)
  const directory = join(folder, 'server')
  let server = await startServer(directory, port)
  const ordered: string[] = []
  try {
    let page = await openPage(await context.newPage(), shop.url)
    const order = async (): Promise<void> => {
      const item = `item ${ordered.length}`
      await page.getByLabel('Item').fill(item)
      await page.getByRole('button', { name: 'Order' }).click()
      await expect(page.getByLabel('Item')).toHaveValue('')
      ordered.push(item)
    }
    for (let round = 0; round < rounds; round++) {
      for (let i = 0; i < perRound; i++) await order()
      await context.setOffline(true)
      for (let i = 0; i < perRound; i++) await order()
      await page.close() // with orders that were never sent
      await context.setOffline(false)
      page = await openPage(await context.newPage(), shop.url)
      for (let i = 0; i < perRound; i++) await order()
      server.kill('SIGKILL') // in the midst of the orders of before
      await once(server, 'exit')
      for (let i = 0; i < perRound; i++) await order()
      server = await startServer(directory, port)
    }
    await expect(page.locator('#waiting')).toHaveText('0', { timeout: 45_000 })
    server.kill('SIGTERM')
    await once(server, 'exit')
    expect(await arrived(directory)).toEqual(ordered)
  } finally {
    server.kill('SIGKILL')
    await shop.close()
    rmSync(folder, { recursive: true, force: true })
  }
})

async function openPage(page: Page, url: string): Promise<Page> {
  await page.goto(url)
  await expect(page.locator('#status')).not.toHaveText('standby')
  return page
}

async function arrived(directory: string): Promise<string[]> {
  const store = await openStore('shop', { directory, mode: 'read' })
  const queue = await openQueue<{ item: string }>(store, 'orders')
  const records = await queue.read({ limit: 1000 })
  await store.close()
  return records.map(({ value }) => value.item)
}

/** The page as it would be deployed, with the server behind the same address. */
async function openShop(outDir: string, port: number): Promise<{ url: string; close: () => Promise<void> }> {
  process.env.ORDERS_SERVER = `http://127.0.0.1:${port}`
  await build({ root: example, logLevel: 'error', build: { outDir, emptyOutDir: true } })
  const server = await preview({ root: example, logLevel: 'silent', build: { outDir }, preview: { host: '127.0.0.1', port: 0 } })
  const { port: own } = server.httpServer.address() as AddressInfo
  return { url: `http://127.0.0.1:${own}/`, close: () => server.close() }
}

async function startServer(directory: string, port: number): Promise<ChildProcess> {
  const server = spawn(process.execPath, [join(example, 'server.mjs'), directory, String(port)], { stdio: ['ignore', 'ignore', 'inherit'] })
  for (;;) {
    if (server.exitCode !== null) throw new Error(`the server ended with ${server.exitCode}`)
    const answer = await fetch(`http://127.0.0.1:${port}`, { method: 'POST', body: 'no order' }).catch(() => undefined)
    if (answer !== undefined) return server
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
