// Serves the test page and the playground: both are built from the built package once, with the conditions of a browser, and
// kept in memory. No dev server, because that reloads pages when files change.

import { createServer } from 'node:http'
import { extname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { build as viteBuild } from 'vite'

const here = (path) => fileURLToPath(new URL(path, import.meta.url))

const { outputFiles } = await build({
  entryPoints: [here('harness/page.ts'), here('harness/worker.ts'), here('harness/langgraph-worker.ts')],
  outdir: '/',
  bundle: true,
  write: false,
  format: 'esm',
  platform: 'browser',
  conditions: ['browser'],
  target: 'es2022',
})

const html = (script) => `<!doctype html><meta charset="utf-8"><title>varve tests</title><script type="module" src="${script}"></script>`
const pages = new Map([
  ['/', { type: 'text/html', body: html('/page.js') }],
  ['/langgraph', { type: 'text/html', body: html('/langgraph-worker.js') }],
  ['/empty', { type: 'text/html', body: '<!doctype html><title>empty</title>' }],
  ['/ready', { type: 'text/plain', body: 'ready' }],
])
for (const file of outputFiles) pages.set(`/${file.path.split(/[\\/]/).pop()}`, { type: 'text/javascript', body: file.contents })

const types = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' }
const playground = await viteBuild({ root: here('../../playground'), base: '/playground/', logLevel: 'error', build: { write: false } })
for (const file of playground.output) {
  const body = file.type === 'chunk' ? file.code : file.source
  pages.set(`/playground/${file.fileName}`, { type: types[extname(file.fileName)] ?? 'application/octet-stream', body })
}

const server = createServer((request, response) => {
  const page = pages.get(new URL(request.url ?? '/', 'http://local').pathname)
  response.writeHead(page === undefined ? 404 : 200, { 'content-type': page?.type ?? 'text/plain', 'cache-control': 'no-store' })
  response.end(page?.body ?? 'not here')
})
server.listen(Number(process.argv[2]), '127.0.0.1')
