// Runs a TypeScript file of a project where it is meant to run: in Node, in a page built by Vite, in a Worker.

import { readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join } from 'node:path'
import { build as bundle, transform } from 'esbuild'
import { convertV4MiniflareOptions, Miniflare } from 'miniflare'
import { chromium } from 'playwright'
import { build as buildPage } from 'vite'
import { findBrowser } from '../../scripts/find-browser.mjs'
import type { Project } from './project.js'

/**
 * Runs the file with this Node, or with the executable `node`, and gives what it printed; rejects when it exits with anything but 0.
 * Its working directory is the project's folder, or the one named below it.
 */
export async function runInNode(project: Project, file: string, node = process.execPath, below = ''): Promise<string> {
  const { code } = await transform(await readFile(join(project.folder, file), 'utf8'), { loader: 'ts', target: 'es2022', format: 'esm' })
  const script = file.replace(/\.ts$/, '.mjs')
  await project.write(script, code)
  return project.run(node, [join(project.folder, script)], below)
}

/** A module Worker without Node compatibility, with an R2 bucket BUCKET and a KV namespace KV, on the local Workers runtime. */
export async function startWorker(project: Project, file: string): Promise<Miniflare> {
  const { outputFiles } = await bundle({
    entryPoints: [join(project.folder, file)],
    absWorkingDir: project.folder,
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    conditions: ['workerd', 'worker', 'browser'],
    logLevel: 'silent',
  })
  const options = convertV4MiniflareOptions({
    modules: [{ type: 'ESModule', path: 'worker.js', contents: outputFiles[0]?.text ?? '' }],
    compatibilityDate: '2026-05-01',
    r2Buckets: ['BUCKET'],
    kvNamespaces: ['KV'],
  })
  const worker = new Miniflare(options)
  await worker.ready
  return worker
}

/** Builds a page around the file with Vite, opens it in Chromium and gives its text when the file's module has run to its end. */
export async function runInPage(project: Project, file: string): Promise<string> {
  const place = `page-${file.replace(/\W/g, '-')}`
  await project.write(`${place}/index.html`, '<!doctype html><title>waiting</title><script type="module" src="./main.ts"></script>')
  await project.write(`${place}/main.ts`, pageEntry(`../${file}`))
  const outDir = join(project.folder, `${place}-built`)
  await buildPage({
    root: join(project.folder, place),
    configFile: false,
    logLevel: 'error',
    base: './',
    build: { outDir, emptyOutDir: true },
  })
  const server = await serve(outDir)
  try {
    return await visit(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
  } finally {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
}

function pageEntry(module: string): string {
  return `import('${module}').then(
  () => { document.title = 'done' },
  (error) => { document.title = 'failed'; document.body.append(String(error?.stack ?? error)) },
)
`
}

async function visit(address: string): Promise<string> {
  const browser = await chromium.launch({
    executablePath: (await findBrowser()) ?? '',
    args: ['--no-sandbox', '--disable-gpu', '--no-first-run'],
  })
  try {
    const page = await browser.newPage()
    const problems: string[] = []
    page.on('pageerror', (error) => problems.push(String(error)))
    await page.goto(address)
    await page.waitForFunction(() => document.title !== 'waiting', undefined, { timeout: 30_000 })
    const text = await page.evaluate(() => document.body.innerText)
    if (problems.length > 0 || (await page.title()) !== 'done') throw new Error(`the page failed\n${problems.join('\n')}\n${text}`)
    return text
  } finally {
    await browser.close()
  }
}

const TYPES: Record<string, string> = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css' }

async function serve(folder: string): Promise<Server> {
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://page').pathname
    const file = join(folder, path === '/' ? 'index.html' : path)
    readFile(file).then(
      (bytes) => response.writeHead(200, { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream' }).end(bytes),
      () => response.writeHead(404).end(),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return server
}
