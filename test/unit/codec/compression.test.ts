import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { equalBytes } from '../../../dist/core/base/bytes.js'
import { isStorageError } from '../../../dist/core/base/errors.js'
import { type CompressionName, compressBytes, compressionId, decompressBytes } from '../../../dist/core/codec/compression.js'
import { chooseCompression } from '../../../dist/core/codec/compression-set.js'
import * as node from '../../../dist/primitives/node.js'

const all = ['gzip', 'deflate', 'brotli', 'zstd', 'lz4'] as const
const here = all.filter((name) => node.hasCompression(name))
const text = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i % 7) * (i % 3))
const fails = async (run: () => unknown): Promise<string | undefined> => {
  try {
    await run()
  } catch (error) {
    return isStorageError(error) ? error.code : String(error)
  }
  return undefined
}

/** Text as it is stored: words that come again, and some that do not. */
const pieces = fc
  .array(fc.oneof(fc.constantFrom('{"name":"ada","items":[', 'xxxxxxxxxxxxxxxxxxxxxx', '],'), fc.string(), fc.base64String()), {
    maxLength: 200,
  })
  .map((parts) => new TextEncoder().encode(parts.join('')))

test('Node has gzip, deflate, brotli and lz4, and zstd where its zlib has', () => {
  expect(here.filter((name) => name !== 'zstd')).toEqual(['gzip', 'deflate', 'brotli', 'lz4'])
})

describe.each(here)('%s', (name) => {
  test('comes back equal at every size, small and large', async () => {
    for (const size of [0, 1, 12, 13, 4096, 65_536, 65_537, 1_000_000]) {
      const packed = await node.compress(name, text(size))
      expect(equalBytes(await node.decompress(name, packed, size), text(size))).toBe(true)
    }
  })

  test('whatever the bytes, they come back equal', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(pieces, fc.uint8Array({ maxLength: 2000 })), async (plain) => {
        expect(equalBytes(await node.decompress(name, await node.compress(name, plain), plain.length), plain)).toBe(true)
      }),
      { numRuns: 200 },
    )
  })

  test('a bomb ends at the length that was stored', async () => {
    const bomb = await node.compress(name, new Uint8Array(4_000_000))
    expect(bomb.length).toBeLessThan(40_000)
    const id = compressionId(name)
    for (const length of [0, 1000, 100_000]) expect(await fails(() => decompressBytes(id, bomb, length))).toBe('corrupt')
    expect(await fails(() => decompressBytes(id, bomb, 4_000_001))).toBe('corrupt')
    const whole = await decompressBytes(id, bomb, 4_000_000)
    expect([whole.length, whole.every((byte) => byte === 0)]).toEqual([4_000_000, true])
  })

  test('what is cut or has bytes changed is corrupt or of the same length', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.nat(255), fc.boolean(), async (at, byte, isCut) => {
        const packed = await node.compress(name, text(3000))
        packed[at % packed.length] = byte
        const bytes = isCut ? packed.subarray(0, at % packed.length) : packed
        const back = await decompressBytes(compressionId(name), bytes, 3000).catch((error: unknown) => error)
        expect(back instanceof Uint8Array ? back.length === 3000 : isStorageError(back, 'corrupt')).toBe(true)
      }),
      { numRuns: 300 },
    )
  })

  test('a set writes it and any set reads it', async () => {
    const set = chooseCompression(name)
    for (const size of [600, 20_000, 200_000]) {
      const packed = await set.pack(text(size))
      expect(packed.compression).toBe(compressionId(name))
      expect(packed.bytes.length).toBeLessThan(size / 2)
      expect(equalBytes(await chooseCompression('none').decompress(packed.compression, packed.bytes, size), text(size))).toBe(true)
    }
    expect(await set.pack(text(511))).toEqual({ compression: 0, bytes: text(511) })
    expect((await set.pack(node.randomBytes(5000))).compression).toBe(0)
  })
})

