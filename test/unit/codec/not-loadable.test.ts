// A page whose network is gone: the built files without those that are loaded on demand.

import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import type * as compression from '../../../dist/core/codec/compression.js'
import * as whole from '../../../dist/primitives/other.js'

const dist = join(import.meta.dirname, '../../../dist')
const plain = new Uint8Array(2000)
let copy: string
let cut: typeof compression

beforeAll(async () => {
  copy = await mkdtemp(join(tmpdir(), 'varve-not-loadable-'))
  for (const folder of ['primitives', 'core/base', 'core/codec']) await cp(join(dist, folder), join(copy, folder), { recursive: true })
  await rm(join(copy, 'primitives/small-deflate.js'))
  await writeFile(join(copy, 'package.json'), JSON.stringify({ type: 'module', imports: { '#primitives': './primitives/other.js' } }))
  cut = await import(/* @vite-ignore */ pathToFileURL(join(copy, 'core/codec/compression.js')).href)
})

afterEach(() => void vi.unstubAllGlobals())
afterAll(() => rm(copy, { recursive: true, force: true }))

test.each(['gzip', 'deflate'] as const)('few bytes of %s go through the streams of the runtime', async (name) => {
  const { compression, bytes } = await cut.compressBytes(name, plain)
  expect(bytes.length).toBeLessThan(100)
  expect(await whole.decompress(name, bytes, plain.length)).toStrictEqual(plain)
  expect(await cut.decompressBytes(compression, bytes, plain.length)).toStrictEqual(plain)
})

test('without streams it is unavailable, never damage', async () => {
  const packed = await whole.compress('gzip', plain)
  vi.stubGlobal('CompressionStream', undefined)
  vi.stubGlobal('DecompressionStream', undefined)
  await expect(cut.compressBytes('gzip', plain)).rejects.toMatchObject({ code: 'unavailable' })
  await expect(cut.decompressBytes(1, packed, plain.length)).rejects.toMatchObject({ code: 'unavailable' })
})
