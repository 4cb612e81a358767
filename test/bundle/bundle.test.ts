import { describe, expect, test } from 'vitest'
import { bundle, type Target } from './bundle.js'
import { weigh } from './weigh.js'

const use = (names: string): string => `globalThis.use = [${names}]`

const pieces = {
  'the whole package': `import * as varve from 'varve'; ${use('varve')}`,
  'openStore, openQueue, openSnapshots and openKv': `import { openStore, openQueue, openSnapshots, openKv } from 'varve'; ${use('openStore, openQueue, openSnapshots, openKv')}`,
  'keys on memory': `import { openKv } from 'varve'; import { memory } from 'varve/adapters/memory'; ${use('openKv, memory')}`,
  'metrics on memory': `import { metrics, observed } from 'varve/observe'; import { memory } from 'varve/adapters/memory'; ${use('metrics, observed, memory')}`,
  'the test kit': `import * as testing from 'varve/testing'; ${use('testing')}`,
}

const onIndexedDb = {
  kv: `import { openKv } from 'varve'; import { indexedDb } from 'varve/adapters/indexeddb'; ${use('openKv, indexedDb')}`,
  queue: `import { openQueue } from 'varve'; import { indexedDb } from 'varve/adapters/indexeddb'; ${use('openQueue, indexedDb')}`,
}

const perTarget: Record<Target, Record<string, string>> = {
  browser: {
    ...pieces,
    'keys on IndexedDB': onIndexedDb.kv,
    'a queue on IndexedDB': onIndexedDb.queue,
    'a queue on OPFS': `import { openQueue } from 'varve'; import { opfs } from 'varve/adapters/opfs'; ${use('openQueue, opfs')}`,
  },
  workerd: {
    ...pieces,
    'a queue and snapshots on R2': `import { openQueue, openSnapshots } from 'varve'; import { r2 } from 'varve/adapters/cloudflare-r2'; ${use('openQueue, openSnapshots, r2')}`,
    'keys on Cloudflare KV': `import { openKv } from 'varve'; import { cloudflareKv } from 'varve/adapters/cloudflare-kv'; ${use('openKv, cloudflareKv')}`,
  },
}

for (const target of ['browser', 'workerd'] as const) {
  describe(`bundles for ${target}`, () => {
    for (const [name, source] of Object.entries(perTarget[target])) {
      test(`${name}: no Node module is named and nothing is left to import`, async () => {
        const { text, externals } = await bundle(source, target)
        expect(text.match(/["'`]node:[a-z_/]*/g) ?? []).toEqual([])
        expect(externals).toEqual([])
        expect(text.length).toBeGreaterThan(500)
      })
    }
  })
}

describe('a bundle has only what it imports', () => {
  for (const target of ['browser', 'workerd'] as const) {
    test(`openKv on memory holds no IndexedDB (${target})`, async () => {
      const { text, weights } = await bundle(pieces['keys on memory'], target)
      expect(text).not.toContain('indexedDB')
      expect(weights.map(([path]) => path).filter((path) => /indexeddb|node_modules\/idb\//.test(path))).toEqual([])
    })
  }

  test('who does not observe has nothing of it', async () => {
    const { text, weights } = await bundle(pieces['the whole package'], 'browser')
    expect(weights.filter(([path, bytes]) => bytes > 0 && /observe/.test(path))).toEqual([])
    expect(text).not.toContain('varve_requests_total')
    expect(text).not.toContain('locks.acquire')
  })

  test('openKv holds no queue and no snapshots', async () => {
    const { weights } = await bundle(onIndexedDb.kv, 'browser')
    expect(weights.filter(([path, bytes]) => bytes > 0 && /features\/(queue|snapshots)\//.test(path))).toEqual([])
  })

  const onDemand = /codec\/structured|engine\/(?:file-log|segment|chunk-log|journal-group|group-state)|web\/locks\.js|fflate|hash-wasm/
  test('a page loads codec, logs, groups, locks and compression when it first needs them', async () => {
    const { text, weights } = await bundle(onIndexedDb.queue, 'browser')
    expect(weights.filter(([path]) => onDemand.test(path))).toEqual([])
    expect(text).toContain('stored bytes are not a structured value')
  })

  test('nothing for Workers compiles WebAssembly or evaluates text', async () => {
    const { text } = await bundle(pieces['the whole package'], 'workerd')
    expect(text.match(/WebAssembly\.(?:compile|instantiate|Module)|new Function\b|\beval\(/g) ?? []).toEqual([])
  })
})

/**
 * `aim` is where we want to be (docs/decisions/0007-bytes-of-a-bundle.md) with what a page loads at first; `limit` keeps what
 * we have from growing, `limitOfAll` what is there with all that is loaded on demand.
 */
const budgets = [
  { name: 'keys on IndexedDB', source: onIndexedDb.kv, aim: 5_000, limit: 12_600, limitOfAll: 17_600 },
  { name: 'a queue with groups on IndexedDB', source: onIndexedDb.queue, aim: 12_000, limit: 25_600, limitOfAll: 83_500 },
  { name: 'everything in core', source: pieces['the whole package'], aim: 45_000, limit: 41_000, limitOfAll: 209_000 },
]

describe('bytes, minified and compressed with brotli', () => {
  for (const { name, source, aim, limit, limitOfAll } of budgets) {
    test(`${name} weighs at most ${limit} at first and ${limitOfAll} in all, the aim being ${aim}`, async () => {
      const { firstBytes, allBytes } = await weigh(source)
      const { weights } = await bundle(source, 'browser')
      const heaviest = weights.slice(0, 12).map(([path, bytes]) => `    ${String(bytes).padStart(6)}  ${path}`)
      const verdict = firstBytes <= aim ? 'aim met' : `aim MISSED by ${firstBytes - aim} bytes`
      console.log(
        `${name}: ${firstBytes} bytes at first, limit ${limit}, aim ${aim}: ${verdict}; ${allBytes} in all, limit ${limitOfAll};\n` +
          `  heaviest modules at first, minified:\n${heaviest.join('\n')}`,
      )
      expect(firstBytes).toBeLessThanOrEqual(limit)
      expect(allBytes).toBeLessThanOrEqual(limitOfAll)
    })
  }
})