describe('levels', () => {
  test('a higher one takes fewer bytes', async () => {
    const plain = new TextEncoder().encode(Array.from({ length: 3000 }, (_, i) => `${(i * 7919) % 1013}:${i % 17},`).join(''))
    for (const name of ['gzip', 'deflate', 'brotli'] as const) {
      const [fast, small] = await Promise.all([1, 9].map((level) => chooseCompression({ name, level }).pack(plain)))
      expect((small as typeof fast & object).bytes.length).toBeLessThan((fast as typeof small & object).bytes.length)
    }
  })

  test('those that a compression has not are invalid, and so are those of what has none', async () => {
    for (const [name, level] of [
      ['gzip', 10],
      ['gzip', -1],
      ['gzip', 1.5],
      ['brotli', 12],
      ['zstd', 0],
      ['lz4', 1],
      ['none', 1],
    ] as const) {
      expect(await fails(() => chooseCompression({ name, level })), `${name} ${level}`).toBe('invalid')
    }
    expect(await fails(() => chooseCompression({ name: 'gzip', level: '1' as unknown as number }))).toBe('invalid')
    expect(await fails(() => chooseCompression({ name: 'brotli', level: 11 }))).toBe(undefined)
  })
})

describe('modules', () => {
  /** Marks what it makes, so that one can tell who made it. */
  const own = {
    name: 'zstd' as const,
    id: 4,
    compress: (bytes: Uint8Array) => bytes.slice(0, 100),
    decompress: (_: Uint8Array, plainLength: number) => text(plainLength),
  }

  test('one that is passed writes and reads, alone or by its name', async () => {
    for (const set of [chooseCompression(own), chooseCompression('zstd', [own]), chooseCompression({ name: 'zstd', level: 3 }, [own])]) {
      const packed = await set.pack(text(5000))
      expect(packed).toEqual({ compression: 4, bytes: text(5000).slice(0, 100) })
      expect(await set.decompress(4, packed.bytes, 5000)).toStrictEqual(text(5000))
    }
    expect(await chooseCompression('gzip', [own]).decompress(4, new Uint8Array(1), 600)).toStrictEqual(text(600))
  })

  test('one that loses something is found out before anything is stored', async () => {
    const lossy = { ...own, decompress: (_: Uint8Array, plainLength: number) => new Uint8Array(plainLength) }
    expect(await fails(() => chooseCompression(lossy).pack(text(5000)))).toBe('corrupt')
    const short = { ...own, decompress: () => new Uint8Array(1) }
    expect(await fails(() => chooseCompression(short).decompress(4, new Uint8Array(9), 5000))).toBe('corrupt')
  })

  test('what is no module is invalid', async () => {
    for (const wrong of [
      { ...own, id: 5 },
      { ...own, id: 0, name: 'none' },
      { ...own, name: 'best' },
      { ...own, decompress: 1 },
      5,
      null,
    ]) {
      expect(await fails(() => chooseCompression('gzip', [wrong as never]))).toBe('invalid')
    }
    for (const wrong of ['best', {}, { name: 'best' }, null, 4])
      expect(await fails(() => chooseCompression(wrong as never))).toBe('invalid')
  })

  test('without it, what needs it is unsupported and says what to import', async () => {
    for (const name of ['brotli', 'zstd', 'lz4'] as CompressionName[]) {
      if (node.hasCompression(name)) continue
      const id = compressionId(name)
      const errors: (() => unknown)[] = [
        () => chooseCompression(name),
        () => compressBytes(name, text(600)),
        () => decompressBytes(id, text(9), 9),
      ]
      for (const run of errors) {
        const error = await Promise.resolve()
          .then(run)
          .catch((caught: unknown) => caught)
        expect(error).toMatchObject({ code: 'unsupported', message: expect.stringContaining(`varve/compression/${name}`) })
      }
    }
    expect(await fails(() => decompressBytes(9, text(9), 9))).toBe('unsupported')
  })
})
