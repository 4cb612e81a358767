// Starts a Chromium with a profile on disk (a private window would keep its storage in memory) and measures in a page of it.

import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { chromium } from 'playwright'
import { findBrowser } from '../scripts/find-browser.mjs'

const ARGS = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--no-first-run']
const HTML = '<!doctype html><meta charset="utf-8"><title>varve bench</title><script type="module" src="/page.js"></script>'

/** Yields the results of the browser's cases and, with the first, the browser's version. */
export async function* browserResults({ runs, folder = tmpdir(), onVersion }) {
  const executablePath = await findBrowser()
  const server = await serve(await bundle())
  const profile = mkdtempSync(join(folder, 'varve-bench-profile-'))
  let context
  try {
    context = await chromium.launchPersistentContext(profile, { executablePath, args: ARGS })
    onVersion(`Chromium ${context.browser()?.version() ?? 'of unknown version'}`)
    const page = context.pages()[0] ?? (await context.newPage())
    page.on('pageerror', (error) => console.error(error))
    await page.goto(`http://127.0.0.1:${server.address().port}/`)
    yield await page.evaluate((count) => globalThis.benchIndexedDb(count), runs)
    yield await page.evaluate((count) => globalThis.benchOpfs(count), runs)
  } finally {
    await context?.close()
    server.close()
    rmSync(profile, { recursive: true, force: true, maxRetries: 10 })
  }
}

/** From the build, with the conditions of a browser. */
async function bundle() {
  const here = (path) => fileURLToPath(new URL(path, import.meta.url))
  const { outputFiles } = await build({
    entryPoints: [here('browser/page.mjs'), here('browser/worker.mjs')],
    outdir: '/',
    bundle: true,
    minify: true,
    keepNames: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    conditions: ['browser'],
    target: 'es2022',
  })
  return new Map(outputFiles.map((file) => [`/${file.path.split(/[\\/]/).pop()}`, file.contents]))
}

function serve(scripts) {
  const server = createServer((request, response) => {
    const script = scripts.get(request.url)
    const isPage = request.url === '/'
    response.writeHead(script === undefined && !isPage ? 404 : 200, { 'content-type': isPage ? 'text/html' : 'text/javascript' })
    response.end(isPage ? HTML : (script ?? 'not here'))
  })
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)))
}
