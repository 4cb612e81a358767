// The codec that docs/codecs.md shows, as it stands there.

import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Codec, openKv, openQueue, openSnapshots } from 'varve'
import { memory } from 'varve/adapters/memory'
import { chooseCodec } from '../../../dist/core/codec/codecs.js'
import { snippetsOf } from '../../snippets/readme.js'

const root = join(import.meta.dirname, '../../..')
let folder: string
let yaml: Codec

beforeAll(async () => {
  const snippet = snippetsOf(await readFile(join(root, 'docs/codecs.md'), 'utf8')).find(({ code }) => code.includes("from 'yaml'"))
  const shown = (snippet?.code ?? '').slice(0, snippet?.code.indexOf('const settings'))
  folder = await mkdtemp(join(tmpdir(), 'varve-yaml-'))
  const outfile = join(folder, 'yaml.mjs')
  const banner = { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" }
  await build({
    stdin: { contents: shown, resolveDir: root, loader: 'ts' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    banner,
    outfile,
  })
  yaml = ((await import(/* @vite-ignore */ pathToFileURL(outfile).href)) as { yaml: Codec }).yaml
})
afterAll(() => rm(folder, { recursive: true, force: true }))

test('it is YAML, in queues, keys and snapshots', async () => {
  const backend = memory()
  const value = { list: [1, 'two', null], text: 'a\nb: "c"' }
  await (await openQueue(backend, 'q', { codec: yaml })).append(value)
  await (await openKv(backend, 'n', { codec: yaml })).put('k', value)
  await (await openSnapshots(backend, { codec: yaml })).save({ agent: 'a', session: 's', state: value })
  expect((await (await openQueue(backend, 'q', { codec: yaml })).read())[0]?.value).toStrictEqual(value)
  expect(await (await openKv(backend, 'n', { codec: yaml })).get('k')).toStrictEqual(value)
  expect(await (await openSnapshots(backend, { codec: yaml })).load({ agent: 'a', session: 's' })).toStrictEqual(value)
  expect(new TextDecoder().decode(yaml.encode({ list: [1] }))).toBe('list:\n  - 1\n')
  await expect((await openKv(backend, 'n')).get('k')).rejects.toMatchObject({ code: 'unsupported' })
})

test('what YAML would change is invalid, what is no YAML corrupt', async () => {
  const codec = await chooseCodec(yaml)
  const cycle: unknown[] = []
  cycle.push(cycle)
  for (const value of [new Date(0), { at: undefined }, new Map(), cycle, () => 1]) {
    expect(() => codec.encode(value)).toThrow(expect.objectContaining({ code: 'invalid' }))
  }
  for (const text of ['a: b: c', '"open', '- &a 1\n- *a', '\t- 1']) {
    expect(() => codec.decode(new TextEncoder().encode(text)), text).toThrow(expect.objectContaining({ code: 'corrupt' }))
  }
})

test('tags make no objects, and __proto__ is data', () => {
  const parsed = yaml.decode(new TextEncoder().encode('__proto__:\n  admin: true\nwhen: !!timestamp 2001-01-01\n')) as object
  expect((parsed as { admin?: boolean }).admin).toBe(undefined)
  expect(Object.getPrototypeOf(parsed)).toBe(Object.prototype)
})

test('JSON values come back equal, or are refused', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      let bytes: Uint8Array
      try {
        bytes = yaml.encode(value)
      } catch {
        return
      }
      expect(yaml.decode(bytes)).toStrictEqual(value)
    }),
    { numRuns: 300 },
  )
})
