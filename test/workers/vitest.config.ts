// Tests in the real Workers runtime, with the bindings of wrangler.toml, offline. The runner's own Worker always has Node
// compatibility; the Worker `plain` beside it has none, and is the bundle that a deployment would be.

import { cloudflareTest } from '@cloudflare/vitest-plugin'
import { build } from 'esbuild'
import { defineConfig } from 'vitest/config'

process.env.WRANGLER_SEND_METRICS = 'false'
process.env.WRANGLER_SEND_ERROR_REPORTS = 'false'
process.env.CLOUDFLARE_CF_FETCH_ENABLED = 'false'

const root = `${import.meta.dirname}/../../`
const COMPATIBILITY_DATE = '2026-05-01'

async function bundle(entry: string): Promise<string> {
  const result = await build({
    entryPoints: [`${root}${entry}`],
    absWorkingDir: root,
    bundle: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    conditions: ['workerd', 'worker', 'browser'],
    logLevel: 'silent',
  })
  return result.outputFiles[0]?.text ?? ''
}

export default defineConfig(async () => {
  const plain = {
    name: 'plain',
    compatibilityDate: COMPATIBILITY_DATE,
    modules: [{ type: 'ESModule' as const, path: 'plain.js', contents: await bundle('test/workers/plain/plain.ts') }],
    r2Buckets: { BUCKET: 'plain' },
    kvNamespaces: { KV: 'plain' },
  }
  const bundled = await bundle('playground/worker/worker.ts')
  return {
    root,
    plugins: [
      cloudflareTest({
        wrangler: { configPath: `${root}wrangler.toml` },
        miniflare: {
          serviceBindings: { PLAIN: 'plain' },
          r2Buckets: { PLAIN_BUCKET: 'plain' },
          bindings: { WORKER_BUNDLE: bundled },
          workers: [plain],
        },
      }),
    ],
    test: {
      name: 'workers',
      include: ['test/workers/**/*.test.ts'],
      maxWorkers: 2,
      testTimeout: 60_000,
      hookTimeout: 60_000,
    },
  }
})
