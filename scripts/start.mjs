// npm start: builds, runs the demo, then builds and serves the playground until it is stopped.

import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { build as bundle, preview } from 'vite'

const DEMO = fileURLToPath(new URL('./demo.mjs', import.meta.url))
const PLAYGROUND = fileURLToPath(new URL('../playground', import.meta.url))

// The demo compiles the package first.
const { status } = spawnSync(process.execPath, [DEMO, ...process.argv.slice(2)], { stdio: 'inherit' })
if (status !== 0 || process.argv.includes('--help')) process.exit(status ?? 1)

console.log('\nbuilding the playground')
await bundle({ root: PLAYGROUND, logLevel: 'warn' })
const server = await preview({ root: PLAYGROUND, logLevel: 'warn', preview: { host: 'localhost' } })
const { port } = server.httpServer.address()
console.log(`the playground is at http://localhost:${port} (Ctrl+C ends it)`)

// Vite ends the server itself on SIGTERM.
process.once('SIGINT', async () => {
  await server.close()
  process.exit(0)
})
