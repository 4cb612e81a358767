// Brotli as a page has it: by the package brotli-wasm, whose file `fetch` brings.

import { readFile } from 'node:fs/promises'
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { brotli } from 'varve/compression/brotli'
import { equalBytes, utf8 } from '../../../dist/core/base/bytes.js'
import { isStorageError } from '../../../dist/core/base/errors.js'
import { decompressBytes } from '../../../dist/core/codec/compression.js'
import { chooseCompression } from '../../../dist/core/codec/compression-set.js'

const plain = utf8('the same words again and again, '.repeat(5000))
const fails = (run: Promise<unknown>): Promise<unknown> =>
  run.then(
    () => undefined,
    (error: unknown) => (isStorageError(error) ? error.code : error),
  )

beforeAll(() => {
  vi.spyOn(process, 'getBuiltinModule').mockReturnValue(undefined)
  const headers = { 'content-type': 'application/wasm' }
  vi.stubGlobal('fetch', async (url: URL) => new Response(await readFile(url), { headers }))
})
afterAll(() => {
  vi.restoreAllMocks()
  vi.unstubAllGlobals()
})

test('what it writes, Node reads, and the other way round', async () => {
  for (const level of [1, 9]) {
    const packed = await chooseCompression({ name: 'brotli', level }, [brotli]).pack(plain)
    expect(packed.compression).toBe(3)
    expect(equalBytes(brotliDecompressSync(packed.bytes), plain)).toBe(true)
  }
  const small = { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } }
  for (const bytes of [plain, plain.subarray(0, 70_000), plain.subarray(0, 1), new Uint8Array(0)]) {
    expect(equalBytes(await decompressBytes(3, brotliCompressSync(bytes, small), bytes.length, brotli), bytes)).toBe(true)
  }
})

test('a bomb ends at the length that was stored', async () => {
  const bomb = brotliCompressSync(new Uint8Array(50_000_000))
  expect(bomb.length).toBeLessThan(1000)
  for (const length of [0, 1000, 1_000_000]) expect(await fails(decompressBytes(3, bomb, length, brotli))).toBe('corrupt')
  expect(await fails(decompressBytes(3, brotliCompressSync(plain), plain.length + 1, brotli))).toBe('corrupt')
})

test('what is cut, changed or followed by more is corrupt or of the same length', async () => {
  const packed = new Uint8Array(brotliCompressSync(plain))
  expect(await fails(decompressBytes(3, Uint8Array.from([...packed, 0]), plain.length, brotli))).toBe('corrupt')
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.nat(255), fc.boolean(), async (at, byte, isCut) => {
      const changed = packed.slice()
      changed[at % packed.length] = byte
      const bytes = isCut ? packed.subarray(0, at % packed.length) : changed
      const back = await decompressBytes(3, bytes, plain.length, brotli).catch((error: unknown) => error)
      expect(back instanceof Uint8Array ? back.length === plain.length : isStorageError(back, 'corrupt')).toBe(true)
    }),
    { numRuns: 300 },
  )
})
